"""HTTP by an ordinary library, for what our own client does not do: proxies, and HTTP/2.

httpx2, since it does both, is typed and is looked after; it takes a megabyte for each ten of the fetcher, and 30 times our
own client's time for a request, so it is loaded where a proxy is named or a server speaks HTTP/2 only, and nowhere else.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

import httpcore2
import httpx2

from mailbox_operator.diagnosis.cleaning import clean
from mailbox_operator.fetcher.http.connection import Exchange, Fault
from mailbox_operator.fetcher.http.reader import Response
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.dial import resolve_checked
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import AddressPolicy

OURS: Final = frozenset({b"host"})
"""Fields that the library writes itself."""
Way = Callable[[int], httpx2.AsyncBaseTransport]
"""Makes what the library sends requests by, over up to so many connections."""
ANOTHER_AFTER: Final = 1.0
"""Seconds after which an address that does not answer is left for the next one; the last has all the time there is."""
LEAVING: Final = Fault("The fetcher is leaving")
END: Final = b"\r\n\r\n"


def through_proxy(proxy: str, *, ssl_context: ssl.SSLContext | None) -> Way:
    """Return the way through a proxy, which itself decides what it connects to."""

    def way(size: int) -> httpx2.AsyncBaseTransport:
        return httpx2.AsyncHTTPTransport(
            proxy=proxy, http2=True, verify=ssl_context or True, trust_env=False, limits=_limits(size)
        )

    return way


def directly(*, ssl_context: ssl.SSLContext, policy: AddressPolicy) -> Way:
    """Return the way to the server itself, at an address that the policy lets us dial."""

    def way(size: int) -> httpx2.AsyncBaseTransport:
        return JudgedTransport(ssl_context, policy=policy, size=size)

    return way


def _limits(size: int) -> httpx2.Limits:
    return httpx2.Limits(max_connections=size, max_keepalive_connections=size)


class JudgedTransport(httpx2.AsyncHTTPTransport):
    """The library's own, but for how connections are made."""

    def __init__(self, ssl_context: ssl.SSLContext, *, policy: AddressPolicy, size: int) -> None:
        super().__init__(verify=ssl_context, http2=True, trust_env=False, limits=_limits(size))
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=size,
            max_keepalive_connections=size,
            http2=True,
            network_backend=JudgedNetwork(policy),
        )


class JudgedNetwork(httpcore2.AnyIOBackend):
    """Looks a name up once, and connects to an address that was judged."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect. Raises httpcore2.ConnectError."""
        fault: Exception | None = None
        try:
            willing = await resolve_checked(host, port, policy=self._policy)
        except MailError as error:
            raise httpcore2.ConnectError(error.text) from error
        for number, (*_, address) in enumerate(willing, 1):
            seconds = timeout if number == len(willing) else ANOTHER_AFTER
            try:
                return await super().connect_tcp(str(address[0]), port, seconds, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                fault = error
        raise httpcore2.ConnectError(f"{host} port {port}: {fault}") from fault


class LibraryPool:
    """Does what `HttpPool` does, by way of the library."""

    def __init__(  # noqa: PLR0913 - what a client is made of
        self,
        url: str,
        *,
        way: Way,
        size: int,
        max_body: int,
        tasks: asyncio.TaskGroup,
        on_free: Callable[[], None],
    ) -> None:
        self._url = url
        self._max_body = max_body
        self._tasks = tasks
        self._on_free = on_free
        self._running: set[asyncio.Task[None]] = set()
        self.free = size
        """How many more exchanges can start."""
        self._size = size
        self._client = self._open(way)
        self._retired: list[httpx2.AsyncClient] = []
        """Clients of before, closed as soon as nothing is under way."""

    @property
    def under_way(self) -> int:
        """How many exchanges have not ended."""
        return len(self._running)

    def use(self, way: Way) -> None:
        """Send what comes from now on another way: by new connections."""
        self._retired.append(self._client)
        self._client = self._open(way)

    def _open(self, way: Way) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=way(self._size),
            trust_env=False,  # which proxy was decided by us
            timeout=None,  # an exchange has a total deadline
        )

    def start(self, exchange: Exchange) -> None:
        """Send a request now; its `done` is called later, never from within."""
        self.free -= 1
        task = self._tasks.create_task(self._run(exchange), name="http-library")
        self._running.add(task)

    def close(self) -> None:
        """Drop everything; what is under way ends in a Fault."""
        for task in self._running:
            task.cancel()
        self._retired.append(self._client)
        self._close_retired()

    def _close_retired(self) -> None:
        for client in self._retired:
            self._tasks.create_task(client.aclose(), name="http-library-close")
        self._retired.clear()

    async def _run(self, exchange: Exchange) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this runs in one
        result: Response | Fault = LEAVING
        try:
            async with asyncio.timeout_at(exchange.deadline):
                result = await self._send(exchange)
        except TimeoutError:
            result = Fault("No answer within the deadline")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            result = Fault(clean(f"{type(error).__name__}: {error}"))
        finally:
            self._running.discard(task)
            self.free += 1
            if not self._running:
                self._close_retired()
            exchange.done(result)
            self._on_free()

    async def _send(self, exchange: Exchange) -> Response:
        head, _, body = exchange.octets.partition(END)
        fields = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")[1:]]
        headers = [(name, value) for name, value in fields if name.lower() not in OURS]
        content = _pieces(exchange.spool) if exchange.spool else body
        async with self._client.stream("POST", self._url, headers=headers, content=content) as response:
            read = 0
            async for piece in response.aiter_raw():  # so that the connection can be used again
                read += len(piece)
                if read > self._max_body:
                    break
            found = {name.lower(): value for name, value in response.headers.raw}
            return Response(response.status_code, found, b"", keep_alive=True)


async def _pieces(spool: Spool) -> AsyncIterator[bytes]:
    for piece in spool.pieces():
        yield piece
