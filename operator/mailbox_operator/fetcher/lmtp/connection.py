"""One connection to an LMTP server, ready for messages: what the dialogue says, on the wire."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from mailbox_operator.fetcher.lmtp.answer import judge_end, said_of
from mailbox_operator.fetcher.lmtp.content import stuff
from mailbox_operator.fetcher.lmtp.dialogue import Content, Envelope, LmtpDialogue
from mailbox_operator.fetcher.lmtp.offers import Form, Offers, render_envelope
from mailbox_operator.fetcher.lmtp.replies import LmtpError, Reply, ReplyReader
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.fetcher.webhook.answer import Answer, Verdict

WRITE_AHEAD: Final = 1 << 18
"""Octets of a spooled message that may wait in our own memory."""

Done = Callable[[Answer | None], None]


class Errand(Envelope):
    """A message and who is told of its end, exactly once; None: it never reached the server."""

    __slots__ = ("deadline", "done", "octets", "spool")

    def __init__(self, octets: bytes, *, spool: Spool | None, deadline: float, done: Done) -> None:
        super().__init__(size=spool.size if spool else len(octets))
        self.octets = octets
        """Empty where the message is in `spool`."""
        self.spool = spool
        self.deadline = deadline
        """On the loop's clock; the connecting counts."""
        self.done = done

    def form(self) -> Form:
        """Look at the message's octets."""
        form = Form(self.octets)
        for piece in self.spool.pieces() if self.spool else ():
            form.look(piece)
        return form

    def pieces(self, *, stuffed: bool) -> Iterator[bytes]:
        """Return what goes over the wire."""
        octets = self.spool.pieces() if self.spool else iter((self.octets,))
        return stuff(octets) if stuffed else octets


class LmtpConnection(asyncio.Protocol):
    """First `answer` and `command`, one after the other; after `serve`, `begin` while `room`.

    `freed` is called when there is room again, and when it is closed.
    """

    def __init__(self, *, freed: Callable[["LmtpConnection"], None]) -> None:
        self._freed = freed
        self._loop = asyncio.get_running_loop()
        self._reader = ReplyReader()
        self._waiter: asyncio.Future[Reply] | None = None
        self._recipient = ""
        self._offers = Offers()
        self._dialogue: LmtpDialogue | None = None
        self._errands: list[Errand] = []
        self._stream: Iterator[bytes] | None = None
        self._may_write = True
        self._used = False
        self.transport: asyncio.Transport | None = None
        self.idle_since = self._loop.time()

    @property
    def holds_unread_octets(self) -> bool:
        """Whether the server sent more than was asked for."""
        return not self._reader.is_empty

    @property
    def under_way(self) -> int:
        """How many messages have not ended."""
        return len(self._errands)

    @property
    def room(self) -> bool:
        """Whether a message can begin."""
        return self.transport is not None and self._dialogue is not None and self._dialogue.room

    @property
    def deadline(self) -> float | None:
        """When the oldest message under way must have ended."""
        return self._errands[0].deadline if self._errands else None

    # Setting up

    async def answer(self) -> Reply:
        """Wait for a reply. Raises LmtpError; the deadline is the caller's."""
        if (reply := self._reader.next_reply()) is not None:
            return reply
        if self.transport is None:
            raise LmtpError("the connection ended")
        self._waiter = self._loop.create_future()
        try:
            return await self._waiter
        finally:
            self._waiter = None

    async def command(self, line: bytes) -> Reply:
        """Write a line, and wait for its reply. Raises LmtpError."""
        if self.transport is None:
            raise LmtpError("the connection ended")
        self.transport.write(line)
        return await self.answer()

    def serve(self, recipient: str, *, offers: Offers) -> None:
        """Take messages for `recipient` from now on."""
        self._recipient, self._offers = recipient, offers
        self._dialogue = LmtpDialogue(offers)
        self.idle_since = self._loop.time()

    # Messages

    def begin(self, errand: Errand) -> None:
        """Send a message; there is room."""
        assert self._dialogue is not None  # noqa: S101 - `room` says so
        errand.mail, errand.rcpt = render_envelope(
            self._recipient, errand.form(), size=errand.size, offers=self._offers
        )
        self._errands.append(errand)
        self._dialogue.begin(errand)
        self._write_out()

    def _write_out(self) -> None:
        """Write what is to be written, until a spooled message is in the way that the peer takes more slowly."""
        dialogue, transport = self._dialogue, self.transport
        if dialogue is None or transport is None or self._stream:
            return
        parts: list[bytes] = []
        while (output := dialogue.take_output()) is not None:
            if isinstance(output, bytes):
                parts.append(output)
                continue
            pieces = _errand_of(output).pieces(stuffed=output.stuffed)
            if _errand_of(output).spool:
                self._stream = pieces
                break
            parts.extend(pieces)
        if parts:
            transport.writelines(parts)
        if self._stream:
            self._pump()

    def _pump(self) -> None:
        while self._stream and self._may_write and self.transport:
            piece = next(self._stream, None)
            if piece is None:
                self._stream = None
                self._write_out()
                return
            self.transport.write(piece)

    # asyncio's

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream connection has
        transport.set_write_buffer_limits(high=WRITE_AHEAD)
        self.transport = transport

    def pause_writing(self) -> None:
        """The peer is slower than the disk."""
        self._may_write = False

    def resume_writing(self) -> None:
        """It has caught up."""
        self._may_write = True
        self._pump()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._reader.feed(data)
        try:
            if self._dialogue is None:
                self._wake()
            else:
                self._take_replies(self._dialogue)
        except LmtpError as error:
            self.abort(f"The server does not speak LMTP: {error}")

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done() and (reply := self._reader.next_reply()) is not None:
            self._waiter.set_result(reply)

    def _take_replies(self, dialogue: LmtpDialogue) -> None:
        while self.transport and (reply := self._reader.next_reply()) is not None:
            ended = dialogue.receive(reply)
            self._write_out()
            if ended is None:
                if dialogue.is_over:  # some that say 421 leave it to us to close
                    self.abort(said_of(reply, None))
                continue
            errand = self._errands.pop(0)
            assert errand is ended.envelope  # noqa: S101 - a server answers in order
            self._used = True
            self.idle_since = self._loop.time()
            errand.done(judge_end(ended))
            if dialogue.is_over:
                self.abort("The server closes the connection")
            else:
                self._freed(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        text = f"The connection was lost: {exc.strerror or exc}" if isinstance(exc, OSError) else "The connection ended"
        self._lose(text)

    def abort(self, said: str) -> None:
        """Close at once and say why."""
        if self.transport:
            self.transport.abort()
            self._lose(said)

    def quit(self) -> None:
        """Close politely; nothing is under way."""
        if self.transport:
            self.transport.write(b"QUIT\r\n")
            self.transport.abort()  # the reply says nothing, and a TLS farewell would wait for the server's
            self.transport = None

    def _lose(self, said: str) -> None:
        self.transport = self._stream = None
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(LmtpError(said))
        errands, self._errands = self._errands, []
        for errand in errands:
            # A server may close a connection that was idle, and a message that meets that has no fault.
            stale = self._used and not errand.heard
            errand.done(None if stale else Answer(verdict=Verdict.AGAIN, said=said, is_transport=True))
        self._freed(self)


def _errand_of(content: Content) -> Errand:
    assert isinstance(content.envelope, Errand)  # noqa: S101 - nothing else was begun
    return content.envelope
