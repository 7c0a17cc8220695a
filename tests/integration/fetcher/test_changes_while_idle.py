"""What may change on the server while a fetcher idles there: the UIDs, the password, the token. Each message is counted."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.tally import Record, message_ids, messages, tally
from support.kube import until
from testbed.dovecot import Dovecot
from testbed.introspection import dovecot_settings, introspecting
from testbed.mailserver import MailServer, free_ports, servers_folder

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


def uidvalidity(fetcher: Fetcher) -> int:
    return int(fetcher.saved()["folders"]["INBOX"]["uidvalidity"])


def test_uids_that_begin_anew_under_an_idling_fetcher_lose_and_repeat_nothing(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher, record_property: Record
) -> None:
    server.dovecot.seed(account.address, messages(50))
    fetcher.start()
    receiver.wait_accepted(50)
    fetcher.wait_state("Idle")
    before = uidvalidity(fetcher)
    until(lambda: int(time.time()) > before, seconds=3, what="another second, hence another UIDVALIDITY")
    for path in server.dovecot.maildir(account.address).glob("dovecot*"):
        path.unlink()
    server.dovecot.seed(account.address, messages(30, first=51))
    receiver.wait_accepted(80, seconds=30)
    until(lambda: uidvalidity(fetcher) != before, seconds=30, what=fetcher.log)
    assert "the folder begins anew and is read again" in fetcher.log()
    server.dovecot.seed(account.address, messages(5, first=81))
    receiver.wait_accepted(85)
    found = tally(receiver, message_ids(85))
    record_property("tally", f"UIDVALIDITY changed during IDLE: {found}")
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found


def test_a_password_that_is_rotated_during_idle_costs_nothing(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher, record_property: Record
) -> None:
    server.dovecot.seed(account.address, messages(20))
    fetcher.start()
    receiver.wait_accepted(20)
    for rotation in range(1, 4):
        fetcher.wait_state("Idle")
        server.dovecot.set_password(account.address, f"password {rotation}")
        server.dovecot.seed(
            account.address, messages(10, first=11 + 10 * rotation)
        )  # some by the session that is there
        fetcher.write_password(f"password {rotation}")
        fetcher.wait_metric("credential_reloads_total", rotation)
    receiver.wait_accepted(50)
    found = tally(receiver, message_ids(50))
    record_property("tally", f"password rotated thrice during IDLE: {found}")
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found
    assert server.dovecot.refused_logins(account.address) == 0, "the old one is never shown again"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenServer:
    """A Dovecot that asks about tokens, and those that it is told are good."""

    dovecot: Dovecot
    tokens: dict[str, str]


@pytest.fixture
def token_server(server: MailServer) -> Iterator[TokenServer]:
    imap, imaps = free_ports(2)
    tokens: dict[str, str] = {}
    with servers_folder() as root, introspecting(tokens) as url:
        settings = dovecot_settings(root, url=url) + "auth_verbose = yes\n"
        dovecot = Dovecot.start(root / "dovecot", pki=server.pki, imap=imap, imaps=imaps, settings=settings)
        try:
            yield TokenServer(dovecot=dovecot, tokens=tokens)
        finally:
            dovecot.stop()


def test_a_token_that_is_replaced_during_idle_costs_nothing(
    token_server: TokenServer, receiver: Receiver, fetcher: Fetcher, record_property: Record
) -> None:
    dovecot, tokens, address = token_server.dovecot, token_server.tokens, fetcher.plan.source.username
    tokens["token-0"] = address
    fetcher.write_password("token-0")
    fetcher.change_source(port=dovecot.imaps, mechanism="XOAUTH2")
    dovecot.seed(address, messages(20))
    fetcher.start()
    receiver.wait_accepted(20)
    for renewal in range(1, 4):
        fetcher.wait_state("Idle")
        tokens[f"token-{renewal}"] = address
        del tokens[f"token-{renewal - 1}"]
        dovecot.seed(address, messages(10, first=11 + 10 * renewal))
        fetcher.write_password(f"token-{renewal}\n")
        fetcher.wait_metric("credential_reloads_total", renewal)
    receiver.wait_accepted(50)
    found = tally(receiver, message_ids(50))
    record_property("tally", f"token replaced thrice during IDLE: {found}")
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found
    assert dovecot.logins(address, least=4) == 4
    assert "token-" not in fetcher.log()
