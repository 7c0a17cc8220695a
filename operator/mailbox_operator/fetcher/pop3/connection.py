"""One connection to a POP3 server: commands out, answers and messages in, in the order of the commands (RFC 1939)."""

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from mailbox_operator.fetcher.message import Body
from mailbox_operator.fetcher.pop3.assembler import MessageAssembler
from mailbox_operator.fetcher.pop3.reader import AnswerReader, End, Event, Piece, Shape, Status, Text
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.connection import MailConnection, clean, retrieve
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.imap.reader import ProtocolError

MAX_LINES: Final = 200_000
MAX_LINES_OCTETS: Final = 16 << 20
"""Of one answer in lines: UIDL of 200,000 messages."""
RESPONSE_CODE: Final = re.compile(r"\[([A-Za-z][A-Za-z0-9/-]*)\]")  # RFC 2449 section 8


class Answer(NamedTuple):
    """What a server says to a command."""

    is_ok: bool
    text: str
    """Of the first line, cleaned."""
    lines: list[bytes]
    challenge: bytes | None = None
    """Within AUTH: what is to be responded to."""

    @property
    def code(self) -> str:
        """Return the response code (RFC 2449, RFC 3206) in upper case, or ""."""
        found = None if self.is_ok else RESPONSE_CODE.match(self.text)
        return found[1].upper() if found else ""

    def failed(self) -> MailError:
        """Return the error that this answer is where `+OK` was needed."""
        return MailError(f"-ERR {self.text}".strip(), area=Area.POP3, status="-ERR", response_code=self.code)


class Handed(NamedTuple):
    """A message: its number, None in place of a body that is larger than is wanted, and its octets."""

    number: int
    body: Body | None
    size: int


class Receiver(Protocol):
    """Takes the messages that `Pop3Connection.ask_messages` has asked for, in order."""

    def messages(self, handed: Sequence[Handed]) -> None:
        """Take those that came together; a view is good during the call."""

    def no_message(self, number: int, answer: Answer) -> None:
        """Hear that the server does not hand one out."""


class Pop3Connection(MailConnection):
    """Sends commands, several at a time where the server allows it; whatever ends it ends what is under way in MailError."""

    def __init__(self, *, max_message: int, spool_folder: Path) -> None:
        super().__init__()
        self.receiver: Receiver | None = None
        self._reader = AnswerReader()
        self._assembler = MessageAssembler(max_message=max_message, spool_folder=spool_folder)
        self._waiting: deque[asyncio.Future[Answer] | int] = deque()
        """For each command under way who waits for its answer: a future, or a message's number."""
        self._whole: list[Handed] = []
        self._status: Status | None = None
        self._lines: list[bytes] = []
        self._lines_octets = 0
        self.answered_at = self.heard_at
        """When an answer was last whole, on the loop's clock."""
        self.greeting = self._expect(Shape.LINE)

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
            try:
                while self._fault is None:
                    if lines := reader.next_lines():
                        self._take_lines(lines)
                    elif (event := reader.next_event()) is not None:
                        self._take(event)
                    else:
                        break
            finally:
                self._hand_over()
        except (ProtocolError, OSError) as error:
            self.abort(MailError(clean(str(error)), area=Area.POP3))

    # What the fetcher calls

    @property
    def holds_unread_octets(self) -> bool:
        """Whether the server sent more than was asked (before TLS begins: an injection)."""
        return not self._reader.is_empty

    @property
    def outstanding(self) -> int:
        """How many answers the server owes."""
        return len(self._waiting)

    def ask(self, command: bytes, *, shape: Shape = Shape.LINE) -> asyncio.Future[Answer]:
        """Send a command; the future ends with its answer, or in MailError."""
        result = self._expect(shape)
        self._write(command + b"\r\n")
        return result

    def ask_messages(self, command: bytes, numbers: list[int]) -> None:
        """Ask for messages, all in one write; they go to the `receiver`. `command` holds `%d` for the number."""
        for number in numbers:
            self._waiting.append(number)
            self._reader.expect(Shape.MESSAGE)
        self._write(b"".join(command % number + b"\r\n" for number in numbers))

    def respond(self, response: bytes) -> asyncio.Future[Answer]:
        """Send a response to a challenge (RFC 5034 section 4)."""
        result = self._wait()
        self._write(response + b"\r\n")
        return result

    # Sorting

    def _expect(self, shape: Shape) -> asyncio.Future[Answer]:
        self._reader.expect(shape)
        return self._wait()

    def _wait(self) -> asyncio.Future[Answer]:
        result: asyncio.Future[Answer] = self._loop.create_future()
        result.add_done_callback(retrieve)
        if self._fault:
            result.set_exception(self._fault)
        self._waiting.append(result)
        return result

    def _write(self, octets: bytes) -> None:
        if self._transport and not self._fault:
            self._transport.write(octets)

    def _take(self, event: Event) -> None:
        if isinstance(event, Piece):
            if whole := self._assembler.add(event):
                self._whole.append(Handed(self._next_number(), *whole))
        elif isinstance(event, Status):
            self._first_line(event)
        elif isinstance(event, Text):
            self._take_lines((event.line,))
        elif event is End.OF_LINES:
            assert self._status is not None  # noqa: S101 - the reader gives it before the lines
            self._answer(
                Answer(is_ok=True, text=clean(self._status.text.decode("utf-8", "replace")), lines=self._lines)
            )
            self._lines, self._lines_octets = [], 0

    def _take_lines(self, lines: Sequence[bytes]) -> None:
        self._lines += lines
        self._lines_octets += sum(map(len, lines))
        if len(self._lines) > MAX_LINES or self._lines_octets > MAX_LINES_OCTETS:
            raise ProtocolError(f"an answer is longer than {MAX_LINES} lines or {MAX_LINES_OCTETS} octets")

    def _first_line(self, status: Status) -> None:
        waiting = self._waiting[0] if self._waiting else None
        if status.mark == b"+":
            if not isinstance(waiting, asyncio.Future):
                raise ProtocolError("a challenge where none can be")
            self._answer(Answer(is_ok=True, text="", lines=[], challenge=status.text))
        elif status.mark == b"-ERR" or not self._reader.is_within:
            self._answer(
                Answer(is_ok=status.mark == b"+OK", text=clean(status.text.decode("utf-8", "replace")), lines=[])
            )
        else:
            self._status = status

    def _answer(self, answer: Answer) -> None:
        self.answered_at = self._loop.time()
        waiting = self._waiting.popleft()
        if isinstance(waiting, int):
            if self.receiver:
                self.receiver.no_message(waiting, answer)
        elif not waiting.done():
            waiting.set_result(answer)

    def _next_number(self) -> int:
        number = self._waiting.popleft()
        assert isinstance(number, int)  # noqa: S101 - who asked for a message is one
        return number

    def _hand_over(self) -> None:
        """Pass on what is whole: what came together is handed over together."""
        whole, self._whole = self._whole, []
        if not whole:
            return
        self.answered_at = self.heard_at
        if self.receiver:
            self.receiver.messages(whole)
            return
        for one in whole:
            if isinstance(one.body, Spool):
                one.body.close()

    def _end(self, fault: MailError) -> None:
        """Fail everything that waits, once."""
        if self._fault is None:
            self._fault = fault
        waiting, self._waiting = self._waiting, deque()
        for one in waiting:
            if not isinstance(one, int) and not one.done():
                one.set_exception(self._fault)
        self._assembler.close()
