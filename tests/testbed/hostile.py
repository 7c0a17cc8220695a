"""Servers that mean ill, or are ill: they keep silent, trickle, talk nonsense, cut the wire, repeat what they were told."""

import socket
import ssl
import struct
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import Final

Talk = Callable[[socket.socket], None]
"""Speaks with one peer; the connection is closed when it returns."""

PATIENCE: Final = 90.0
"""Seconds that no talk waits longer for its peer."""
MOMENT: Final = 0.3
"""Seconds in which a peer that speaks first has spoken."""
TLS_PORTS: Final = (993, 995, 465, 443)
"""Where TLS comes first."""
PLAIN_PORTS: Final = (143, 110, 587, 25, 80)
GREETINGS: Final = {
    143: b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN ID] ready\r\n",
    993: b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN ID] ready\r\n",
    110: b"+OK ready\r\n",
    995: b"+OK ready\r\n",
    587: b"220 hostile.test ESMTP\r\n",
    465: b"220 hostile.test ESMTP\r\n",
    25: b"220 hostile.test ESMTP\r\n",
}
"""What a server of a port's protocol says first."""


@contextmanager
def hostile_server(address: str, talks: Mapping[int, Talk], *, tls: ssl.SSLContext | None = None) -> Iterator[None]:
    """Serve every connection to a port of `address` by its talk, in a thread of its own; after a TLS handshake where `tls`."""
    listening = [(socket.create_server((address, port), backlog=64), talk, port) for port, talk in talks.items()]
    open_now: set[socket.socket] = set()

    def serve(connection: socket.socket, talk: Talk, port: int) -> None:
        with suppress(OSError), connection:  # the peer left; ssl.SSLError is an OSError
            connection.settimeout(PATIENCE)
            if tls and port in TLS_PORTS:
                with tls.wrap_socket(connection, server_side=True) as secured:
                    talk(secured)
            else:
                talk(connection)
        open_now.discard(connection)

    def accept(door: socket.socket, talk: Talk, port: int) -> None:
        with suppress(OSError):  # closed: the server ends
            while True:
                connection, _ = door.accept()
                open_now.add(connection)
                threading.Thread(
                    target=serve, args=(connection, talk, port), name=f"hostile-{port}", daemon=True
                ).start()

    threads = [threading.Thread(target=accept, args=one, name="hostile", daemon=True) for one in listening]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for door, _, _ in listening:
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()
        for connection in list(open_now):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(timeout=60)


def on_ports(talk: Talk, ports: Iterable[int] = (*PLAIN_PORTS, *TLS_PORTS)) -> dict[int, Talk]:
    """Return the same talk for each port."""
    return dict.fromkeys(ports, talk)


def silent(connection: socket.socket) -> None:
    """Say nothing at all."""
    while connection.recv(4096):
        pass


def trickling(connection: socket.socket) -> None:
    """Say an endless line, an octet at a time, so that no single read ever takes long."""
    connection.settimeout(MOMENT)
    for _ in count():
        connection.sendall(b"*")
        with suppress(TimeoutError):
            if not connection.recv(4096):
                return


def garbage(connection: socket.socket) -> None:
    """Greet with what belongs to no protocol."""
    connection.sendall(bytes(range(128, 256)) + b"\x00\x1b[31m\r\n")
    silent(connection)


def resetting(connection: socket.socket) -> None:
    """Cut the wire (RST) when the peer has said something, or waits for us to."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    closing(connection)


def closing(connection: socket.socket) -> None:
    """Hang up without a word, when the peer has said something or waits for us to."""
    if connection.getsockname()[1] not in TLS_PORTS:  # there it speaks for certain, however late
        connection.settimeout(MOMENT)
    with suppress(TimeoutError):
        connection.recv(4096)


def echoing(port: int) -> Talk:
    """Refuse every login, with the password in the refusal: as it came, decoded and encoded."""
    greeting = GREETINGS[port]

    def talk(connection: socket.socket) -> None:
        answer = {b"*": _ImapEcho().answer, b"+": _pop3_echo, b"2": _smtp_echo}[greeting[:1]]
        connection.sendall(greeting)
        with connection.makefile("rb") as stream:
            for line in stream:
                connection.sendall(answer(line.rstrip(b"\r\n")))

    return talk


def _both_ways(words: bytes) -> bytes:
    """Return what was said, and each word of it decoded and encoded."""
    decoded = [_decoded(word) for word in words.split()]
    encoded = [b64encode(word.strip(b'"')) for word in words.split()]
    return b" ".join([words, *decoded, *encoded]).replace(b"\0", b" ").replace(b"\r", b" ").replace(b"\n", b" ")


def _decoded(word: bytes) -> bytes:
    try:
        return b64decode(word, validate=True)
    except ValueError:
        return b""


class _ImapEcho:
    def __init__(self) -> None:
        self._tag = b"*"
        """Of a command that waits for its continuation."""

    def answer(self, line: bytes) -> bytes:
        tag, _, command = line.partition(b" ")
        if not command:  # the continuation itself
            return self._refusal(self._tag, line)
        verb = command.upper()
        if verb.startswith((b"CAPABILITY", b"ID", b"NOOP")):
            return tag + b" OK done\r\n"
        if verb.startswith(b"LOGOUT"):
            return b"* BYE\r\n" + tag + b" OK done\r\n"
        if verb == b"AUTHENTICATE PLAIN":
            self._tag = tag
            return b"+ \r\n"
        return self._refusal(tag, command)

    @staticmethod
    def _refusal(tag: bytes, said: bytes) -> bytes:
        return tag + b" NO [AUTHENTICATIONFAILED] Authentication failed: " + _both_ways(said) + b"\r\n"


def _pop3_echo(line: bytes) -> bytes:
    command = line.upper()
    if command.startswith(b"CAPA"):
        return b"+OK\r\nUSER\r\nSASL PLAIN\r\nUIDL\r\nTOP\r\n.\r\n"
    if command.startswith((b"USER", b"NOOP", b"QUIT")):
        return b"+OK\r\n"
    if command == b"AUTH PLAIN":
        return b"+ \r\n"
    return b"-ERR [AUTH] Authentication failed: " + _both_ways(line) + b"\r\n"


def _smtp_echo(line: bytes) -> bytes:
    command = line.upper()
    if command.startswith(b"EHLO"):
        return b"250-hostile.test\r\n250 AUTH PLAIN LOGIN\r\n"
    if command.startswith((b"QUIT", b"RSET")):
        return b"221 2.0.0 bye\r\n"
    if command in (b"AUTH PLAIN", b"AUTH LOGIN"):
        return b"334 \r\n"
    return b"535 5.7.8 Error: authentication failed: " + _both_ways(line) + b"\r\n"
