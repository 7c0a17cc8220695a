"""A small POP3 server with the holes that a real one has now and then, and the lock that RFC 1939 asks for."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Pop3Server:
    """One maildrop of unique id and octets; `script` serves it to a connection."""

    messages: dict[bytes, bytes] = field(default_factory=dict)
    password: bytes | None = None
    """None: any will do."""
    capabilities: tuple[bytes, ...] = (b"TOP", b"UIDL", b"USER", b"PIPELINING", b"RESP-CODES")
    broken: set[bytes] = field(default_factory=set)
    broken_words: bytes = b"cannot read it"
    """Unique ids that are never handed out."""
    undeletable: set[bytes] = field(default_factory=set)
    """Unique ids that DELE refuses."""
    cut_at: bytes | None = None
    """A command in whose answer the connection is cut, once."""
    tears: bytes | None = None
    """The same, each time."""
    quits: bool = True
    """Whether QUIT deletes and says so."""
    refusal: bytes | None = None
    """What PASS is answered for once, whatever the password."""
    refusals: int = 0
    logins: int = 0
    locked: bool = False
    commands: list[bytes] = field(default_factory=list)
    _next: int = 0

    def put(self, octets: bytes) -> bytes:
        """Let a message arrive; return its unique id."""
        self._next += 1
        uidl = b"u%d" % self._next
        self.messages[uidl] = octets
        return uidl

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        writer.write(b"+OK hello\r\n")
        session: _Session | None = None
        try:
            while line := await reader.readline():
                command = line.rstrip(b"\r\n")
                self.commands.append(command.split(b" ")[0] if command.startswith(b"PASS") else command)
                if command.startswith(b"PASS "):
                    session, answer = self._sign_in(command[5:])
                    writer.write(answer)
                elif command == b"CAPA":
                    known = bool(self.capabilities)
                    writer.write(_lines(self.capabilities) if known else b"-ERR what?\r\n")
                elif command == b"QUIT":
                    writer.write(self._quit(session))
                    return
                elif session and command in {self.cut_at, self.tears}:
                    self.cut_at, answer = None, session.answer(command)
                    writer.write(answer[: len(answer) // 2])
                    return
                elif session:
                    writer.write(session.answer(command))
                else:
                    writer.write(b"+OK\r\n")
                await writer.drain()
        finally:
            if session:
                self.locked = False

    def _sign_in(self, password: bytes) -> tuple["_Session | None", bytes]:
        if self.refusal:
            refusal, self.refusal = self.refusal, None
            return None, refusal + b"\r\n"
        if self.password not in {None, password}:
            self.refusals += 1
            return None, b"-ERR [AUTH] wrong\r\n"
        if self.locked:
            return None, b"-ERR [IN-USE] locked\r\n"
        self.locked = True
        self.logins += 1
        return _Session(self, list(self.messages)), b"+OK\r\n"

    def _quit(self, session: "_Session | None") -> bytes:
        if session and not self.quits:
            return b"-ERR some deleted messages not removed\r\n"
        for uidl in session.deleted if session else ():
            self.messages.pop(uidl, None)
        return b"+OK bye\r\n"


class _Session:
    """A maildrop as it was at the login."""

    def __init__(self, server: Pop3Server, shown: list[bytes]) -> None:
        self._server = server
        self._shown = shown
        self.deleted: list[bytes] = []

    def answer(self, command: bytes) -> bytes:
        name, *arguments = command.split(b" ")
        messages = self._server.messages
        if name == b"UIDL" and b"UIDL" in (*self._server.capabilities, *arguments):
            return _lines(b"%d %b" % pair for pair in enumerate(self._shown, 1))
        if name == b"LIST":
            return _lines(b"%d %d" % (number, len(messages[uidl])) for number, uidl in enumerate(self._shown, 1))
        if name not in {b"RETR", b"TOP", b"DELE"}:
            return b"-ERR what?\r\n"
        uidl = self._shown[int(arguments[0]) - 1]
        if name == b"DELE":
            return self._delete(uidl)
        if uidl in self._server.broken:
            return b"-ERR %b\r\n" % self._server.broken_words
        octets = messages[uidl]
        return b"+OK\r\n" + stuffed(octets if name == b"RETR" else octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")

    def _delete(self, uidl: bytes) -> bytes:
        if uidl in self._server.undeletable:
            return b"-ERR no\r\n"
        self.deleted.append(uidl)
        return b"+OK\r\n"


def _lines(lines: Iterable[bytes]) -> bytes:
    return b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\n"


def stuffed(octets: bytes) -> bytes:
    """Write a message as RFC 1939 section 3 has it: dots doubled, a CRLF and a dot at the end."""
    doubled = (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:]
    return doubled + (b"" if not doubled or doubled.endswith(b"\r\n") else b"\r\n") + b".\r\n"
