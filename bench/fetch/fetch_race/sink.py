"""A webhook that counts: 204 to each POST.

`GET /ids` returns the X-Bench-Ids so far and forgets them, `GET /last` when the last POST was whole (seconds since the
epoch, 0: none yet) and forgets that.
"""

import asyncio
import re
import sys
import time
from typing import ClassVar, Final

ID: Final = re.compile(rb"X-Bench-Id: ?(\d+)")
LENGTH: Final = re.compile(rb"\r\nContent-Length: (\d+)")
LOOKED_AT: Final = 16_384


class Sink(asyncio.Protocol):
    """One connection; a body is counted off, not kept, so that the sink takes little of the cores they all share."""

    ids: Final[list[bytes]] = []
    last: ClassVar[float] = 0.0

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._left -= len(data)
            if not self._left:
                self.answer(self._head)
                self._head = b""
            return
        data = self._head + data
        head = data.find(b"\r\n\r\n")
        if head < 0 or (len(data) < LOOKED_AT and not ID.search(data) and not self._is_whole(data, head)):
            self._head = data
            return
        length = LENGTH.search(data, 0, head)
        self._left = head + 4 + (int(length[1]) if length else 0) - len(data)
        self._head = data[:LOOKED_AT]
        assert self._left >= 0, "one request at a time"
        if not self._left:
            self.answer(self._head)
            self._head = b""

    def _is_whole(self, data: bytes, head: int) -> bool:
        length = LENGTH.search(data, 0, head)
        return len(data) >= head + 4 + (int(length[1]) if length else 0)

    def answer(self, request: bytes) -> None:
        assert self._transport
        if request.startswith(b"GET /last"):
            self.say(b"%.6f" % Sink.last)
            Sink.last = 0.0
            return
        if request.startswith(b"GET "):
            self.say(b" ".join(self.ids))
            self.ids.clear()
            return
        Sink.last = time.time()
        found = ID.search(request)
        self.ids.append(found[1] if found else b"-1")
        self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    def say(self, words: bytes) -> None:
        assert self._transport
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(words), words))


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
