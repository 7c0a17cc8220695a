"""One connection to an IMAP server: commands out, replies and data in (RFC 9051)."""

import asyncio
import re
from typing import Final, NamedTuple

from mailbox_operator.mail.connection import MailConnection, clean, retrieve
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.imap.reader import Line, ProtocolError, ResponseReader

MAX_LINE: Final = 512 * 1024
"""Octets: a `* SEARCH` over 20,000 UIDs is a line."""
MAX_LITERAL: Final = 64 * 1024
"""Octets of a name, or of a header field."""
MAX_TEXT: Final = 1 << 20
"""Octets of one response."""
MAX_UNTAGGED_LINES: Final = 100_000
MAX_UNTAGGED_OCTETS: Final = 16 << 20
"""What a server may say between two replies that someone waits for."""
EXISTS: Final = re.compile(rb"\* (\d{1,19}) EXISTS", re.IGNORECASE)


class Reply(NamedTuple):
    """A tagged reply (RFC 9051 section 7.1): `NO`, `[AUTHENTICATIONFAILED]`, `wrong password`."""

    status: str
    code: str
    text: str

    def failed(self, *, area: Area = Area.IMAP) -> MailError:
        """Return the error that this reply is where OK was needed."""
        said = f"[{self.code}] {self.text}" if self.code else self.text
        return MailError(clean(said), area=area, status=self.status, response_code=self.code.partition(" ")[0].upper())


def parse_reply(rest: bytes) -> Reply:
    """Read what follows a tag."""
    words = rest.decode("utf-8", "replace")
    status, _, text = words.partition(" ")
    code = ""
    if text.startswith("["):
        code, _, text = text[1:].partition("]")
    return Reply(status.upper(), code, text.strip())


def parse_exists(line: bytes) -> int | None:
    """Read `* 23 EXISTS`. None: it is something else."""
    found = EXISTS.fullmatch(line)
    return int(found[1]) if found else None


def with_literal(text: bytes, literal: bytes) -> bytes:
    """Return a response's text with the literal that its end announces as a quoted string, which is easier to read."""
    quoted = literal.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'%b"%b"' % (text[: text.rindex(b"{")], quoted)


class ImapConnection(MailConnection):
    """Sends commands, several at a time, and sorts what comes back: data is kept for `take_untagged`.

    Whatever ends the connection ends each command under way in a MailError.
    """

    def __init__(self, *, max_literal: int = MAX_LITERAL) -> None:
        super().__init__()
        self.exists = 0
        """How many messages the selected folder has."""
        self._reader = ResponseReader(max_line=MAX_LINE, max_literal=max_literal)
        self._text = b""
        self._tags = 0
        self._commands: dict[bytes, asyncio.Future[Reply]] = {}
        self._ahead: dict[bytes, asyncio.Future[Reply]] = {}
        self._continuation: asyncio.Future[bytes | None] | None = None
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
        self._reader.received(nbytes)
        self.heard_at = self._loop.time()
        try:
            self._sort()
        except (ProtocolError, OSError, ValueError) as error:
            self.abort(MailError(f"not IMAP: {clean(str(error))}", area=Area.IMAP))

    def _lost(self, said: str) -> MailError:
        if self._goodbye:
            return MailError(clean(self._goodbye), area=Area.IMAP, status="BYE")
        return MailError(clean(said), area=Area.TCP, status="BYE")

    # What its owner calls

    @property
    def holds_unread_octets(self) -> bool:
        """Whether the server sent more than was asked (before TLS begins: an injection)."""
        return not self._reader.is_empty

    async def greeting(self) -> bytes:
        """Wait for the server's first line. Raises MailError."""
        return await self._greeting

    def send(self, command: bytes, *, before: bytes = b"", after: bytes = b"") -> asyncio.Future[Reply]:
        """Write a command, and what goes before and after it, in one go; the future ends with its tagged reply, or in MailError."""
        tag, result = self._expect()
        if self._fault or self._transport is None:
            result.set_exception(self._fault or MailError("not connected", area=Area.TCP))
        else:
            self._transport.write(b"%b%b %b\r\n%b" % (before, tag, command, after))
        result.add_done_callback(retrieve)
        return result

    def unsent(self, command: bytes) -> bytes:
        """Return the octets of a command, to be written soon, `before` or `after` another; its reply is nobody's."""
        tag, result = self._expect()
        result.add_done_callback(retrieve)
        return b"%b %b\r\n" % (tag, command)

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
        waiting: asyncio.Future[bytes | None] = self._loop.create_future()

        def ended(_: object) -> None:
            if not waiting.done():
                waiting.set_result(None)

        self._continuation = waiting
        command.add_done_callback(ended)
        try:
            return await waiting
        finally:
            self._continuation = None
            command.remove_done_callback(ended)

    def _expect(self) -> tuple[bytes, asyncio.Future[Reply]]:
        """Return the next command's tag, and what ends with its reply."""
        self._tags += 1
        tag, result = b"m%d" % self._tags, self._loop.create_future()
        self._commands[tag] = result
        return tag, result

    def write(self, octets: bytes) -> None:
        """Write octets that are no command of their own. Raises MailError."""
        self.transport.write(octets)

    def log_out(self) -> None:
        """Say goodbye, unless that was done, or something else is still under way. The answer is not worth a round trip."""
        if not self._commands and not self._goodbye:
            self.send(b"LOGOUT")

    def take_untagged(self) -> list[bytes]:
        """Return the untagged lines since the last call."""
        lines, self._untagged, self._untagged_octets = self._untagged, [], 0
        return lines

    def put_back(self, lines: list[bytes]) -> None:
        """Keep lines that `take_untagged` gave and that another is to have."""
        self._untagged[:0] = lines
        self._untagged_octets += sum(map(len, lines))

    # Sorting

    def _sort(self) -> None:
        """Take what the reader has; a literal is put into the text of its response."""
        while (event := self._reader.next_event()) is not None:
            if isinstance(event, Line):
                self._text += event.text
            else:
                self._text = with_literal(self._text, bytes(event))
            if len(self._text) > MAX_TEXT:
                raise ProtocolError(f"a response is longer than {MAX_TEXT} octets")
            if isinstance(event, Line) and event.literal is None:
                text, self._text = self._text, b""
                self._respond(text)

    def _respond(self, text: bytes) -> None:
        """Take a whole response."""
        if text.startswith(b"* "):
            self._data(text)
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

    def _data(self, text: bytes) -> None:
        """Take a response without a tag."""
        if not self._greeting.done():
            self._greeting.set_result(text)
        elif (exists := parse_exists(text)) is not None:
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
