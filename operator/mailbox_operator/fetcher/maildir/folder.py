"""One Maildir's files: written below `tmp`, made durable together, then renamed into `new`. Each call may raise OSError.

Below `tmp` a file is known by the middle part of its name, for the rest of it says how large it became.

https://cr.yp.to/proto/maildir.html
"""

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from stat import S_ISGID, S_IWGRP
from typing import Final

from mailbox_operator.fetcher.maildir.sync import can_sync_together, sync_together

FOLDERS: Final = ("tmp", "new", "cur")
FEW: Final = 4
"""Up to so many files are made durable one by one: that leaves other people's data on the volume alone."""
CREATE: Final = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class MaildirFolder:
    """An open Maildir. Its folders are made where they are missing; shared with the group where the parent folder is."""

    def __init__(self, path: Path) -> None:
        shared = _make(path)
        self._mode = 0o640 if shared else 0o600
        self._prefix = f"{os.urandom(4).hex()}."
        """Of what is below `tmp`: two processes that write the same message never write the same file."""
        self._tmp, self._new, self._cur = (
            os.open(path / name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for name in FOLDERS
        )
        self._path = path

    def write(self, middle: str, octets: bytes, *, seconds: int | None) -> None:
        """Write a file below `tmp`, not yet durable; its time is `seconds` since the epoch, None: now."""
        file = os.open(self._prefix + middle, CREATE, self._mode, dir_fd=self._tmp)
        try:
            written = os.write(file, octets)
            while written < len(octets):
                written += os.write(file, memoryview(octets)[written:])
            if seconds is not None:
                os.utime(file, (seconds, seconds))
        finally:
            os.close(file)

    def write_pieces(self, middle: str, pieces: Iterable[bytes], *, seconds: int | None) -> int:
        """Do the same with octets that come in pieces; return how many there were."""
        size = 0
        file = os.open(self._prefix + middle, CREATE, self._mode, dir_fd=self._tmp)
        try:
            for piece in pieces:
                written = 0
                while written < len(piece):
                    written += os.write(file, memoryview(piece)[written:])
                size += written
            if seconds is not None:
                os.utime(file, (seconds, seconds))
        finally:
            os.close(file)
        return size

    def sync(self, middles: Sequence[str]) -> None:
        """Make what was written durable; may run on another thread, while others are written."""
        if len(middles) > FEW and self._syncs_together:
            sync_together(self._tmp)
            return
        for middle in middles:
            file = os.open(self._prefix + middle, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._tmp)
            try:
                os.fsync(file)
            finally:
                os.close(file)

    def publish(self, middle: str, name: str) -> None:
        """Let readers see what is durable, by its whole name. A file that is in `new` already is replaced by its like."""
        os.rename(self._prefix + middle, name, src_dir_fd=self._tmp, dst_dir_fd=self._new)

    def sync_names(self) -> None:
        """Make durable what was published; may run on another thread."""
        os.fsync(self._new)

    def known(self, *, mark: str, limit: int) -> frozenset[str]:
        """Return the middle parts that begin with `mark` of the names in `new` and `cur`; none if more than `limit`."""
        found = set[str]()
        for folder in (self._new, self._cur):
            with os.scandir(folder) as entries:
                for entry in entries:
                    middle = entry.name.split(".", 2)[1:2]
                    if middle and middle[0].startswith(mark):
                        found.add(middle[0])
                    if len(found) > limit:
                        return frozenset()
        return frozenset(found)

    def sweep(self, *, mark: str) -> None:
        """Remove what earlier processes left below `tmp` under names with `mark`."""
        with os.scandir(self._tmp) as entries:
            left = [entry.name for entry in entries if f".{mark}" in entry.name]
        for name in left:
            os.unlink(name, dir_fd=self._tmp)

    @cached_property
    def _syncs_together(self) -> bool:
        return can_sync_together(self._path)

    def close(self) -> None:
        """Let go of it."""
        for folder in (self._tmp, self._new, self._cur):
            os.close(folder)


def _make(path: Path) -> bool:
    """Make the folders that are missing, durably; say whether the group may write."""
    missing, there = list[Path](), path
    while not there.exists():
        missing.append(there)
        there = there.parent
    shared = bool(there.stat().st_mode & S_IWGRP)
    for folder in (*reversed(missing), *(path / name for name in FOLDERS)):
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            handed_down = folder.stat().st_mode & S_ISGID  # a volume's folders hand their group down
            folder.chmod((0o770 if shared else 0o700) | handed_down)
            _sync_folder(folder.parent)
    return shared


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
