"""Up to N connections to one HTTP server, and the deadlines of what goes over them."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from mailbox_operator.fetcher.http.connection import Exchange, Fault, HttpConnection
from mailbox_operator.fetcher.http.reader import Response
from mailbox_operator.mail.dial import Tls, dial
from mailbox_operator.mail.endpoint import in_url
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.values import dataclass

LEAVING: Final = Fault("The fetcher is leaving")
NO_HTTP1: Final = "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"
"""OpenSSL's name for what a server says that does not speak the one protocol offered (RFC 7301 section 3.2)."""
SWEEP_SECONDS: Final = 0.25
"""How exact deadlines are: a timer for each delivery would cost more than the rest of its bookkeeping."""


class UrlError(ValueError):
    """No address that can be posted to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpServer:
    """Where requests go."""

    host: str
    port: int
    ssl_context: ssl.SSLContext | None
    policy: AddressPolicy

    @property
    def authority(self) -> str:
        """Return the `Host` field."""
        usual = 443 if self.ssl_context else 80
        host = in_url(self.host)
        return host if self.port == usual else f"{host}:{self.port}"


def parse_url(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host (ASCII), port and request target of an http(s) URL. Raises UrlError."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna" if not (parts.hostname or "").isascii() else "ascii").decode()
    except ValueError as error:
        raise UrlError(f"no valid URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise UrlError("a URL is needed that begins with http:// or https://, without a user name")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or any(character <= " " or character == "\x7f" for character in target):
        raise UrlError("the URL's path must be percent-encoded")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target


class HttpPool:
    """Starts exchanges on idle connections or new ones. The caller keeps to `free`; `on_free` tells it of room."""

    def __init__(
        self,
        server: HttpServer,
        *,
        size: int,
        max_body: int,
        tasks: asyncio.TaskGroup,
        on_free: Callable[[], None] | None = None,
    ) -> None:
        self._server = server
        self._max_body = max_body
        self._tasks = tasks
        self._on_free = on_free
        self._idle: list[HttpConnection] = []
        self._busy: set[HttpConnection] = set()
        self._leaving: set[HttpConnection] = set()
        """Closed, and not gone: TLS waits for the server's good-bye."""
        self._dialling: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None
        self.free = size
        """How many more exchanges can start."""
        self._closed = False

    @property
    def under_way(self) -> int:
        """How many exchanges have not ended."""
        return len(self._busy) + len(self._dialling)

    def use(self, server: HttpServer) -> None:
        """Make new connections so from now on."""
        self._server = server

    def start(self, exchange: Exchange) -> None:
        """Send a request now; its `done` is called later, never from within."""
        if self._closed:
            self._loop.call_soon(exchange.done, LEAVING)
            return
        self.free -= 1
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                self._busy.add(connection)
                connection.begin(exchange)
                break
        else:
            task = self._tasks.create_task(self._dial(exchange), name="http-dial")
            self._dialling.add(task)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    async def request(self, octets: bytes, *, seconds: float) -> Response | Fault:
        """Send one request and wait for its end."""
        result: asyncio.Future[Response | Fault] = self._loop.create_future()

        def done(outcome: Response | Fault) -> None:
            if not result.done():
                result.set_result(outcome)

        self.start(Exchange(octets, spool=None, deadline=self._loop.time() + seconds, done=done))
        return await result

    def close(self) -> None:
        """Drop everything; what is under way ends in a Fault."""
        self._closed = True
        if self._sweeper:
            self._sweeper.cancel()
        for task in self._dialling:
            task.cancel()
        for connection in (*self._busy, *self._idle, *self._leaving):
            connection.abort(LEAVING.said)

    async def _dial(self, exchange: Exchange) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this runs in one
        try:
            async with asyncio.timeout_at(exchange.deadline):
                connection = await self._connect()
        except TimeoutError:
            self._drop(task, exchange, Fault("No connection within the deadline"))
        except MailError as error:
            # A certificate does not mend itself, and neither does an address that must not be dialled.
            lasting = bool(error.tls_verify_code) or error.area is Area.POLICY
            wants_http2 = error.vendor_code == NO_HTTP1
            self._drop(task, exchange, Fault(error.text, lasting=lasting, wants_http2=wants_http2))
        except asyncio.CancelledError:
            self._drop(task, exchange, LEAVING)
            raise
        else:
            self._dialling.discard(task)
            self._busy.add(connection)
            connection.begin(exchange)

    def _drop(self, task: asyncio.Task[None], exchange: Exchange, fault: Fault) -> None:
        self._dialling.discard(task)
        self.free += 1
        exchange.done(fault)
        if self._on_free:
            self._on_free()

    async def _connect(self) -> HttpConnection:
        server = self._server
        return await dial(
            lambda: HttpConnection(max_body=self._max_body, freed=self._freed),
            server.host,
            server.port,
            policy=server.policy,
            tls=Tls(server.ssl_context, server.host) if server.ssl_context else None,
        )

    def _freed(self, connection: HttpConnection) -> None:
        if connection in self._busy:
            self._busy.remove(connection)
            self.free += 1
        if connection.is_open:
            self._idle.append(connection)
        else:
            (self._leaving.discard if connection.is_gone else self._leaving.add)(connection)
            if connection in self._idle:
                self._idle.remove(connection)
        if self._on_free:
            self._on_free()

    def _sweep(self) -> None:
        """End what is over its deadline."""
        now = self._loop.time()
        for connection in tuple(self._busy):
            if connection.deadline is not None and connection.deadline < now:
                connection.abort("No answer within the deadline")
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep) if self._busy or self._dialling else None
