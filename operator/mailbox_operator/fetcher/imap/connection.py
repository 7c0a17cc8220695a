"""One connection to an IMAP server: commands out, replies and messages in (RFC 9051)."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from mailbox_operator.fetcher.imap.assembler import NAMES_A_FOLDER, Fetched, ResponseAssembler
from mailbox_operator.fetcher.imap.data import parse_exists, parse_fetched, parse_quoted_body
from mailbox_operator.fetcher.imap.reader import Line, ProtocolError, ResponseReader
from mailbox_operator.fetcher.mail_connection import MailConnection, clean, retrieve
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.errors import Area, MailError

MAX_LINE: Final = 512 * 1024
"""Octets: a `* SEARCH` over 20,000 UIDs is a line."""
MAX_LITERAL: Final = 4 << 30
MAX_UNTAGGED_LINES: Final = 100_000
MAX_UNTAGGED_OCTETS: Final = 16 << 20
"""What a server may say between two replies that someone waits for."""
OnMessages = Callable[[list[Fetched]], None]


class Reply(NamedTuple):
    """A tagged reply (RFC 9051 section 7.1): `NO`, `[AUTHENTICATIONFAILED]`, `wrong password`."""

    status: str
    code: str
    text: str

    def failed(self) -> MailError:
        """Return the error that this reply is where OK was needed."""
        return MailError(clean(self.text), area=Area.IMAP, status=self.status, response_code=self.code)


def parse_reply(rest: bytes) -> Reply:
    """Read what follows a tag."""
    words = rest.decode("utf-8", "replace")
    status, _, text = words.partition(" ")
    code = ""
    if text.startswith("["):
        code, _, text = text[1:].partition("]")
    return Reply(status.upper(), code, text.strip())


class ImapConnection(MailConnection):
    """Sends commands, several at a time, and sorts what comes back.

    Messages go to `on_messages` as they come; other data is kept for `take_untagged`. Whatever ends the connection
    ends each command under way in a MailError.
    """

    def __init__(self, *, max_message: int, spool_folder: Path) -> None:
        super().__init__()
        self.on_messages: OnMessages | None = None
        self.exists = 0
        """How many messages the selected folder has."""
        self.is_idling = False
        """Kept by whoever sends IDLE and DONE."""
        self.watches_flags = False
        """Whether a changed flag is news."""
        self.news = asyncio.Event()
        """Set when the folder has gained a message, and when the connection has ended."""
        self._reader = ResponseReader(max_line=MAX_LINE, max_literal=MAX_LITERAL)
        self._assembler = ResponseAssembler(max_message=max_message, spool_folder=spool_folder)
        self._tags = 0
        self._commands: dict[bytes, asyncio.Future[Reply]] = {}
        self._ahead: dict[bytes, asyncio.Future[Reply]] = {}
        self._continuation: asyncio.Future[bytes] | None = None
        self._greeting: asyncio.Future[bytes] = self._loop.create_future()
        self._untagged: list[bytes] = []
        self._untagged_octets = 0
        self._goodbye = ""

    # What asyncio calls

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the buffer is what it is
        """Say where the next octets go."""
        return self._reader.room()

    def buffer_updated(self, nbytes: int) -> None:
        """Sort what came."""
        reader = self._reader
        reader.received(nbytes)
        self.heard_at = self._loop.time()
        try:
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
        except (ProtocolError, OSError, ValueError) as error:
            self.abort(MailError(f"not IMAP: {clean(str(error))}", area=Area.IMAP))

    def _lost(self, said: str) -> MailError:
        if self._goodbye:
            return MailError(clean(self._goodbye), area=Area.IMAP, status="BYE")
        return MailError(clean(said), area=Area.TCP, status="BYE")

    # What the fetcher calls

    @property
    def holds_unread_octets(self) -> bool:
        """Whether the server sent more than was asked (before TLS begins: an injection)."""
        return not self._reader.is_empty

    async def greeting(self) -> bytes:
        """Wait for the server's first line. Raises MailError."""
        return await self._greeting

    def send(self, command: bytes, *, before: bytes = b"") -> asyncio.Future[Reply]:
        """Write `before` and a command in one go; the future ends with its tagged reply, or in MailError."""
        result: asyncio.Future[Reply] = self._loop.create_future()
        self._tags += 1
        tag = b"m%d" % self._tags
        self._commands[tag] = result
        if self._fault or self._transport is None:
            result.set_exception(self._fault or MailError("not connected", area=Area.TCP))
        else:
            self._transport.write(b"%b%b %b\r\n" % (before, tag, command))
        result.add_done_callback(retrieve)
        return result

    def send_ahead(self, command: bytes) -> None:
        """Write a command whose turn comes later; `take_ahead` then has its reply."""
        self._ahead[command] = self.send(command)

    def take_ahead(self, command: bytes) -> asyncio.Future[Reply] | None:
        """Return what becomes of a command that was sent ahead. None: it was not."""
        return self._ahead.pop(command, None)

    async def continuation(self, command: asyncio.Future[Reply]) -> bytes | None:
        """Wait for a continuation request and return what stands after its `+`; None: the command ended without one.

        Raises MailError.
        """
        self._continuation = waiting = self._loop.create_future()
        try:
            done, _ = await asyncio.wait((waiting, command), return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting in done else None
        finally:
            self._continuation = None

    def write(self, octets: bytes) -> None:
        """Write octets that are no command of their own. Raises MailError."""
        self.transport.write(octets)

    def log_out(self) -> None:
        """Say goodbye, unless something else is still under way. The answer is not worth a round trip."""
        if len(self._commands) <= int(self.is_idling):
            self.send(b"LOGOUT", before=b"DONE\r\n" if self.is_idling else b"")

    def take_untagged(self) -> list[bytes]:
        """Return the untagged lines since the last call, literals left out."""
        lines, self._untagged, self._untagged_octets = self._untagged, [], 0
        return lines

    def put_back(self, lines: list[bytes]) -> None:
        """Keep lines that `take_untagged` gave and that another is to have."""
        self._untagged[:0] = lines
        self._untagged_octets += sum(map(len, lines))

    # Sorting

    def _line(self, line: Line) -> None:
        text = self._assembler.add_line(line)
        if text is None:
            return
        if text.startswith(b"* "):
            if (late := self._assembler.take_late(text)) is not None:
                self._hand_over([late])
            elif line.text is text or NAMES_A_FOLDER.match(text):  # else the rest of one with literals says no more
                self._untagged_line(text)
        elif not self._greeting.done():
            raise ProtocolError(f"it greets with {clean(text.decode('utf-8', 'replace'))!r}")
        elif text.startswith(b"+"):
            if self._continuation and not self._continuation.done():
                self._continuation.set_result(text[1:].strip())
        else:
            tag, _, rest = text.partition(b" ")
            command = self._commands.pop(tag, None)
            if command is None:
                raise ProtocolError("a reply to no command")
            if not command.done():
                command.set_result(parse_reply(rest))

    def _untagged_line(self, text: bytes) -> None:
        is_fetch = b" FETCH (" in text
        if is_fetch and b"BODY[" not in text:
            if self.is_idling and self.watches_flags:
                self.news.set()
            self._keep(text)
        elif is_fetch:
            if (body := parse_quoted_body(text)) is not None and (fetched := parse_fetched(text)) is not None:
                self._hand_over([(fetched, body)])
        elif not self._greeting.done():
            self._greeting.set_result(text)
        elif (exists := parse_exists(text)) is not None:
            if exists > self.exists:
                self.news.set()
            self.exists = exists
        elif text.endswith(b" EXPUNGE"):
            self.exists = max(0, self.exists - 1)
        elif text[2:6].upper() == b"BYE ":
            self._goodbye = text[6:].decode("utf-8", "replace")
        else:
            self._keep(text)

    def _keep(self, text: bytes) -> None:
        self._untagged.append(text)
        self._untagged_octets += len(text)
        if len(self._untagged) > MAX_UNTAGGED_LINES or self._untagged_octets > MAX_UNTAGGED_OCTETS:
            raise ProtocolError("the server talks without end")

    def _hand_over(self, messages: list[Fetched]) -> None:
        if self.on_messages:
            self.on_messages(messages)
            return
        for _, body in messages:
            if isinstance(body, Spool):
                body.close()

    def _end(self, fault: MailError) -> None:
        """Fail everything that waits, once."""
        if self._fault is None:
            self._fault = fault
        commands, self._commands = self._commands, {}
        for command in commands.values():
            if not command.done():
                command.set_exception(self._fault)
        if not self._greeting.done():
            self._greeting.set_exception(self._fault)
        retrieve(self._greeting)
        self._assembler.close()
        self.news.set()
