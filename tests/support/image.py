"""The operator's image for the development cluster: a virtual environment, as the Dockerfile makes one.

It holds the locked packages and the project's wheel (not editable: what is missing from the wheel must be missing here too).
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[2]
IMAGE: Final = "mailbox-operator:dev"
LOCK: Final = TOP / "requirements/run.lock"
UV: Final = TOP / ".venv/bin/uv"


def image_folder() -> Path:
    """Return where this checkout's image is kept: in the user's cache, since a pod's own volume hides all below /tmp."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mailbox-operator" / f"image-{hashlib.sha256(str(TOP).encode()).hexdigest()[:12]}"


def build_image(folder: Path | None = None) -> Path:
    """Bring the image up to date with lock and sources and return its folder. Raises CalledProcessError."""
    folder = folder or image_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # demo and tests may both want it
        locked = digest([LOCK], salt=sys.version)
        _once(folder, "packages", locked, _install_packages)
        _once(folder, "project", digest(project_files(), salt=locked), _install_project)
    return folder


def project_files() -> list[Path]:
    """Return the files that the wheel is made from."""
    package = (path for path in (TOP / "operator").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [*(TOP / name for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE")), *sorted(package)]


def digest(files: Iterable[Path], *, salt: str) -> str:
    """Return a hash of names and contents."""
    found = hashlib.sha256(salt.encode())
    for path in files:
        found.update(f"\n{path} {path.stat().st_size}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def _once(folder: Path, step: str, wanted: str, install: Callable[[Path], None]) -> None:
    """Run a step unless its stamp says that it was done for the same inputs."""
    stamp = folder / f"{step}.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    install(folder)
    stamp.write_text(wanted)


def _install_packages(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _uv("venv", "--python", sys.executable, str(folder))
    _uv("pip", "install", "--python", str(folder), "--require-hashes", "--compile-bytecode", "-r", str(LOCK))


def _install_project(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as dist:
        # the build back end is in the project's own environment, pinned by its lock
        _uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", dist, str(TOP))
        (wheel,) = Path(dist).glob("*.whl")
        _uv(
            *("pip", "install", "--python", str(folder), "--no-deps", "--reinstall", "--compile-bytecode"),
            str(wheel),
        )


def _uv(*args: str) -> None:
    subprocess.run([UV, "--quiet", *args], check=True, timeout=300)
