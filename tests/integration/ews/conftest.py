"""An Exchange server a test, and a mailbox on it."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from integration.fetcher.conftest import receiver  # noqa: F401 - a fixture
from testbed.ews.server import Exchange, running_exchange
from testbed.ews.world import Account
from testbed.pki import Pki


@pytest.fixture(scope="session", autouse=True)
def libraries() -> None:
    """Load what takes seconds on a busy machine before a test's time runs."""
    from mailbox_operator.fetcher.ews import calls  # noqa: F401, PLC0415 - here and not when tests are collected


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.make(tmp_path_factory.mktemp("exchange") / "pki", "localhost")


@dataclass(frozen=True)
class Post:
    """A server and one mailbox on it."""

    exchange: Exchange
    account: Account
    pki: Pki


@pytest.fixture
def post(pki: Pki) -> Iterator[Post]:
    with running_exchange(pki=pki) as exchange:
        account = exchange.add_account("support@peers.test", secrets.token_urlsafe(12))
        for number in range(5):
            account.deliver(b"From: someone@elsewhere.test\r\nSubject: number %d\r\n\r\nhello\r\n" % number)
        exchange.state.page = 2
        yield Post(exchange, account, pki)
