"""What is fetched, from where, and where to: what all contestants of a heat are given."""

from dataclasses import dataclass, field, replace
from pathlib import Path

USER = "bench@bench.test"
PASSWORD = "bench"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running mail server with one full mailbox."""

    ports: dict[str, int]
    """By protocol: imap, imaps, pop3, pop3s."""
    ca_file: Path
    password_file: Path
    messages: int
    octets: int
    process: int
    """Whose CPU time counts as the server's."""


@dataclass(frozen=True, kw_only=True)
class Drop:
    """A mailbox that contestants fill by LMTP."""

    port: int
    recipient: str
    maildir: Path
    process: int


@dataclass(frozen=True, kw_only=True)
class Course:
    """One server's mailbox over one protocol."""

    server: Server
    protocol: str
    on_disk: bool = False
    """Write to a disk, durably; else to memory, where fsync is free (in the favour of those who call it for each message)."""
    nothing_new: bool = False
    """Time a second run, which finds nothing new."""
    webhook_port: int = 0
    lmtp: "Drop | None" = None
    helpers: tuple[int, ...] = field(default=())
    """Processes whose CPU time belongs to the race besides contestant and server."""

    @property
    def secured(self) -> bool:
        return self.protocol.endswith("s")

    @property
    def port(self) -> int:
        return self.server.ports[self.protocol]

    @property
    def host(self) -> str:
        """Some contestants take no address where a certificate is to be checked."""
        return "localhost" if self.secured else "127.0.0.1"

    def through(self, port: int, *, helper: int) -> "Course":
        """Return the same, through a proxy."""
        server = replace(self.server, ports=self.server.ports | {self.protocol: port})
        return replace(self, server=server, helpers=(*self.helpers, helper))
