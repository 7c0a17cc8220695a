"""HTTP by an ordinary library, for what our own client does not do: proxies, and HTTP/2 where the server behind one offers it.

httpx2, since it does both, is typed and is looked after; it takes a megabyte for each ten of the fetcher, and 30 times our
own client's time for a request, so it is loaded where a proxy is named and nowhere else.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Final

import httpx2

from mailbox_operator.diagnosis.cleaning import clean
from mailbox_operator.fetcher.http.connection import Exchange, Fault
from mailbox_operator.fetcher.http.reader import Response
from mailbox_operator.fetcher.spool import Spool

OURS: Final = frozenset({b"host"})
"""Fields that the library writes itself."""
LEAVING: Final = Fault("The fetcher is leaving")
END: Final = b"\r\n\r\n"


class LibraryPool:
    """Does what `HttpPool` does, through a proxy."""

    def __init__(  # noqa: PLR0913 - what a client is made of
        self,
        url: str,
        *,
        proxy: str,
        ssl_context: ssl.SSLContext | None,
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
        self._client = httpx2.AsyncClient(
            proxy=proxy,
            http2=True,
            verify=ssl_context or True,
            trust_env=False,  # which proxy was decided by us
            timeout=None,  # an exchange has a total deadline
            limits=httpx2.Limits(max_connections=size, max_keepalive_connections=size),
        )

    @property
    def under_way(self) -> int:
        """How many exchanges have not ended."""
        return len(self._running)

    def start(self, exchange: Exchange) -> None:
        """Send a request now; its `done` is called later, never from within."""
        self.free -= 1
        task = self._tasks.create_task(self._run(exchange), name="http-library")
        self._running.add(task)

    def close(self) -> None:
        """Drop everything; what is under way ends in a Fault."""
        for task in self._running:
            task.cancel()
        self._tasks.create_task(self._client.aclose(), name="http-library-close")

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
