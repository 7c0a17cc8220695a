"""What a POP3 server sends, cut into answers, lines and messages without their dots (RFC 1939 section 3)."""

import re
from collections import deque
from enum import Enum
from typing import Final, NamedTuple

from mailbox_operator.mail.imap.reader import CAPACITY, MIN_ROOM, ProtocolError

MAX_LINE: Final = 8192
"""Octets; RFC 2449 section 4 has 512."""
CR: Final = ord("\r")
LF: Final = ord("\n")
# Where a line begins with a dot of the server's: the end, or a doubled dot. One pattern for both: 0.37 ns an octet where
# two calls of `find` take 1.05, which is a tenth of what fetching into a Maildir costs.
MARK: Final = re.compile(rb"\r\n\.(?:\r\n|\.)")
END: Final = b"\r\n.\r\n"
MOST_DOTS: Final = 1_000
"""Doubled dots of a message that are noted one by one; to look for all of them again took 4 % of the CPU of a fetch."""


class Shape(Enum):
    """How an answer goes on after a first line that begins with `+`."""

    LINE = "nothing more"
    LINES = "lines"
    MESSAGE = "a message"


class Status(NamedTuple):
    """The first line of an answer; `mark` is `+OK`, `-ERR` or, within AUTH, `+`."""

    mark: bytes
    text: bytes


class Text(NamedTuple):
    """A line of an answer."""

    line: bytes


class Piece(NamedTuple):
    """Octets of a message; `is_last` with the last of them, which may be none."""

    octets: memoryview
    is_last: bool


class End(Enum):
    """The lines of an answer are over."""

    OF_LINES = "."


Event = Status | Text | Piece | End


