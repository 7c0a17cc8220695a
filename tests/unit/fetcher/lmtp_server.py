"""A small LMTP server with the moods that a real one has: what it offers, what it refuses, when it hangs up."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class State:
    """Where a connection is."""

    in_transaction: bool = False
    has_recipient: bool = False
    over: bool = False


@dataclass(kw_only=True)
class LmtpServer:
    """`script` serves a connection."""

    offers: tuple[bytes, ...] = (b"PIPELINING", b"8BITMIME", b"ENHANCEDSTATUSCODES", b"SIZE 50000000")
    greeting: bytes = b"220 small LMTP\r\n"
    refusals: dict[bytes, bytes] = field(default_factory=dict)
    """Replies to a command (`MAIL`, `RCPT`, `DATA`), or to a `.`, other than the good one."""
    judge: Callable[[bytes], bytes] = lambda _message: b"250 2.0.0 taken"
    """The reply to a message."""
    away: bool = False
    commands: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    """Those that it took."""
    connections: int = 0

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        writer.write(self.greeting)
        state = State()
        while not state.over and (line := await reader.readline()):
            command = line.rstrip(b"\r\n")
            self.commands.append(command)
            verb = command.split(b" ")[0].upper()
            reply = b"421 4.3.2 not now" if self.away and verb == b"MAIL" else self.refusals.get(verb)
            if verb == b"BDAT":
                message = await reader.readexactly(int(command.split(b" ")[1]))
                reply = self.settle(message) if state.has_recipient else b"503 5.5.1 no recipient"
                state = State(in_transaction=not state.has_recipient)
            elif verb == b"DATA" and state.has_recipient and not reply:
                writer.write(b"354 go ahead\r\n")
                await writer.drain()
                reply = self.settle(await read_stuffed(reader))
                state = State()
            reply = reply or self.answer(verb, state)
            state.over = verb == b"QUIT" or reply.startswith(b"421")
            writer.write(reply + b"\r\n")
            await writer.drain()

    def answer(self, verb: bytes, state: "State") -> bytes:
        """Answer what needs no message."""
        match verb:
            case b"LHLO":
                lines = [b"small", *self.offers]
                return b"".join(b"250-%b\r\n" % one for one in lines[:-1]) + b"250 " + lines[-1]
            case b"MAIL" if not state.in_transaction:
                state.in_transaction = True
                return b"250 2.1.0 ok"
            case b"RCPT" if state.in_transaction:
                state.has_recipient = True
                return b"250 2.1.5 ok"
            case b"RSET":
                state.in_transaction = state.has_recipient = False
                return b"250 2.0.0 ok"
            case b"QUIT":
                return b"221 2.0.0 bye"
            case _:
                return b"503 5.5.1 not here"

    def settle(self, message: bytes) -> bytes:
        """Judge a message, and keep it where the verdict is good."""
        reply = self.judge(message)
        if reply.startswith(b"2"):
            self.messages.append(message)
        return reply


async def read_stuffed(reader: asyncio.StreamReader) -> bytes:
    """Read what follows DATA, as the standard has it."""
    octets = b"\r\n"
    while not octets.endswith(b"\r\n.\r\n"):
        octets += await reader.readuntil(b".\r\n")
    return octets[:-3].replace(b"\r\n.", b"\r\n")[2:]
