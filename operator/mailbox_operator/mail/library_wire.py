"""The connection under a blocking library: dialled by us, secured as asked, each call's failures as MailError."""

import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Final, TypeVar

from mailbox_operator.mail.blocking import BlockingConnection
from mailbox_operator.mail.dial import connect_tcp
from mailbox_operator.mail.endpoint import Endpoint, Security
from mailbox_operator.mail.errors import asking
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.tls import Negotiated, client_context, negotiated, tls_error

T = TypeVar("T")
Greet = Callable[[socket.socket], Awaitable[None]]
"""Makes the library's client of a connection, and reads the greeting."""

READ_SECONDS: Final = 60.0
"""No single read takes longer, whatever becomes of the caller's deadline."""


class LibraryWire:
    """Call `reach`, then `secure`; `close` in any case. The library takes the connection that it is greeted on."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        policy: AddressPolicy,
        translated: Callable[[], AbstractContextManager[None]],
        library_errors: tuple[type[Exception], ...],
    ) -> None:
        """`translated` makes MailError of what a call raises; `library_errors` are those that are the server's words."""
        self.name = endpoint.server_name
        self._connection: socket.socket | None = None
        self._endpoint = endpoint
        self._policy = policy
        self._translated = translated
        self._library_errors = library_errors
        self._calls: BlockingConnection | None = None

    async def reach(self, greet: Greet) -> None:
        """Connect, and read the greeting where it comes before TLS. Raises MailError."""
        with asking("CONNECT", protocol=self._endpoint.protocol):
            connection = await connect_tcp(self._endpoint.host, self._endpoint.port, policy=self._policy)
        self._connection, self._calls = connection, BlockingConnection(connection)
        connection.settimeout(READ_SECONDS)
        if self._endpoint.security is not Security.TLS:
            await greet(connection)

    async def secure(self, greet: Greet, *, start_tls: Callable[[], Awaitable[ssl.SSLSocket]]) -> Negotiated | None:
        """Speak TLS as asked, never less; None where none is asked for. `start_tls` comes to `begin_tls`.

        Raises MailError.
        """
        if self._endpoint.security is Security.NONE:
            return None
        if self._endpoint.security is Security.TLS:
            secured = await self._speak_tls()
            await greet(secured)
        else:
            secured = await start_tls()
        return negotiated(secured)

    async def begin_tls(self, start: Callable[[], ssl.SSLSocket]) -> ssl.SSLSocket:
        """Run the library's call that secures the connection. Raises MailError."""
        with asking("STARTTLS", protocol=self._endpoint.protocol):
            secured = self._connection = await self._handshake(start)
        return secured

    async def _speak_tls(self) -> ssl.SSLSocket:
        """Speak TLS from the first octet."""
        assert self._connection is not None, "reach() comes first"  # noqa: S101 - a fault of ours
        context = client_context(self._endpoint.tls)
        secured = context.wrap_socket(self._connection, server_hostname=self.name, do_handshake_on_connect=False)
        self._connection = secured
        with asking("TLS", protocol=self._endpoint.protocol):
            await self._handshake(secured.do_handshake)
        return secured

    async def _handshake(self, call: Callable[[], T]) -> T:
        """Run a call in which TLS begins: what breaks the connection there is about TLS."""

        def begin() -> T:
            try:
                return call()
            except self._library_errors:  # smtplib's are OSErrors too
                raise
            except OSError as error:  # ssl.SSLError is one
                raise tls_error(error, host=self.name) from error

        return await self.call(begin)

    async def call(self, function: Callable[[], T]) -> T:
        """Run a call of the library in a thread. Raises MailError."""
        assert self._calls is not None, "reach() comes first"  # noqa: S101 - a fault of ours
        with self._translated():
            return await self._calls.run(function)

    async def close(self, *, farewell: Callable[[], object] | None, release: Callable[[], object]) -> None:
        """Say `farewell`, where the connection still serves for it; then `release` the library's end, and ours."""

        def let_go() -> None:
            release()
            if self._connection is not None:
                self._connection.close()

        if self._calls is not None:
            await self._calls.close(farewell=farewell, release=let_go)
