"""A TCP proxy on loopback that breaks connections as it is told: for faults between two programs that have none."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class TcpProxy:
    """Passes octets between whoever dials `port` and a server."""

    port: int
    server: tuple[str, int]
    is_away: bool = False
    """Nobody is let in, and those who are in are cut off."""
    is_silent: bool = False
    """Octets vanish, in both directions; the connections stay."""
    cuts: list[int] = field(default_factory=list)
    """After how many octets from the server each of the next connections is cut; none left: never."""
    connections: int = 0
    _open: list[socket.socket] = field(default_factory=list)

    def leave(self) -> None:
        """Be away."""
        self.is_away = True
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Let connections in again."""
        self.is_away = False

    def serve(self, listening: socket.socket) -> None:
        """Take connections until the listening socket is closed."""
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            if self.is_away:
                near.close()
                continue
            try:
                far = socket.create_connection(self.server, timeout=30)
            except OSError:  # as if there were no proxy
                near.close()
                continue
            far.settimeout(None)
            self.connections += 1
            left = self.cuts.pop(0) if self.cuts else None
            self._open += [near, far]
            if self.is_away:  # since this very moment
                self.leave()
            threading.Thread(target=self._pass, args=(near, far, None), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, left), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, left: int | None) -> None:
        with suppress(OSError):
            while octets := source.recv(65_536):
                if self.is_silent:
                    continue
                if left is not None and len(octets) >= left:
                    target.sendall(octets[:left])
                    break
                left = None if left is None else left - len(octets)
                target.sendall(octets)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Cut everything off."""
        self.leave()
        for one in self._open:
            one.close()


@contextmanager
def tcp_proxy(server: tuple[str, int]) -> Iterator[TcpProxy]:
    """Run one before `server` (address, port)."""
    listening = socket.create_server(("127.0.0.1", 0))
    made = TcpProxy(port=listening.getsockname()[1], server=server)
    thread = threading.Thread(target=made.serve, args=(listening,))
    thread.start()
    try:
        yield made
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(timeout=60)
        made.close()
