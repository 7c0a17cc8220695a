"""What an HTTP/1.1 server answers, cut into responses (RFC 9112). Strict: what it does not understand is an error."""

import re
from typing import Final, NamedTuple

STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: [\t \x21-\x7e\x80-\xff]*)?")
FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t \x21-\x7e\x80-\xff]*?)[ \t]*")
CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t \x21-\x7e\x80-\xff]*)?")
HEAD_LIMIT: Final = 32_768
LINE_LIMIT: Final = 1_024
"""For the line before a chunk, and for each trailer."""
MOST_DIGITS: Final = 12
"""Of a body's length."""
KNOWN: Final = 8
WITHOUT_BODY: Final = frozenset({204, 304})


class HttpError(Exception):
    """The server sent what is no HTTP/1.1 response, or one beyond the limits; the connection is over."""


class Response(NamedTuple):
    """A final response. Field names are in lower case; a repeated field is joined by `, `."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes
    keep_alive: bool
    is_whole: bool = True
    """False: the body was longer than is wanted, and left out; what the server has decided stands in the head."""


class ResponseReader:
    """`feed` what arrived, call `next_response` until None; at the stream's end call `end`.

    Interim responses (1xx) are passed over. After an HttpError, or a body that was too long, the reader stays broken. Not for
    answers to HEAD.
    """

    def __init__(self, *, max_body: int) -> None:
        self._buffer = bytearray()
        self._max_body = max_body
        self._head: Response | None = None
        self._left = 0
        self._mode = ""  # of the body: "length", "chunked", "close"
        self._body = bytearray()
        self._in_chunk = False
        self._trailers = False
        self._too_long = False
        self._broken = False
        self._known: dict[bytes, Response] = {}
        """Whole responses without a body, by their octets: a sink says the same again and again."""
        self._ready: Response | None = None
        self._whole = b""
        """What the response under way began with, if that may be all of it."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was left over: what comes before the next request has been sent belongs to nobody."""
        return not self._buffer and self._head is None and self._ready is None

    def feed(self, octets: bytes) -> None:
        """Add what arrived."""
        self._whole = octets if self.is_empty else b""
        if self._whole and (known := self._known.get(octets)):
            self._ready = known
        else:
            self._buffer += octets

    def next_response(self) -> Response | None:
        """Return a whole response, or None: feed more. Raises HttpError."""
        if self._ready:
            response, self._ready = self._ready, None
            return response
        if self._broken:
            raise HttpError("the connection is already broken")
        try:
            return self._next()
        except HttpError:
            self._broken = True
            raise

    def end(self) -> Response | None:
        """Say that the stream ended; return the response that this completes, if any. Raises HttpError."""
        if self._head is None and not self._buffer:
            return None
        if self._mode != "close" or self._head is None:
            self._broken = True
            raise HttpError("the connection ended within a response")
        return self._finish(self._head)

    def _next(self) -> Response | None:
        while self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if (end if end >= 0 else len(self._buffer)) > HEAD_LIMIT:
                raise HttpError(f"the head is longer than {HEAD_LIMIT} octets")
            if end < 0:
                return None
            text = bytes(self._buffer[:end])
            del self._buffer[: end + 4]
            self._begin(text)
        if self._mode == "chunked":
            is_over = self._read_chunks()
        else:
            self._take(len(self._buffer) if self._mode == "close" else min(self._left, len(self._buffer)))
            is_over = self._mode == "length" and not self._left
        if self._too_long:
            return self._break_off(self._head)
        return self._finish(self._head) if is_over else None

    def _begin(self, text: bytes) -> None:
        """Read a head; leaves none for an interim response."""
        first, *lines = text.split(b"\r\n")
        status_line = STATUS_LINE.fullmatch(first)
        if not status_line:
            raise HttpError("no HTTP/1.1 status line")
        status, fields = int(status_line[2]), _fields(lines)
        if status < 200:  # noqa: PLR2004 - RFC 9110 section 15.2
            if status == 101:  # noqa: PLR2004
                raise HttpError("the server switched protocols unasked")
            return
        coding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
        options = {option.strip() for option in fields.get(b"connection", b"").lower().split(b",")}
        keep_alive = b"close" not in options and (status_line[1] == b"1" or b"keep-alive" in options)
        self._left = 0
        if status in WITHOUT_BODY:
            self._mode = "length"
        elif coding is not None:
            if coding.lower() != b"chunked" or length is not None or status_line[1] == b"0":
                raise HttpError("the body's end is ambiguous")  # RFC 9112 section 6.3: a sign of smuggling
            self._mode = "chunked"
        elif length is not None:
            if not length.isdigit():
                raise HttpError("no body length")
            self._too_long = len(length) > MOST_DIGITS or int(length) > self._max_body
            self._mode, self._left = "length", 0 if self._too_long else int(length)
        else:
            self._mode, keep_alive = "close", False
        self._head = Response(status, fields, b"", keep_alive)

    def _read_chunks(self) -> bool:
        """Take what is there of a chunked body; True at its end (RFC 9112 section 7.1)."""
        while not self._too_long:
            if self._left:
                if not self._buffer:
                    return False
                self._take(min(self._left, len(self._buffer)))
                continue
            line = self._take_line()
            if line is None:
                return False
            if self._read_chunk_line(line):
                return True
        return False

    def _read_chunk_line(self, line: bytes) -> bool:
        """Read the line after a chunk, before one, or a trailer; True for the empty one at the end."""
        if self._in_chunk:
            if line:
                raise HttpError("a chunk is longer than it said")
            self._in_chunk = False
        elif self._trailers:
            if not line:
                return True
            _fields([line])
        elif size := CHUNK_SIZE.fullmatch(line):
            self._left = int(size[1], 16)
            self._in_chunk, self._trailers = bool(self._left), not self._left
        else:
            raise HttpError("no chunk size")
        return False

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if (end if end >= 0 else len(self._buffer)) > LINE_LIMIT:
            raise HttpError("a chunk's line is too long")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _take(self, size: int) -> None:
        """Add to the body; one that is too long already is dropped."""
        self._too_long = self._too_long or len(self._body) + size > self._max_body
        if not self._too_long:
            self._body += self._buffer[:size]
        del self._buffer[:size]
        self._left = max(0, self._left - size)

    def _break_off(self, head: Response) -> Response:
        """Return a response whose body is too long to be waited for."""
        self._broken = True
        return head._replace(keep_alive=False, is_whole=False)

    def _finish(self, head: Response) -> Response:
        response = head._replace(body=bytes(self._body)) if self._body else head
        self._head, self._body, self._trailers, self._mode = None, bytearray(), False, ""
        if self._whole and not self._buffer and not response.body:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[self._whole] = response
        return response


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for line in lines:
        found = FIELD.fullmatch(line)
        if not found:
            raise HttpError("no header field")
        name = found[1].lower()
        fields[name] = fields[name] + b", " + found[2] if name in fields else found[2]
    return fields
