"""One keep-alive connection to an HTTP/1.1 server: a request, its response, the next request."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from mailbox_operator.fetcher.http.reader import HttpError, Response, ResponseReader
from mailbox_operator.fetcher.spool import Spool

HTTP2_FRAMES: Final = frozenset({4, 7})
"""SETTINGS and GOAWAY (RFC 9113 section 6): with one of them begins all that a server of HTTP/2 says."""
WRITE_AHEAD: Final = 1 << 18
"""Octets of a spooled body that may wait in our own memory."""


class Fault(NamedTuple):
    """Why a request has no response: one line, without secrets."""

    said: str
    stale: bool = False
    """The server had closed an idle connection, as it may: nothing is wrong with it."""
    lasting: bool = False
    """It will not go away by itself."""
    wants_http2: bool = False
    """The server speaks nothing else."""


class Exchange:
    """A request and who is told of its end, exactly once."""

    __slots__ = ("deadline", "done", "octets", "spool")

    def __init__(
        self, octets: bytes, *, spool: Spool | None, deadline: float, done: Callable[[Response | Fault], None]
    ) -> None:
        self.octets = octets
        """The head, and the body unless that is in `spool`."""
        self.spool = spool
        self.deadline = deadline
        """On the loop's clock; the connecting counts."""
        self.done = done


Freed = Callable[["HttpConnection"], None]


class HttpConnection(asyncio.Protocol):
    """Carries one exchange at a time; `freed` is called when it can take the next one, or is closed."""

    def __init__(self, *, max_body: int, freed: Freed) -> None:
        self._reader = ResponseReader(max_body=max_body)
        self._freed = freed
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._fault: Fault | None = None
        """Why the connection is given up."""
        self._used = False
        self._sent = 0
        self._body_left = False
        self._may_write = True

    @property
    def is_open(self) -> bool:
        """Whether a request can be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_gone(self) -> bool:
        """Whether the socket is closed, or was never open."""
        return self._transport is None

    @property
    def deadline(self) -> float | None:
        """When the exchange under way must have ended."""
        return self._exchange.deadline if self._exchange else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream connection has
        transport.set_write_buffer_limits(high=WRITE_AHEAD)
        self._transport = transport

    def begin(self, exchange: Exchange) -> None:
        """Write a request; the connection must be open and free."""
        assert self._transport is not None and self._exchange is None  # noqa: S101, PT018 - the pool's part
        self._exchange = exchange
        self._transport.write(exchange.octets)
        if exchange.spool:
            self._sent, self._body_left = 0, True
            self._pump()

    def _pump(self) -> None:
        """Write as much of a spooled body as the peer takes."""
        exchange = self._exchange
        while self._body_left and self._may_write and exchange and exchange.spool and self._transport:
            piece = exchange.spool.read(self._sent)
            self._sent += len(piece)
            if piece:
                self._transport.write(piece)
            self._body_left = self._sent < exchange.spool.size

    def pause_writing(self) -> None:
        """The peer is slower than the disk."""
        self._may_write = False

    def resume_writing(self) -> None:
        """It has caught up."""
        self._may_write = True
        self._pump()

    def data_received(self, data: bytes) -> None:
        """Read on; a whole response ends the exchange."""
        if not self._used and speaks_http2(data):
            self._give_up(Fault("The server speaks HTTP/2 only", wants_http2=True))
            return
        if self._exchange is None:
            self.abort("The server spoke unasked")
            return
        self._reader.feed(data)
        try:
            response = self._reader.next_response()
        except HttpError as error:
            self.abort(f"The answer is not HTTP: {error}")
            return
        if response:
            self._end(response)

    def eof_received(self) -> bool:
        """Take the end of the stream as the end of a body that has no length."""
        try:
            response = self._reader.end()
        except HttpError as error:
            self.abort(f"The answer is not HTTP: {error}")
            return False
        if response:
            self._end(response)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._transport = None
        text = f"The connection was lost: {exc.strerror or exc}" if isinstance(exc, OSError) else "The connection ended"
        self._finish(self._fault or Fault(text, stale=self._used))

    def abort(self, said: str) -> None:
        """Close at once and say why."""
        self._give_up(Fault(said))

    def _give_up(self, fault: Fault) -> None:
        self._fault = fault  # for a request that is only now to be written, too
        if self._transport:
            self._transport.abort()
        self._finish(fault)

    def close(self) -> None:
        """Close after what was written."""
        if self._transport:
            self._transport.close()

    def _end(self, response: Response) -> None:
        # An answer before the request is whole (413, say) leaves a connection that means nothing any more. The rest of the
        # request may never be read: a transport that is closed waits for that.
        transport = self._transport
        is_whole = not self._body_left and not (transport and transport.get_write_buffer_size())
        if transport and not is_whole:
            transport.abort()
        elif not (response.keep_alive and self._reader.is_empty):
            self.close()
        self._used = True
        self._finish(response)

    def _finish(self, result: Response | Fault) -> None:
        exchange, self._exchange = self._exchange, None
        self._body_left = False
        if exchange:
            exchange.done(result)
        self._freed(self)


def speaks_http2(first: bytes) -> bool:
    """Say whether the first octets of a server are a frame of HTTP/2: three octets of length, one that names its type."""
    return len(first) > 3 and first[:1] == b"\0" and first[3] in HTTP2_FRAMES  # noqa: PLR2004 - RFC 9113 section 4.1
