"""What a fetcher's process is told besides its plan."""

from pathlib import Path
from typing import Final

from mailbox_operator.mail.guard import AddressPolicy, parse_networks
from mailbox_operator.values import dataclass

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line."""

    plan: Path
    checkpoint: str
    """`file:PATH` or `configmap:NAME`."""
    once: bool
    listen: tuple[str, int] | None
    allow_loopback: bool
    spool_folder: Path
    silence: float
    """Seconds without a word after which a server that owes an answer counts as gone."""

    @property
    def policy(self) -> AddressPolicy:
        """Where mail server and sink may be."""
        return AddressPolicy(allowed=parse_networks(LOOPBACK) if self.allow_loopback else ())
