"""A webhook over TLS that speaks HTTP/2 and nothing else, as a load balancer's port for gRPC does."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError

from testbed.pki import Pki

WINDOW: Final = 1 << 24


@dataclass(kw_only=True)
class Http2Only:
    """What it was asked, and how often it was not understood."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    fields: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    """On which a request came."""
    strangers: int = 0
    """Connections of those who do not speak HTTP/2."""


@contextmanager
def running_http2_only(pki: Pki) -> Iterator[Http2Only]:
    """Run it in a thread."""
    made, loop = Http2Only(), asyncio.new_event_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.certificate(), pki.key())
    context.set_alpn_protocols(["h2"])
    open_now: set[_Connection] = set()
    server = loop.run_until_complete(
        loop.create_server(lambda: _Connection(made, open_now), "127.0.0.1", 0, ssl=context)
    )
    made.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_close(server, open_now), loop).result(timeout=60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=60)
        loop.close()


async def _close(server: asyncio.Server, open_now: "set[_Connection]") -> None:
    server.close()
    for connection in list(open_now):
        connection.abort()
        await connection.gone.wait()
    await server.wait_closed()


class _Connection(asyncio.Protocol):
    def __init__(self, told: Http2Only, open_now: "set[_Connection]") -> None:
        self._told = told
        self._open_now = open_now
        self.gone = asyncio.Event()
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._requests: dict[int, tuple[dict[str, str], bytearray]] = {}
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open_now.add(self)
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(WINDOW)
        transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        assert self._transport
        with contextlib.suppress(ProtocolError):
            for event in self._h2.receive_data(data):
                if isinstance(event, RequestReceived):
                    self._told.connections += event.stream_id == 1
                    self._requests[event.stream_id] = (
                        {str(key): str(value) for key, value in event.headers},
                        bytearray(),
                    )
                elif isinstance(event, DataReceived):
                    self._requests[event.stream_id][1].extend(event.data)
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    fields, body = self._requests.pop(event.stream_id)
                    self._told.fields.append(fields)
                    self._told.bodies.append(bytes(body))
                    self._h2.send_headers(event.stream_id, [(":status", "204")], end_stream=True)
            self._transport.write(self._h2.data_to_send())
            return
        self._told.strangers += 1
        self._transport.write(self._h2.data_to_send())  # GOAWAY
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._open_now.discard(self)
        self.gone.set()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()
