"""What a process has open: so a test sees that a connection is gone."""

from contextlib import suppress
from pathlib import Path


def connections_to(port: int) -> set[str]:
    """Return the TCP connections to a port that this process has open: other descriptors come and go in other threads."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/self/net", table).read_text().splitlines()[1:]:
            _, _, peer, *rest = line.split()
            if int(peer.rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{rest[6]}]")
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the descriptor that lists them
            found.add(str(path.readlink()))
    return found & sockets
