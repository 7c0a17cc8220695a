"""Responses of an IMAP server put together from lines and literals; messages come out as soon as they are whole."""

import re
from pathlib import Path
from typing import Final

from mailbox_operator.fetcher.imap.data import (
    LISTED_TOGETHER,
    WHOLE,
    parse_fetched,
    read_fetched,
    read_whole,
)
from mailbox_operator.fetcher.message import Arrival, Body
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.imap.connection import with_literal
from mailbox_operator.mail.imap.reader import CAPACITY, Line, ProtocolError, ResponseReader

GATHER_LIMIT: Final = 3 << 20
"""Octets up to which a body that does not fit into the reader's buffer is put together in memory; disk costs more."""
MAX_TEXT: Final = 1 << 20
"""Octets of one response without its literals."""
MAX_NAME: Final = 4_096
NAMES_A_FOLDER: Final = re.compile(rb"\* (LIST|STATUS) ", re.IGNORECASE)
ENDS_IN_BODY: Final = re.compile(rb".*[( ]BODY\[(|HEADER)\] ~?\{\d+\}", re.IGNORECASE | re.DOTALL)

Fetched = tuple[Arrival, Body | None]
"""A message; None: it is larger than is wanted, and its octets were thrown away."""


class ResponseAssembler:
    """Give it each event of a `ResponseReader`.

    A body up to the reader's capacity stays where it is, a larger one is gathered, and one of several MiB spooled.

    Raises ProtocolError, and OSError when the disk is full.
    """

    def __init__(self, *, max_message: int, spool_folder: Path) -> None:
        self._max_message = max_message
        self._spool_folder = spool_folder
        self._text = b""
        self._left = 0
        self._is_body = False
        self._is_wanted = False
        self._fetched: Arrival | None = None
        self._spool: Spool | None = None
        self._gathered: bytearray | None = None
        self._name: bytearray | None = None
        self._late: tuple[bool, Body | None] | None = None

    def next_whole(self, reader: ResponseReader) -> list[Fetched]:
        """Return the next messages of which the reader has all, written as servers do: nearly all the small ones.

        None of them: ask the reader for an event.
        """
        if self._text:  # within a response
            return []
        return [(read_whole(found), body) for found, body in reader.next_responses(WHOLE, largest=self._max_message)]

    def next_listing(self, reader: ResponseReader) -> bytes | None:
        """Return the next lines that say what a folder holds, all that the reader has. None: ask it for an event."""
        return None if self._text else reader.next_lines(LISTED_TOGETHER)

    def add_line(self, line: Line) -> bytes | None:
        """Return the response's whole text, literals left out; None: a literal comes first."""
        text = self._text + line.text if self._text else line.text
        if line.literal is None:
            self._text = b""
            return text
        if len(text) > MAX_TEXT:
            raise ProtocolError(f"a response is longer than {MAX_TEXT} octets")
        self._text = text
        self._left = line.literal
        self._fetched = parse_fetched(text)
        self._is_body = self._fetched is not None or ENDS_IN_BODY.fullmatch(text) is not None
        self._name = bytearray() if line.literal <= MAX_NAME and NAMES_A_FOLDER.match(text) else None
        self._is_wanted = self._is_body and line.literal <= self._max_message
        if self._is_wanted and line.literal > GATHER_LIMIT:
            self._spool = Spool(self._spool_folder)
        elif self._is_wanted and line.literal > CAPACITY:
            self._gathered = bytearray()
        return None

    def add_piece(self, piece: memoryview) -> Fetched | None:
        """Return a message when this piece makes it whole and its UID is known."""
        self._left -= len(piece)
        if self._name is not None:
            self._take_name(piece)
        elif self._gathered is not None:
            self._gathered += piece
        elif self._spool:
            self._spool.write(piece)
        if self._left or not self._is_body:
            return None
        spool, self._spool, gathered, self._gathered = self._spool, None, self._gathered, None
        octets = piece if gathered is None else memoryview(gathered)
        if self._fetched is not None:
            return self._fetched, (spool or octets) if self._is_wanted else None
        self._late = (b"BODY[HEADER]" in self._text.upper(), (spool or octets.tobytes()) if self._is_wanted else None)
        return None

    def _take_name(self, piece: memoryview) -> None:
        """Put a folder's name into the response's text."""
        assert self._name is not None  # noqa: S101 - it was looked at
        self._name += piece
        if not self._left:
            self._text = with_literal(self._text, bytes(self._name))
            self._name = None

    def take_late(self, text: bytes) -> Fetched | None:
        """Return the message of a response whose UID came after its body. Ask with each response's whole text."""
        if self._late is None:
            return None
        (header_only, body), self._late = self._late, None
        fetched = read_fetched(text, header_only=header_only)
        if fetched is None:
            if isinstance(body, Spool):
                body.close()
            return None
        return fetched, body

    def close(self) -> None:
        """Give back what an unfinished message holds."""
        late = self._late[1] if self._late else None
        for spool in (self._spool, late):
            if isinstance(spool, Spool):
                spool.close()
        self._spool = self._gathered = self._name = self._late = None
