"""Builds, starts and stops the development cluster. Standard library only; `cluster.py --help` for people."""

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
TOP: Final = HERE.parents[1]
STATE: Final = TOP / ".dev"
DEFAULT: Final = "dev"

KUBERNETES: Final = "v1.36.3"
VERSION: Final = "k8s.io/component-base/version"
FLAGS: Final = (
    "-trimpath",
    "-buildvcs=false",
    "-gcflags=all=-dwarf=false",
    "-ldflags",
    f"-s -w -X {VERSION}.gitVersion={KUBERNETES} -X {VERSION}.gitMajor=1 -X {VERSION}.gitMinor=36",
)
GO_ENVIRONMENT: Final = {"CGO_ENABLED": "0", "GOGC": "400"}
KEPT: Final = 3
"""Binaries of a program that stay in the cache."""
START_SECONDS: Final = 120.0


class ClusterError(Exception):
    """What went wrong, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A running cluster."""

    name: str
    kubeconfig: Path
    data: Path


def in_place() -> bool:
    """Whether the cluster of the kubeconfig context in place is to be used."""
    return os.environ.get("CLUSTER") == "current"


# -- build


def build(package: str = ".", *, quiet: bool = False) -> Path:
    """Return a program of the Go module, compiled if the cache has it not. Raises ClusterError."""
    name = "devcluster" if package == "." else Path(package).name
    go = shutil.which("go")
    if not go:
        raise ClusterError(
            "The development cluster is compiled by Go 1.26 or newer, which is not here: install it "
            "(https://go.dev/doc/install), or use another cluster: CLUSTER=current"
        )
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mailbox-operator"
    binary = folder / f"{name}-{_fingerprint(go, package)}"
    if binary.exists():
        os.utime(binary)
        return binary
    folder.mkdir(parents=True, exist_ok=True)
    _compile(go, package, binary, quiet=quiet)
    older = sorted(folder.glob(f"{name}-*"), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]
    for path in older:
        path.unlink()
    return binary


def demomail(*, quiet: bool = False) -> Path:
    """Return the demo's mail server."""
    return build("./demomail", quiet=quiet)


