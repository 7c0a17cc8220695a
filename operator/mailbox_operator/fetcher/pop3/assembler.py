"""A message put together from the pieces of an `AnswerReader`."""

from pathlib import Path
from typing import Final

from mailbox_operator.fetcher.message import Body
from mailbox_operator.fetcher.pop3.reader import Piece
from mailbox_operator.fetcher.spool import Spool

GATHER_LIMIT: Final = 3 << 20
"""Octets up to which a message that does not fit into the reader's buffer is put together in memory; disk costs more."""


class MessageAssembler:
    """Give it each piece. A message of one piece is not copied, a larger one is gathered, and one of several MiB spooled.

    Raises OSError when the disk is full.
    """

    def __init__(self, *, max_message: int, spool_folder: Path) -> None:
        self._max_message = max_message
        self._spool_folder = spool_folder
        self._size = 0
        self._gathered: bytearray | None = None
        self._spool: Spool | None = None

    def add(self, piece: Piece) -> tuple[Body | None, int] | None:
        """Return a message and its octets when this piece makes it whole; None for one that is larger than is wanted."""
        octets, is_last = piece
        if is_last and not self._size:
            size = len(octets)
            return (octets if size <= self._max_message else None), size
        self._size += len(octets)
        if self._size > self._max_message:
            self._drop()
        elif self._spool:
            self._spool.write(octets)
        elif self._size > GATHER_LIMIT:
            self._spool = Spool(self._spool_folder)
            self._spool.write(memoryview(self._gathered or b""))
            self._spool.write(octets)
            self._gathered = None
        else:
            self._gathered = self._gathered or bytearray()
            self._gathered += octets
        if not is_last:
            return None
        size, self._size = self._size, 0
        spool, self._spool, gathered, self._gathered = self._spool, None, self._gathered, None
        return spool or (None if gathered is None else memoryview(gathered)), size

    def close(self) -> None:
        """Give back what an unfinished message holds."""
        self._drop()

    def _drop(self) -> None:
        if self._spool:
            self._spool.close()
        self._spool = self._gathered = None
