"""What an LMTP server answers, cut into replies (RFC 5321 section 4.2). Strict: what it does not understand is an error."""

import re
from typing import Final, NamedTuple

LINE: Final = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")
LINE_LIMIT: Final = 4096
LINES_LIMIT: Final = 256


class LmtpError(Exception):
    """The server sent what is no reply, or one beyond the limits; the connection is over."""


class Reply(NamedTuple):
    """One reply; `lines` without codes and CRLF."""

    code: int
    enhanced: str
    """As RFC 3463 has it, or ""."""
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole in one line, as people quote it."""
        return f"{self.code} {' '.join(self.lines)}".strip()


class ReplyReader:
    """`feed` what arrived, call `next_reply` until None. After an LmtpError the reader stays broken."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._code = b""
        self._broken = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was left over."""
        return not self._buffer and not self._lines

    def feed(self, octets: bytes) -> None:
        """Add what arrived."""
        self._buffer += octets

    def next_reply(self) -> Reply | None:
        """Return a whole reply, or None: feed more. Raises LmtpError."""
        if self._broken:
            raise LmtpError("the connection is already broken")
        try:
            return self._next()
        except LmtpError:
            self._broken = True
            raise

    def _next(self) -> Reply | None:
        while True:
            end = self._buffer.find(b"\n")
            if (end if end >= 0 else len(self._buffer)) > LINE_LIMIT:
                raise LmtpError(f"a line is longer than {LINE_LIMIT} octets")
            if end < 0:
                return None
            line = bytes(self._buffer[:end]).removesuffix(b"\r")  # some servers forget it
            del self._buffer[: end + 1]
            found = LINE.fullmatch(line)
            if not found or (self._lines and found[1] != self._code):
                raise LmtpError("a line is no reply")
            self._code = found[1]
            self._lines.append((found[3] or b"").decode("utf-8", "replace"))
            if found[2] != b"-":
                return self._finish()
            if len(self._lines) >= LINES_LIMIT:
                raise LmtpError(f"a reply has more than {LINES_LIMIT} lines")

    def _finish(self) -> Reply:
        lines, self._lines = self._lines, []
        enhanced = ENHANCED.match(lines[-1])
        return Reply(int(self._code), enhanced[1] if enhanced else "", tuple(lines))
