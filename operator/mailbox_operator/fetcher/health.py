"""The pod's probes and metrics: a few fixed answers over HTTP. A loop that stands still answers nothing at all."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from mailbox_operator.fetcher.meter import Meter, render_metrics

log = logging.getLogger(__name__)

REQUEST_SECONDS: Final = 5.0
REQUEST_LIMIT: Final = 16_384
AT_ONCE: Final = 16
"""Connections; further ones are closed unheard."""


class HealthServer:
    """Serves `/healthz` (`alive`), `/readyz` (`ready`) and `/metrics`; anything else is 404."""

    def __init__(self, *, alive: Callable[[], bool], ready: Callable[[], bool], meter: Meter) -> None:
        self._alive = alive
        self._ready = ready
        self._meter = meter
        self._open = 0
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen (`host` "": on every address, of IPv4 and of IPv6), and return the port. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=REQUEST_LIMIT)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def close(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= AT_ONCE:
                async with asyncio.timeout(REQUEST_SECONDS):
                    request = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._answer(request))
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a prober's trouble is the prober's
        finally:
            self._open -= 1
            writer.close()

    def _answer(self, request: bytes) -> bytes:
        words = request.split(maxsplit=2)
        path = words[1].partition(b"?")[0] if len(words) > 1 else b""
        if path == b"/metrics":
            return _response("200 OK", render_metrics(self._meter), "text/plain; version=0.0.4; charset=utf-8")
        if path == b"/healthz":
            holds = self._alive()
        elif path == b"/readyz":
            holds = self._ready()
        else:
            return _response("404 Not Found", b"not found\n")
        return _response("200 OK", b"ok\n") if holds else _response("503 Service Unavailable", b"not yet\n")


def _response(status: str, body: bytes, content_type: str = "text/plain; charset=utf-8") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
