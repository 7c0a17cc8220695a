"""Compiles the Go programs of this folder, each once: they are kept by hash of source, Go's version and flags."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from devcluster.errors import ClusterError

HERE: Final = Path(__file__).resolve().parent

KUBERNETES: Final = "v1.36.3"
VERSION: Final = "k8s.io/component-base/version"
COMPILED_FOR: Final = ("-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false")
"""Without debug information: a sixth less to compile, and to keep in Go's cache."""
LINKED_WITH: Final = (
    "-ldflags",
    f"-s -w -X {VERSION}.gitVersion={KUBERNETES} -X {VERSION}.gitMajor=1 -X {VERSION}.gitMinor=36",
)
ENVIRONMENT: Final = {"CGO_ENABLED": "0", "GOGC": "400"}
KEPT: Final = 3
"""Binaries of a program that stay in the cache."""
PACKAGES: Final = 2600
"""Compiled for the cluster when Go's cache is empty."""


def go() -> str:
    """Return the go command. Raises ClusterError."""
    if found := shutil.which("go"):
        return found
    raise ClusterError(
        "The development cluster is compiled by Go 1.26 or newer, which is not here: install it "
        "(https://go.dev/doc/install), or use another cluster: CLUSTER=current"
    )


def cache_folder() -> Path:
    """Return where the programs are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mailbox-operator"


def build(package: str = ".", *, quiet: bool = False) -> Path:
    """Return a program of the Go module, compiled if the cache has it not. Raises ClusterError."""
    name = "devcluster" if package == "." else Path(package).name
    folder = cache_folder()
    binary = folder / f"{name}-{fingerprint(package)}"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / f"{name}.lock"):
        if not binary.exists():
            _compile(package, binary, quiet=quiet)
            for older in sorted(folder.glob(f"{name}-*"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
                older.unlink()
        os.utime(binary)
    return binary


def fingerprint(package: str) -> str:
    """Return a hash of sources, Go's version and flags. Raises ClusterError."""
    version = subprocess.run([go(), "version"], capture_output=True, check=True).stdout
    found = hashlib.sha256(version + repr((COMPILED_FOR, LINKED_WITH, package)).encode())
    for path in sorted([*(HERE / package).glob("*.go"), HERE / "go.mod", HERE / "go.sum"]):
        if not path.name.endswith("_test.go"):
            found.update(f"{path.relative_to(HERE)} {path.stat().st_size}\n".encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep a second one from compiling the same meanwhile."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _compile(package: str, binary: Path, *, quiet: bool) -> None:
    """Run the compiler and tell how far it is."""
    whole = package == "."
    progress = Progress(quiet=quiet)
    progress.say("compiling the development cluster: 4 minutes the first time" if whole else f"compiling {package}")
    temporary = binary.with_suffix(".new")
    command = [go(), "build", "-v", *COMPILED_FOR, *LINKED_WITH, "-o", str(temporary), package]
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=HERE, env=os.environ | ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as compiler:
        assert compiler.stderr is not None
        for line in compiler.stderr:
            lines.append(line)
            progress.tell(f"{len(lines)}{f' of at most {PACKAGES}' if whole else ''} packages")
    if compiler.returncode:
        raise ClusterError(f"go build failed:\n{''.join(lines[-30:])}")
    temporary.replace(binary)
    progress.say(f"compiled in {progress.elapsed():.0f} s")


class Progress:
    """What a person sees of something long: one changing line on a terminal, else a line now and then."""

    def __init__(self, *, quiet: bool) -> None:
        self._began = self._told = time.monotonic()
        self._quiet = quiet
        self._terminal = sys.stdout.isatty()

    def elapsed(self) -> float:
        """Return the seconds since the beginning."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """Print a line."""
        if not self._quiet:
            print(f"\r\033[K\033[2m{text}\033[0m" if self._terminal else text, flush=True)

    def tell(self, state: str) -> None:
        """Print how far it is, unless that was told a moment ago."""
        now = time.monotonic()
        if self._quiet or now - self._told < (0.5 if self._terminal else 30):
            return
        self._told = now
        text = f"  {state}, {self.elapsed():.0f} s"
        print(
            f"\r\033[K\033[2m{text}\033[0m" if self._terminal else text, end="" if self._terminal else "\n", flush=True
        )
