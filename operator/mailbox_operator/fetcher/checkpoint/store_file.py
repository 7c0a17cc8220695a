"""A checkpoint in a file: written beside it, synced, renamed over it. For the command line, tests and benchmarks."""

import asyncio
import fcntl
import os
import threading
from pathlib import Path

from mailbox_operator.fetcher.checkpoint.store import FencedError, StoreAwayError


class FileStore:
    """Keeps `PATH` and, for those who look, `PATH.progress`; `PATH.lock` is held while it is open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = -1
        self._turn = threading.Lock()
        self._newest = 0

    async def open(self) -> str | None:
        """Lock and read. Raises StoreAwayError, and FencedError where another process holds the lock."""
        try:
            self._lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            if self._lock < 0:
                raise StoreAwayError(f"{error.filename}: {error.strerror}") from error
            return None
        except BlockingIOError as error:
            raise FencedError(f"another fetcher holds {self._path}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise StoreAwayError(f"{self._path}: {error}") from error

    async def save(self, *, checkpoint: str, progress: str) -> None:
        """Write both, durably. Raises StoreAwayError.

        A write that was given up goes on in its thread: a newer one waits for it, and is never overwritten by it.
        """
        self._newest += 1
        try:
            await asyncio.to_thread(self._write, checkpoint, progress, number=self._newest)
        except OSError as error:
            raise StoreAwayError(f"{self._path}: {error.strerror}") from error

    def _write(self, checkpoint: str, progress: str, *, number: int) -> None:
        with self._turn:
            if number == self._newest:
                self._write_both(checkpoint, progress)

    def _write_both(self, checkpoint: str, progress: str) -> None:
        for path, text in ((self._path, checkpoint), (Path(f"{self._path}.progress"), progress)):
            beside = Path(f"{path}.new")
            with beside.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.rename(path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Unlock."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
