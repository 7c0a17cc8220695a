"""The mail server of the end-to-end tests: real names, the usual ports, an address that is neither loopback nor the cluster's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from testbed.address import address_of_its_own
from testbed.mailserver import MailServer as Pair
from testbed.mailserver import running_mail_server as running_pair

HOST: Final = "mail.e2e.test"
ALIAS: Final = "alias.e2e.test"
"""Leads to the same server, and is not in its certificate."""
DOMAIN: Final = "e2e.test"


@dataclass(frozen=True, slots=True)
class MailServer:
    """A running Dovecot and Postfix."""

    pair: Pair

    @property
    def host(self) -> str:
        """Its address."""
        return self.pair.address

    @property
    def ca_pem(self) -> str:
        """The CA of its certificate."""
        return self.pair.ca_pem

    def set_password(self, address: str, password: str) -> None:
        """Make an account, or change its password."""
        self.pair.dovecot.set_password(address, password)

    def logins(self, address: str, *, least: int = 0) -> int:
        """Return how often the account signed in to IMAP, once it is `least`."""
        return self.pair.dovecot.logins(address, least=least)

    def refused_logins(self, address: str) -> int:
        """Return how often it was refused."""
        return self.pair.dovecot.refused_logins(address)

    def seed(self, address: str, messages: list[bytes]) -> None:
        """Put messages into the account's INBOX at once."""
        self.pair.dovecot.seed(address, messages)

    def deliver(self, address: str, message: bytes) -> None:
        """Hand a message in, as another mail server would."""
        self.pair.postfix.deliver(address, message)

    def count(self, address: str) -> int:
        """Return how many messages the INBOX holds."""
        return self.pair.dovecot.count(address)


@contextmanager
def running_mail_server() -> Iterator[MailServer]:
    """Run it."""
    with (
        address_of_its_own() as address,
        running_pair(HOST, address=address, domain=DOMAIN, standard_ports=True) as pair,
    ):
        yield MailServer(pair)
