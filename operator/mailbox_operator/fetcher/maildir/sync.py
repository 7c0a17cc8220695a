"""Makes a whole file system durable in one call, where the kernel and the file system can (Linux, `syncfs`)."""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

UNFIT: Final = re.compile(r"fuse.*|9p|virtiofs")
"""File systems where `syncfs` need not reach what lies behind them."""


@lru_cache(maxsize=1)
def _syncfs() -> Any | None:
    import ctypes  # noqa: PLC0415 - where nothing is delivered, nothing is synced

    try:
        found = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError):  # not Linux
        return None
    found.argtypes, found.restype = (ctypes.c_int,), ctypes.c_int
    return found


def can_sync_together(path: Path) -> bool:
    """Say whether `sync_together` does what it should below `path`."""
    return _syncfs() is not None and not UNFIT.fullmatch(_file_system(path))


def sync_together(file: int) -> None:
    """Make durable all that was written to the file system of an open file. Raises OSError: some of it was lost."""
    function = _syncfs()
    assert function is not None  # noqa: S101 - `can_sync_together` says so first
    if function(file) != 0:
        import ctypes  # noqa: PLC0415 - as above

        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _file_system(path: Path) -> str:
    """Return the kind of the file system that holds `path` (proc(5), mountinfo), or ""."""
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    kinds = [line.partition(" - ")[2].split(" ")[0] for line in lines if line.split(" ")[2] == wanted]
    return kinds[0] if kinds else ""
