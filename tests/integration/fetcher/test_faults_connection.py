"""Connections to the mail server that break: after so many octets, within a literal, without a sound."""

import random
import subprocess
import threading
from dataclasses import replace

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.tally import Record, message_ids, messages, tally
from mailbox_operator.mail.endpoint import Security
from support.kube import until
from testbed.mailserver import MailServer
from testbed.tcp_proxy import TcpProxy, tcp_proxy

pytestmark = pytest.mark.integration


def through(fetcher: Fetcher, proxy: TcpProxy, *, security: Security = Security.TLS) -> None:
    """Have the fetcher reach its server through a proxy."""
    source = replace(fetcher.plan.source, port=proxy.port, security=security)
    fetcher.write_plan(replace(fetcher.plan, source=source))


@pytest.mark.timeout(60)
def test_cut_off_after_any_number_of_octets_it_loses_and_repeats_nothing(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher, record_property: Record
) -> None:
    count = 200
    chance = random.Random(7)  # noqa: S311 - the same octets each time
    server.dovecot.seed(account.address, messages(count, octets=20_000))
    with tcp_proxy(("127.0.0.1", server.dovecot.imap)) as proxy:
        # Within the greeting, the sign-in, the listing, and (most) within a literal.
        proxy.cuts = [10, 300, 900, 5_000, 15_000, *(chance.randrange(20_000, 900_000) for _ in range(7))]
        cuts = len(proxy.cuts)
        through(fetcher, proxy, security=Security.NONE)
        fetcher.start()
        receiver.wait_accepted(count, seconds=50)
        until(lambda: fetcher.metric("pending") == 0, seconds=5, what="all is settled")
        found = tally(receiver, message_ids(count))
        record_property("tally", f"{proxy.connections - 1} cuts of {cuts}: {found}")
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found


def test_a_message_that_goes_between_listing_and_fetching_stops_nothing(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    count, gone, is_expunged = 30, 5, threading.Event()
    server.dovecot.seed(account.address, messages(count, octets=800_000))

    def answer(_fields: dict[str, str], _body: bytes) -> int:
        is_expunged.wait(60)  # the fetcher stops reading when it holds enough; the last messages are listed by then
        return 204

    receiver.answer = answer
    fetcher.change_webhook(timeout_seconds=120)
    fetcher.start()
    until(lambda: fetcher.metric("pending") == count, seconds=10, what="all are listed")
    command = ["doveadm", "-c", str(server.dovecot.root / "dovecot.conf"), "expunge", "-u", account.address]
    subprocess.run([*command, "mailbox", "INBOX", "uid", f"{count - gone + 1}:{count}"], check=True)
    is_expunged.set()
    receiver.wait_accepted(count - gone, seconds=15)
    server.dovecot.seed(account.address, messages(1, first=100))
    receiver.wait_accepted(count - gone + 1, seconds=15)
    until(lambda: fetcher.metric("pending") == 0, seconds=10, what=fetcher.log)
    found = tally(receiver, [*message_ids(count - gone), *message_ids(1, first=100)])
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found
    assert fetcher.metric("quarantined") == 0


@pytest.mark.timeout(60)
def test_a_server_that_falls_silent_is_noticed_while_idle_and_while_it_owes_a_reply(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    with tcp_proxy(("127.0.0.1", server.dovecot.imaps)) as proxy:
        through(fetcher, proxy)
        fetcher.change(mark_seen=False)
        fetcher.options = ("--silence", "3")
        fetcher.start()
        fetcher.wait_state("Idle")
        proxy.is_silent = True  # the connection stays, nothing comes through: what a firewall that forgot it does
        server.dovecot.seed(account.address, messages(1))
        until(lambda: "fell silent" in fetcher.log(), seconds=20, what=fetcher.log)
        proxy.is_silent = False
        receiver.wait_accepted(1, seconds=20)
        assert tally(receiver, message_ids(1)).repeats == 0