def _fingerprint(go: str, package: str) -> str:
    """Return a hash of sources, Go's version and flags."""
    found = hashlib.sha256(subprocess.run([go, "version"], capture_output=True, check=True).stdout)
    found.update(repr((FLAGS, package)).encode())
    for path in sorted([*(HERE / package).glob("*.go"), HERE / "go.mod", HERE / "go.sum"]):
        if not path.name.endswith("_test.go"):
            found.update(f"{path.relative_to(HERE)} {path.stat().st_size}\n".encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _compile(go: str, package: str, binary: Path, *, quiet: bool) -> None:
    """Run the compiler and tell how far it is."""
    began, told, packages = time.monotonic(), 0.0, 0
    what = "the development cluster (some 4 minutes the first time)" if package == "." else package
    _say(f"compiling {what}", quiet=quiet)
    temporary = binary.with_suffix(".new")
    command = [go, "build", "-v", *FLAGS, "-o", str(temporary), package]
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=HERE, env=os.environ | GO_ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as compiler:
        assert compiler.stderr is not None
        for line in compiler.stderr:
            lines.append(line)
            packages += 1
            elapsed = time.monotonic() - began
            if elapsed - told >= (1 if sys.stdout.isatty() else 30):
                told = elapsed
                end = "\r" if sys.stdout.isatty() else "\n"
                if not quiet:
                    print(f"  {packages} packages, {elapsed:.0f} s", end=end, flush=True)
    if compiler.returncode:
        raise ClusterError(f"go build failed:\n{''.join(lines[-30:])}")
    temporary.replace(binary)
    _say(f"compiled in {time.monotonic() - began:.0f} s", quiet=quiet)


def vet() -> None:
    """Run gofmt and go vet over the Go modules of the tests. Raises ClusterError."""
    modules = [
        HERE,
        *(path.parent for path in TOP.glob("*/*/go.mod") if path.parent != HERE),
        *(TOP.glob("bench/*/gobox")),
    ]
    for module in dict.fromkeys(modules):
        unformatted = subprocess.run(
            ["gofmt", "-l", "."], cwd=module, capture_output=True, text=True, check=False
        ).stdout
        if unformatted:
            raise ClusterError(f"gofmt -w these files of {module.relative_to(TOP)}:\n{unformatted}")
        flags = ["-trimpath", "-gcflags=all=-dwarf=false"] if module == HERE else []
        done = subprocess.run(
            ["go", "vet", *flags, "./..."],
            cwd=module,
            env=os.environ | (GO_ENVIRONMENT if module == HERE else {}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"go vet in {module.relative_to(TOP)}:\n{done.stderr}")


# -- start and stop


def start(
    name: str = DEFAULT,
    *,
    node: bool = True,
    images: Mapping[str, Sequence[str]] | None = None,
    dns: Mapping[str, str] | None = None,
    folder: Path | None = None,
    quiet: bool = True,
) -> Cluster:
    """Start a cluster, detached, and wait until it is ready. One that runs is returned as it is.

    Args:
        name: its name; its files are in `.dev/NAME`.
        node: False: the control plane alone, which needs no privileges.
        images: for each image its prefix (a folder) and entrypoint.
        dns: further names that the cluster's DNS answers.
        folder: its files are there instead.
        quiet: say nothing of the compiler's progress.

    Raises ClusterError.
    """
    own = folder or STATE / name
    kubeconfig = STATE / "kubeconfig" if name == DEFAULT and folder is None else own / "kubeconfig"
    running = Cluster(name=name, kubeconfig=kubeconfig, data=own / "data")
    if owner(running):
        return running
    binary = build(quiet=quiet)
    own.mkdir(parents=True, exist_ok=True)
    command = [str(binary), "up", "--data-dir", str(running.data), "--kubeconfig", str(kubeconfig)]
    command += [] if node else ["--no-node"]
    for image, prefix in (images or {}).items():
        command += ["--image", f"{image}={','.join(prefix)}"]
    for host, address in (dns or {}).items():
        command += ["--dns", f"{host}={address}"]
    log = own / "cluster.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )
    deadline = time.monotonic() + START_SECONDS
    while b"\nready" not in b"\n" + log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ClusterError(f"The cluster did not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)
    process.returncode = 0  # it goes on without us: nobody waits for it
    return running


def stop(name: str = DEFAULT, *, delete: bool = False, folder: Path | None = None) -> None:
    """Stop a cluster, if it runs; with `delete`, remove its files."""
    own = folder or STATE / name
    running = Cluster(name=name, kubeconfig=own / "kubeconfig", data=own / "data")
    if pid := owner(running):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while owner(running) and time.monotonic() < deadline:
            time.sleep(0.05)
    if delete:
        shutil.rmtree(running.data, ignore_errors=True)


def owner(cluster: Cluster) -> int:
    """Return the process that runs a cluster, or 0."""
    try:
        pid = int((cluster.data / "pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return 0
    return pid if str(cluster.data).encode() in command else 0


def record(name: str, kind: str, *values: str) -> None:
    """Add images (`REF=PREFIX,ENTRYPOINT`) or names (`NAME=ADDRESS`) to a running cluster. Raises ClusterError."""
    command = [str(build(quiet=True)), kind, "--data-dir", str(STATE / name / "data"), *values]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(done.stderr.strip())


# -- command line


def _say(text: str, *, quiet: bool = False) -> None:
    if not quiet:
        print(text, flush=True)


def main() -> int:
    """Run a subcommand."""
    parser = argparse.ArgumentParser(
        description="The development cluster: a real API server, scheduler, controller manager and kubelet in one program, "
        "without a container engine. CLUSTER=current leaves all of it alone and uses the kubeconfig context in place.",
        epilog="Its files are in .dev/NAME; the kubeconfig of the default one is .dev/kubeconfig.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("build", help="compile it, and the demo's mail server, into the user's cache folder")
    commands.add_parser("vet", help="gofmt and go vet")
    for name, text in {
        "up": "start it and wait until it is ready",
        "down": "stop it",
        "status": "say whether it runs",
    }.items():
        sub = commands.add_parser(name, help=text)
        sub.add_argument("--name", default=DEFAULT, help="which one (default: %(default)s)")
        if name == "up":
            sub.add_argument("--no-node", action="store_true", help="the control plane alone; needs no privileges")
            sub.add_argument(
                "--image", action="append", default=[], metavar="REF=PREFIX[,ENTRYPOINT...]", help="repeatable"
            )
            sub.add_argument("--dns", action="append", default=[], metavar="NAME=ADDRESS", help="repeatable")
        if name == "down":
            sub.add_argument("--delete", action="store_true", help="remove its data too")
    arguments = parser.parse_args()
    try:
        return _run(arguments)
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "build":
            build()
            demomail()
        case "vet":
            vet()
        case "up" | "down" | "status" if in_place():
            return subprocess.run([TOP / ".venv/bin/kubectl", "cluster-info"], check=False).returncode
        case "up":
            images = {ref: value.split(",") for ref, _, value in (one.partition("=") for one in arguments.image)}
            names = {name: address for name, _, address in (one.partition("=") for one in arguments.dns)}
            running = start(arguments.name, node=not arguments.no_node, images=images, dns=names, quiet=False)
            _say(f"ready: export KUBECONFIG={running.kubeconfig}")
        case "down":
            stop(arguments.name, delete=arguments.delete)
        case _:
            return _status(arguments.name)
    return 0


def _status(name: str) -> int:
    own = STATE / name
    running = Cluster(
        name=name, kubeconfig=STATE / "kubeconfig" if name == DEFAULT else own / "kubeconfig", data=own / "data"
    )
    pid = owner(running)
    if not pid:
        _say(f"{name} does not run; start it with: make cluster-up")
        return 1
    _say(f"{name} runs (process {pid}); export KUBECONFIG={running.kubeconfig}")
    kubectl = [str(TOP / ".venv/bin/kubectl"), "--kubeconfig", str(running.kubeconfig), "get", "nodes", "-o", "wide"]
    return subprocess.run(kubectl, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
