"""A folder of small files that may change while the process runs, as a Secret mounted whole does."""

import os
from pathlib import Path
from typing import Final

LARGEST: Final = 1 << 20
"""Octets of a file; a Secret holds no more."""
MOST: Final = 100

Signature = tuple[tuple[str, int, int, int], ...]


class WatchedFolder:
    """`look` once a second; `files` holds what each held at the last look, None: it could not be read."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._signature: Signature | None = None
        self.files: dict[str, bytes] | None = None
        self.look()

    def look(self) -> bool:
        """Return whether something has changed. A folder that cannot be read has not changed."""
        try:
            signature = self._sign()
            if signature == self._signature:
                return False
            files = {name: self._read(name) for name, *_ in signature}
        except OSError:
            return False
        self._signature = signature
        changed, self.files = files != self.files, files
        return changed

    def _sign(self) -> Signature:
        with os.scandir(self._path) as entries:  # the kubelet's own names begin with two dots
            names = sorted(entry.name for entry in entries if not entry.name.startswith(".."))[:MOST]
        found = ((name, (self._path / name).stat()) for name in names)
        return tuple((name, stat.st_mtime_ns, stat.st_ino, stat.st_size) for name, stat in found)

    def _read(self, name: str) -> bytes:
        with (self._path / name).open("rb") as file:
            return file.read(LARGEST)
