"""One pair of mail servers a run, on loopback and unusual ports."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from testbed.mailserver import MailServer, running_mail_server

DOMAIN = "peers.test"


@pytest.fixture(scope="session")
def server() -> Iterator[MailServer]:
    with running_mail_server("localhost", domain=DOMAIN) as running:
        yield running


@dataclass(frozen=True)
class Account:
    """An account of a test's own."""

    address: str
    password: str


@pytest.fixture
def account(server: MailServer) -> Account:
    made = Account(address=f"u{secrets.token_hex(4)}@{DOMAIN}", password=secrets.token_urlsafe(8))
    server.dovecot.set_password(made.address, made.password)
    return made
