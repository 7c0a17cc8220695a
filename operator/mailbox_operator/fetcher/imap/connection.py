"""A connection to an IMAP server over which messages come: each is handed over as soon as it is whole."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mailbox_operator.fetcher.imap.assembler import NAMES_A_FOLDER, Fetched, ResponseAssembler
from mailbox_operator.fetcher.imap.data import parse_fetched, parse_quoted_body
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.imap.connection import ImapConnection
from mailbox_operator.mail.imap.reader import Line

SAYS_STATUS: Final = re.compile(rb"\* STATUS ", re.IGNORECASE)
OVERFLOWS: Final = re.compile(rb"\* OK \[NOTIFICATIONOVERFLOW\b", re.IGNORECASE)
MAX_LITERAL: Final = 4 << 30
OnMessages = Callable[[list[Fetched]], None]


class FetchConnection(ImapConnection):
    """Gives messages to `on_messages` as they come; the literals of all other data but folders' names are left out."""

    def __init__(self, *, max_message: int, spool_folder: Path) -> None:
        super().__init__(max_literal=MAX_LITERAL)
        self.on_messages: OnMessages | None = None
        self.is_idling = False
        """Kept by whoever sends IDLE and DONE."""
        self.watches_flags = False
        """Whether a changed flag is news."""
        self.others_changed = False
        """Whether the server told of a folder that is not open, asked or not, since somebody set this to False."""
        self.tells_nothing = False
        """Whether the server had too much to tell and now tells nothing at all, not even of the open folder (RFC 5465 section 5.8)."""
        self.news = asyncio.Event()
        """Set when the folder has gained a message, another one has changed, and when the connection has ended."""
        self._assembler = ResponseAssembler(max_message=max_message, spool_folder=spool_folder)

    def log_out(self) -> None:
        """Say goodbye, unless something else than IDLE is still under way."""
        if not self.is_idling:
            super().log_out()
        elif len(self._commands) <= 1:
            self.send(b"LOGOUT", before=b"DONE\r\n")

    def _sort(self) -> None:
        reader = self._reader
        while True:
            if whole := self._assembler.next_whole(reader):
                self._hand_over(whole)
            elif (listing := self._assembler.next_listing(reader)) is not None:
                self._keep(listing)
            elif (event := reader.next_event()) is None:
                break
            elif isinstance(event, Line):
                self._line(event)
            elif message := self._assembler.add_piece(event):
                self._hand_over([message])

    def _line(self, line: Line) -> None:
        text = self._assembler.add_line(line)
        if text is None:
            return
        if (late := self._assembler.take_late(text)) is not None:
            self._hand_over([late])
        elif line.text is text or NAMES_A_FOLDER.match(text):  # else the rest of one with literals says no more
            self._respond(text)

    def _data(self, text: bytes) -> None:
        if b" FETCH (" not in text:
            had = self.exists
            super()._data(text)
            if self.exists > had:
                self.news.set()
            elif SAYS_STATUS.match(text) or OVERFLOWS.match(text):
                self.others_changed = True
                self.tells_nothing = self.tells_nothing or not SAYS_STATUS.match(text)
                self.news.set()
        elif b"BODY[" not in text:
            if self.is_idling and self.watches_flags:
                self.news.set()
            self._keep(text)
        elif (body := parse_quoted_body(text)) is not None and (fetched := parse_fetched(text)) is not None:
            self._hand_over([(fetched, body)])

    def _hand_over(self, messages: list[Fetched]) -> None:
        if self.on_messages:
            self.on_messages(messages)
            return
        for _, body in messages:
            if isinstance(body, Spool):
                body.close()

    def _end(self, fault: MailError) -> None:
        super()._end(fault)
        self._assembler.close()
        self.news.set()
