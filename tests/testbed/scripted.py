"""A server of canned octets on a real socket, for what no well-behaved server says."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

Talk = Callable[[socket.socket], None]


@contextmanager
def talking(talk: Talk) -> Iterator[int]:
    """Serve one connection on loopback by `talk` and then keep it open until the peer leaves. Yields the port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # the peer left, or nobody came
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(10)
                with suppress(OSError):
                    talk(connection)
                    while connection.recv(4096):
                        pass

    thread = threading.Thread(target=serve, name="scripted")
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(timeout=15)


def lines(connection: socket.socket) -> Iterator[bytes]:
    """Yield what the peer says, line by line."""
    with connection.makefile("rb") as stream:
        yield from stream


def answering(
    greeting: bytes,
    answers: Mapping[bytes, bytes],
    *,
    heard: list[bytes] | None = None,
    hang_up_after: bytes | None = None,
) -> Talk:
    """After the greeting, give each line the answer of the first key that it holds; `%` stands for the line's tag.

    A line without answer meets silence. `heard` collects the lines. After the answer to a line with `hang_up_after` the
    server says no more and hangs up.
    """

    def talk(connection: socket.socket) -> None:
        connection.sendall(greeting)
        for line in lines(connection):
            if heard is not None:
                heard.append(line.strip())
            found = next((answer for words, answer in answers.items() if words in line), b"")
            connection.sendall(found.replace(b"%", line.partition(b" ")[0]))
            if hang_up_after is not None and hang_up_after in line:
                connection.shutdown(socket.SHUT_RDWR)
                return

    return talk
