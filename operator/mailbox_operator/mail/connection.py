"""What a connection to a mail server is below its protocol: one transport, one fault that ends it, one end to wait for."""

import asyncio
import ssl
from abc import abstractmethod
from collections.abc import Callable
from typing import Final, TypeVar

from mailbox_operator.mail.dial import Tls, connect_tcp, speak, start_tls
from mailbox_operator.mail.endpoint import Endpoint, Security
from mailbox_operator.mail.errors import Area, MailError, system_words
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.head_start import HeadStart
from mailbox_operator.mail.tls import Negotiated, client_context, negotiated

Awaited = TypeVar("Awaited")

FAREWELL_SECONDS: Final = 1.0
"""How long a peer may take to answer TLS's good-bye."""
LONGEST_SAID: Final = 512
"""Characters of a server's words that are kept."""


def clean(text: str) -> str:
    """Cut a server's words and take control characters out."""
    if text.isprintable():
        return text[:LONGEST_SAID].strip()
    return "".join(character if character.isprintable() else " " for character in text[:LONGEST_SAID]).strip()


def retrieve(future: asyncio.Future[Awaited]) -> None:
    """Look at an exception, so that asyncio does not complain of one that nobody waits for any more."""
    if future.done() and not future.cancelled():
        future.exception()


class MailConnection(asyncio.BufferedProtocol):
    """Keeps the transport, and the MailError that ended the connection."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._fault: MailError | None = None
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self.heard_at = self._loop.time()
        """When the server last sent anything, on the loop's clock."""

    @property
    @abstractmethod
    def holds_unread_octets(self) -> bool:
        """Whether the server sent more than was asked (before TLS begins: an injection)."""

    @abstractmethod
    def _end(self, fault: MailError) -> None:
        """Fail everything that waits, with the first `fault` there was; may be called again."""

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream connection has
        self._transport = transport

    def eof_received(self) -> bool:
        """Let the transport close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if isinstance(exc, ssl.SSLError):
            self._end(MailError(exc.reason or "TLS failed", area=Area.TLS, vendor_code=exc.reason or ""))
        elif exc:
            said = system_words(exc) if isinstance(exc, OSError) else str(exc)
            self._end(self._lost(f"connection lost: {said}"))
        else:
            self._end(self._lost("the server closed the connection"))
        if not self._gone.done():
            self._gone.set_result(None)
        # asyncio's TLS keeps methods of ours: with this the two would hold each other, and a buffer of 256 KiB, until
        # somebody looks for garbage.
        self._transport = None

    def _lost(self, said: str) -> MailError:
        """Return what a connection that the server ended means."""
        return MailError(clean(said), area=Area.TCP)

    # What its owner calls

    @property
    def transport(self) -> asyncio.Transport:
        """Return the transport. Raises MailError when the connection has ended."""
        if self._fault or self._transport is None:
            raise self._fault or MailError("not connected", area=Area.TCP)
        return self._transport

    @property
    def negotiated(self) -> Negotiated:
        """Return what TLS came to; it is spoken. Raises MailError when the connection has ended."""
        transport = self.transport
        return negotiated(transport.get_extra_info("ssl_object"), transport.get_extra_info("peercert"))

    def check(self) -> None:
        """Raise the MailError that ended the connection, if it has ended."""
        if self._fault:
            raise self._fault

    async def start_tls(self, endpoint: Endpoint) -> None:
        """Go on over TLS; the server has agreed to it. Raises MailError."""
        if self.holds_unread_octets:  # what was sent in the clear must not count as secured (CVE-2011-0411)
            raise MailError("the server sent more than the reply to STARTTLS", area=Area.STARTTLS)
        self._transport = await start_tls(self, self.transport, tls=tls_of(endpoint), host=endpoint.host)

    def pause(self) -> None:
        """Read no more for now."""
        if self._transport and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()

    def abort(self, fault: MailError) -> None:
        """End the connection at once because of `fault`; what the server has not confirmed may not have happened."""
        self._end(fault)
        if self._transport:
            self._transport.abort()

    def close(self) -> None:
        """Close after what was written."""
        self._end(MailError("the session is over", area=Area.TCP))
        if self._transport:
            self._transport.close()

    def leave(self) -> None:
        """Close after what was written, and do not wait for TLS's good-bye from the other side: it is a round trip away."""
        transport = self._transport
        is_sent = transport and not transport.is_closing() and not transport.get_write_buffer_size()
        self.close()
        if transport and is_sent:
            transport.abort()

    async def wait_closed(self) -> None:
        """After `close`, `leave` or `abort`: wait until the socket is closed. Who does not answer TLS's good-bye is cut off."""
        try:
            await asyncio.wait((self._gone,), timeout=FAREWELL_SECONDS)
        finally:
            if self._transport:
                self._transport.abort()  # where it is gone already, nothing
        if self._gone.done():
            return
        await asyncio.wait((self._gone,), timeout=FAREWELL_SECONDS)


Opened = TypeVar("Opened", bound=MailConnection)


async def connect(
    create: Callable[[], Opened], endpoint: Endpoint, *, policy: AddressPolicy, head_start: HeadStart | None = None
) -> Opened:
    """Return a connection to a server, begun already or not, over TLS where that comes first. Raises MailError."""
    host, port = endpoint.host, endpoint.port
    tls = tls_of(endpoint) if endpoint.security is Security.TLS else None
    begun = await head_start.take(host, port, policy=policy) if head_start else None
    return await speak(create, begun or await connect_tcp(host, port, policy=policy), tls=tls, host=host)


def tls_of(endpoint: Endpoint) -> Tls:
    """Return how a connection is secured. Raises MailError: the CA bundle cannot be read."""
    return Tls(client_context(endpoint.tls), endpoint.server_name)
