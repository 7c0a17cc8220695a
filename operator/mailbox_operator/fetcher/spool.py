"""A large message on disk, nameless: it goes with the last one who holds it, or with the process."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PIECE: Final = 1 << 17


class Spool:
    """`write` the octets as they come, then `read` any part, as often as needed; `close` at the end.

    Raises OSError where the disk is full or away.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / f"message-{os.urandom(8).hex()}"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        path.unlink()
        self.size = 0

    @property
    def is_closed(self) -> bool:
        """Whether its disk was given back."""
        return self._file < 0

    def write(self, octets: memoryview) -> None:
        """Append octets."""
        while octets:
            written = os.pwrite(self._file, octets, self.size)
            self.size += written
            octets = octets[written:]

    def read(self, start: int, *, limit: int = PIECE) -> bytes:
        """Return at most `limit` octets from `start`; b"" at the end."""
        return os.pread(self._file, limit, start)

    def pieces(self) -> Iterator[bytes]:
        """Return the octets from the first to the last."""
        start = 0
        while piece := self.read(start):
            start += len(piece)
            yield piece

    def close(self) -> None:
        """Give the disk back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
