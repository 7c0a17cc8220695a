"""A file that may change while the process runs, as mounted Secrets and ConfigMaps do."""

import os
from pathlib import Path


class WatchedFile:
    """`look` once a second; a change is a change of content.

    The kubelet swaps a symbolic link of the folder, so inode and time of the file behind it change (its content is
    read only then).
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._signature = self._sign()
        self._content = self._read()

    @property
    def content(self) -> bytes | None:
        """What it held at the last look; None: it could not be read."""
        return self._content

    def look(self) -> bool:
        """Return whether its content is another than at the last look. One that cannot be read has not changed."""
        signature = self._sign()
        if signature == self._signature:
            return False
        content = self._read()
        if content is None:
            return False
        self._signature = signature
        changed, self._content = content != self._content, content
        return changed

    def _sign(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - each second, for as long as the mailbox lives
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _read(self) -> bytes | None:
        try:
            return Path(self._path).read_bytes()
        except OSError:
            return None
