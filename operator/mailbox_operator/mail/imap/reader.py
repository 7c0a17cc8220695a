"""What an IMAP server sends, cut into lines and literals (RFC 9051 sections 2.2.2 and 4.3)."""

import re
from typing import Final, NamedTuple

CAPACITY: Final = 1 << 20
"""Octets of the one buffer: a literal up to this size is handed out whole, without a copy."""
FIRST_CAPACITY: Final = 1 << 17
"""Octets with which it begins: a connection that is only proven never needs more, and the whole takes 0.15 ms to make."""
MIN_ROOM: Final = 1 << 16
"""Less room than this at the buffer's end, and what is left in it moves to the front."""

# A status text may end in "{5}" by chance; only data announces a literal.
ANNOUNCING: Final = re.compile(rb"(?!\+|\S+ (?:OK|NO|BAD|BYE|PREAUTH) ).*\{(\d+)\}", re.DOTALL | re.IGNORECASE)
CLOSING_BRACE: Final = ord("}")
CLOSING: Final = b")\r\n"
SMALL: Final = 1 << 14
"""Octets of a literal that comes as bytes when it comes with others: copied once at the start, where it is read."""
Octets = bytes | memoryview


class ProtocolError(Exception):
    """The server sent what no server may send; the session is over."""


class Line(NamedTuple):
    """A line without its CRLF; `literal` is the size of the literal that it announces, if it does."""

    text: bytes
    literal: int | None


class ResponseReader:
    """Put octets where `room` says, tell `received`, call `next_event` until None.

    A literal up to the buffer's capacity comes as one memoryview, a larger one in pieces. A view is good until the next
    call of `room`; after a ProtocolError the reader stays broken.
    """

    def __init__(self, *, max_line: int, max_literal: int, capacity: int = CAPACITY) -> None:
        if max_line + 2 > capacity:
            raise ValueError("a line must fit into the buffer")
        self._capacity = capacity
        self._buffer = bytearray(min(capacity, FIRST_CAPACITY))
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._scanned = 0  # no CRLF starts before this offset
        self._literal_left: int | None = None
        self._max_line = max_line
        self._max_literal = max_literal
        self._broken = False

    @property
    def is_empty(self) -> bool:
        """Whether everything that came was handed out."""
        return self._start == self._end and self._literal_left is None

    def room(self) -> memoryview:
        """Return where the next octets go; never empty once `next_event` returned None."""
        start, end, size = self._start, self._end, len(self._buffer)
        if start == end:
            self._start = self._end = self._scanned = 0
        elif start and (size - end < MIN_ROOM or size - start < (self._literal_left or 0) <= self._capacity):
            self._view[: end - start] = self._view[start:end]
            self._scanned -= start
            self._start, self._end = 0, end - start
        if size < self._capacity and size - end < MIN_ROOM:  # it was nearly full: much comes at once
            self._grow()
        return self._view[self._end :]

    def _grow(self) -> None:
        grown = bytearray(min(4 * len(self._buffer), self._capacity))
        grown[: self._end] = self._view[: self._end]
        self._buffer, self._view = grown, memoryview(grown)

    def received(self, count: int) -> None:
        """Say that `count` octets were put there."""
        self._end += count

    def next_responses(self, usual: re.Pattern[bytes], *, largest: int) -> list[tuple[re.Match[bytes], Octets]]:
        """Return the next responses that are here whole: what `usual` matches, a literal of the size in its last group, `)`.

        None of them: what comes next is not that, or its literal is larger than `largest`; `next_event` then has it in parts.
        """
        whole: list[tuple[re.Match[bytes], Octets]] = []
        if self._broken or self._literal_left is not None:
            return whole
        buffer, view, start, last = self._buffer, self._view, self._start, self._end
        match, size_group = usual.match, usual.groups
        while (found := match(buffer, start, last)) is not None:
            begin = found.end()
            size = int(found[size_group])
            end = begin + size
            if size > largest or end + len(CLOSING) > last or buffer[end : end + len(CLOSING)] != CLOSING:
                break
            octets = view[begin:end]
            whole.append((found, octets.tobytes() if size <= SMALL else octets))
            start = end + len(CLOSING)
        if whole:
            self._start = self._scanned = start
        return whole

    def next_lines(self, usual: re.Pattern[bytes]) -> bytes | None:
        """Return the whole lines that `usual` matches, with their CRLF. None: what comes next is not that."""
        if self._broken or self._literal_left is not None:
            return None
        found = usual.match(self._buffer, self._start, self._end)
        if found is None:
            return None
        self._start = self._scanned = found.end()
        return found[0]

    def next_event(self) -> Line | memoryview | None:
        """Return a line, (a piece of) the literal it announced, or None: more is needed. Raises ProtocolError."""
        if self._broken:
            raise ProtocolError("the session is already broken")
        if self._literal_left is not None:
            return self._next_piece(self._literal_left)
        start = self._start
        line_end = self._buffer.find(b"\r\n", self._scanned, self._end)
        # Without a CRLF the last octet may be its CR.
        if (line_end if line_end >= 0 else self._end - 1) - start > self._max_line:
            self._broken = True
            raise ProtocolError(f"a line is longer than {self._max_line} octets")
        if line_end < 0:
            self._scanned = max(start, self._end - 1)
            return None
        text = bytes(self._view[start:line_end])
        self._start = self._scanned = line_end + 2
        if not text or text[-1] != CLOSING_BRACE or not (found := ANNOUNCING.fullmatch(text)):
            return Line(text, None)
        self._literal_left = int(found[1])
        if self._literal_left > self._max_literal:
            self._broken = True
            raise ProtocolError(f"a literal of {self._literal_left} octets is larger than {self._max_literal}")
        return Line(text, self._literal_left)

    def _next_piece(self, left: int) -> memoryview | None:
        available = self._end - self._start
        if available < left and (left <= self._capacity or not available):
            return None
        size = min(left, available)
        piece = self._view[self._start : self._start + size]
        self._start += size
        self._scanned = self._start
        self._literal_left = left - size or None
        return piece