class AnswerReader:
    """Tell `expect` what is asked, put octets where `room` says, tell `received`, call `next_event` until None.

    A message that fits into the buffer comes in one piece, a larger one in several. A view is good until the next call of
    `room`; after a ProtocolError the reader stays broken.
    """

    def __init__(self, *, capacity: int = CAPACITY, max_line: int = MAX_LINE) -> None:
        self._least_room = min(MIN_ROOM, capacity // 4)
        if max_line + 2 > capacity - self._least_room:
            raise ValueError("a line must fit into the buffer")
        self._buffer = bytearray(capacity)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._scanned = 0  # what is looked for does not start before this offset
        self._max_line = max_line
        self._expected: deque[Shape] = deque()
        self._within: Shape | None = None
        self._is_first_piece = False
        self._dots: list[int] | None = []
        """Where a dot is one too many, of the message under way; None: there are too many of them."""
        self._broken = False

    @property
    def is_empty(self) -> bool:
        """Whether everything that came was handed out, and nothing is under way."""
        return self._start == self._end and self._within is None

    @property
    def is_within(self) -> bool:
        """Whether the first line of an answer has come, and more of it is to come."""
        return self._within is not None

    def expect(self, shape: Shape) -> None:
        """Say what the next command's answer looks like; a greeting is a LINE."""
        self._expected.append(shape)

    def room(self) -> memoryview:
        """Return where the next octets go; never empty once `next_event` returned None."""
        start, end = self._start, self._end
        if start == end:
            self._start = self._end = self._scanned = 0
        elif start and len(self._buffer) - end < self._least_room:
            self._view[: end - start] = self._view[start:end]
            self._scanned -= start
            self._dots = self._dots and [dot - start for dot in self._dots]
            self._start, self._end = 0, end - start
        return self._view[self._end :]

    def received(self, count: int) -> None:
        """Say that `count` octets were put there."""
        self._end += count

    def next_event(self) -> Event | None:
        """Return what comes next, or None: more is needed. Raises ProtocolError."""
        if self._broken:
            raise ProtocolError("the session is already broken")
        if self._within is Shape.MESSAGE:
            return self._next_piece()
        line = self._next_line()
        if line is None:
            return None
        if self._within is None:
            return self._status(line)
        if line == b".":
            self._within = None
            return End.OF_LINES
        return Text(line[1:] if line.startswith(b".") else line)

    def next_lines(self) -> list[bytes]:
        """Return the whole lines of an answer that are here, which one by one cost 2 µs. None of them: ask for an event."""
        start, buffer = self._start, self._buffer
        if self._broken or self._within is not Shape.LINES or buffer.startswith(b".\r\n", start):
            return []
        over = buffer.find(END, start, self._end)
        if over < 0:
            over = buffer.rfind(b"\r\n", start, self._end)
        lines = bytes(self._view[start:over]).split(b"\r\n") if over >= 0 else []
        if not lines or max(map(len, lines)) > self._max_line:
            return []
        self._start = self._scanned = over + 2
        return [line[1:] if line.startswith(b".") else line for line in lines]

    def _status(self, line: bytes) -> Status:
        if not self._expected:
            raise self._break("the server talks unasked")
        if line[:3].upper() == b"+OK":
            mark, text = b"+OK", line[3:].strip()
        elif line[:4].upper() == b"-ERR":
            mark, text = b"-ERR", line[4:].strip()
        elif line.startswith(b"+"):  # a challenge: the same command goes on
            return Status(b"+", line[1:].strip())
        else:
            raise self._break(f"no POP3 response: {line[:200].decode('utf-8', 'replace')}")
        shape = self._expected.popleft()
        if mark == b"+OK" and shape is not Shape.LINE:
            self._within, self._is_first_piece, self._dots = shape, True, []
        return Status(mark, text)

    def _next_line(self) -> bytes | None:
        start = self._start
        line_end = self._buffer.find(b"\r\n", self._scanned, self._end)
        # Without a CRLF the last octet may be its CR.
        if (line_end if line_end >= 0 else self._end - 1) - start > self._max_line:
            raise self._break(f"a line is longer than {self._max_line} octets")
        if line_end < 0:
            self._scanned = max(start, self._end - 1)
            return None
        self._start = self._scanned = line_end + 2
        return bytes(self._view[start:line_end])

    def _next_piece(self) -> Piece | None:
        buffer, start, end = self._buffer, self._start, self._end
        if self._is_first_piece and end - start >= 3 and buffer.startswith(b".\r\n", start):  # noqa: PLR2004 - these
            return self._last_piece(start, start, after=start + 3)
        found = self._find_end()
        if found >= 0:
            return self._last_piece(start, found + 2, after=found + len(END))
        if len(buffer) - (end - start) >= self._least_room:
            return None
        # Only what follows the last CRLF may be the beginning of the end.
        cut = buffer.rfind(b"\r\n", start + 1, end)
        if cut < 0:
            cut = end - 1 if buffer[end - 1] == CR else end
        piece = self._without_dots(start, cut)
        self._is_first_piece = False
        self._start, self._scanned = cut, max(cut, self._scanned)
        return Piece(piece, is_last=False)

    def _find_end(self) -> int:
        """Return where the end of a message begins, or -1: it is not there; note doubled dots on the way."""
        buffer, scanned, end, dots = self._buffer, self._scanned, self._end, self._dots
        while dots is not None and (mark := MARK.search(buffer, scanned, end)) is not None:
            scanned = mark.end() - 1
            if buffer[scanned] == LF:
                return mark.start()
            dots.append(scanned)
            if len(dots) > MOST_DOTS:
                self._dots = dots = None
        if dots is None and (found := buffer.find(END, scanned, end)) >= 0:
            return found
        self._scanned = max(scanned, end - len(END) + 1)
        return -1

    def _last_piece(self, start: int, end: int, *, after: int) -> Piece:
        piece = Piece(self._without_dots(start, end), is_last=True)
        self._start = self._scanned = after
        self._within = None
        return piece

    def _without_dots(self, start: int, end: int) -> memoryview:
        """Return octets of a message as they were before the server doubled dots at the beginning of lines."""
        if self._is_first_piece and self._buffer.startswith(b"..", start, end):
            start += 1
        if self._dots is None:
            return memoryview(self._buffer[start:end].replace(b"\r\n..", b"\r\n."))
        if not self._dots or self._dots[0] >= end:
            return self._view[start:end]
        parts: list[memoryview] = []
        while self._dots and self._dots[0] < end:
            dot = self._dots.pop(0)
            parts.append(self._view[start:dot])
            start = dot + 1
        return memoryview(b"".join((*parts, self._view[start:end])))

    def _break(self, reason: str) -> ProtocolError:
        self._broken = True
        return ProtocolError(reason)
