"""Starts and stops the development cluster. Standard library only; `cluster.py --help` for people."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

if not __package__:  # run as a program: the package lies in the folder above
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from devcluster.compiler import build
from devcluster.errors import ClusterError

TOP: Final = Path(__file__).resolve().parents[2]
STATE: Final = TOP / ".dev"
DEFAULT: Final = "dev"
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 60.0
NEEDED: Final = {"bwrap": "bubblewrap", "nsenter": "util-linux", "setpriv": "util-linux"}
"""Commands of a node, and their Debian packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster's files, whether it runs or not."""

    name: str
    kubeconfig: Path
    folder: Path

    @property
    def data(self) -> Path:
        """What the program itself keeps."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the program says."""
        return self.folder / "cluster.log"

    @property
    def process(self) -> int:
        """The process that runs it, or 0."""
        try:
            pid = int((self.data / "pid").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return 0
        return pid if str(self.data).encode() in command.split(b"\0") else 0

    @property
    def number(self) -> int:
        """What tells its networks from those of other clusters: 10.244.NUMBER.0/24 and 10.96.NUMBER.0/24."""
        return int(self.recorded("cluster")["Index"])

    def recorded(self, kind: str) -> dict[str, Any]:
        """Return what it keeps of "images", "dns" or (itself) "cluster"."""
        path = self.data / f"{kind}.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}


def in_place() -> bool:
    """Whether the cluster of the kubeconfig context in place is to be used."""
    return os.environ.get("CLUSTER") == "current"


def demomail(*, quiet: bool = False) -> Path:
    """Return the demo's mail server. Raises ClusterError."""
    return build("./demomail", quiet=quiet)


def find(name: str = DEFAULT, *, folder: Path | None = None) -> Cluster:
    """Return a cluster by its name; its files are in `folder`, by default `.dev/NAME`."""
    own = folder or STATE / name
    kubeconfig = STATE / "kubeconfig" if name == DEFAULT and folder is None else own / "kubeconfig"
    return Cluster(name=name, kubeconfig=kubeconfig, folder=own)


def start(
    name: str = DEFAULT,
    *,
    node: bool = True,
    images: Mapping[str, Sequence[str]] | None = None,
    dns: Mapping[str, str] | None = None,
    upstream: str = "",
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    quiet: bool = True,
) -> Cluster:
    """Start a cluster, detached, and wait until it is ready. One that runs gets the images and names and is returned.

    Args:
        name: its name.
        node: False: the control plane alone, which needs no privileges.
        images: for each image its prefix (a folder) and entrypoint.
        dns: further names that the cluster's DNS answers, with an address or several by comma, or HOST:PORT for an SRV record.
        upstream: ADDRESS:PORT of a DNS server for all other names; by default there are none.
        folder: where its files are, by default `.dev/NAME`.
        environment: variables of its parts beside those of this process (GOGC).
        quiet: say nothing of the compiler's progress.

    Raises ClusterError.
    """
    found = find(name, folder=folder)
    served = [f"{image}={','.join(prefix)}" for image, prefix in (images or {}).items()]
    names = [f"{host}={address}" for host, address in (dns or {}).items()]
    if found.process:
        for kind, values in {"image": served, "dns": names}.items():
            if values:
                record(name, kind, *values, folder=folder)
        return found
    if node:
        check_machine()
    binary = build(quiet=quiet)
    found.folder.mkdir(parents=True, exist_ok=True)
    command = [str(binary), "up", "--data-dir", str(found.data), "--kubeconfig", str(found.kubeconfig)]
    command += [] if node else ["--no-node"]
    command += [f"--image={one}" for one in served] + [f"--dns={one}" for one in names]
    command += [f"--dns-upstream={upstream}"] if upstream else []
    with found.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | (environment or {}),
        )
    deadline = time.monotonic() + START_SECONDS
    while not any(line.startswith(b"ready") for line in found.log.read_bytes().splitlines()):
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            process.wait(STOP_SECONDS)
            raise ClusterError(f"The cluster did not start:\n{found.log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)
    process.returncode = 0  # it goes on without us: nobody waits for it
    return found


def check_machine() -> None:
    """Say before the long compilation what a node lacks here; the program itself tries the rest. Raises ClusterError."""
    lacking = [] if os.geteuid() == 0 else ["root: pods get network interfaces and mounts (run it with sudo)"]
    packages = sorted({package for command, package in NEEDED.items() if not shutil.which(command)})
    lacking += [f"commands: apt-get install -y {' '.join(packages)}"] if packages else []
    if lacking:
        raise ClusterError(
            "\n  - ".join(["A node cannot run here, it lacks", *lacking])
            + "\nThe control plane alone needs none of this (--no-node); "
            + "CLUSTER=current uses the cluster of your kubeconfig."
        )


def stop(name: str = DEFAULT, *, delete: bool = False, folder: Path | None = None) -> bool:
    """Stop a cluster; with `delete`, remove its data. Return whether it ran. Raises ClusterError."""
    found = find(name, folder=folder)
    ran = bool(pid := found.process)
    if pid:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while found.process:
            if time.monotonic() > deadline:
                raise ClusterError(f"process {pid} did not end within {STOP_SECONDS:g} s: {found.log}")
            time.sleep(0.05)
    if delete:
        shutil.rmtree(found.data, ignore_errors=True)
    return ran


def record(name: str, kind: str, *values: str, folder: Path | None = None) -> None:
    """Add an "image" (`REF=PREFIX,ENTRYPOINT`) or "dns" name (`NAME=ADDRESS`) while it runs. Raises ClusterError."""
    command = [str(build(quiet=True)), kind, "--data-dir", str(find(name, folder=folder).data), *values]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(done.stderr.strip())


if __name__ == "__main__":
    from devcluster.command_line import main

    sys.exit(main())
