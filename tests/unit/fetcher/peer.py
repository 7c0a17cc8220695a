"""A peer on a real socket that follows a script."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(kw_only=True)
class Peer:
    """Where it listens, and how often it was called."""

    port: int = 0
    calls: int = 0
    faults: list[BaseException] = field(default_factory=list)


@contextlib.asynccontextmanager
async def playing(script: Script) -> AsyncIterator[Peer]:
    """Play `script` to each caller; what goes wrong in it is raised at the end, when nothing of it is left."""
    peer = Peer()
    playing_to: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.calls += 1
        playing_to[asyncio.current_task()] = writer
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except AssertionError as error:
            peer.faults.append(error)
        finally:
            writer.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0, limit=1 << 26)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for task, writer in playing_to.items():
            if task:
                task.cancel()
                await asyncio.wait((task,))
            writer.transport.abort()
        if peer.faults:
            raise peer.faults[0]


def dialogue(*turns: tuple[bytes, bytes], greeting: bytes = b"") -> Script:
    """Greet; then expect each line (without its tag and CRLF; `*` for any) and answer it, TAG replaced."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        for expected, answer in turns:
            line = await reader.readuntil(b"\r\n")
            tag, _, command = line.rstrip(b"\r\n").partition(b" ")
            assert expected in (b"*", command, line.rstrip(b"\r\n")), f"{line!r} where {expected!r} was expected"
            writer.write(answer.replace(b"TAG", tag))
        await reader.read()

    return script
