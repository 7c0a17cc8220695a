"""Mail on the server arrives at the webhook, as it was."""

from pathlib import Path

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from support.kube import until
from testbed.mailserver import MailServer

pytestmark = pytest.mark.integration


def test_what_is_there_and_what_comes_is_delivered(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    there = b'From: "A, B" <a@example.com>\r\nMessage-ID: <1@x>\r\nSubject: one\r\n\r\nBody\r\n'
    server.dovecot.seed(account.address, [there])
    fetcher.start()
    [event] = receiver.wait_accepted(1)
    assert event.body == there
    assert event.fields["content-type"] == "message/rfc822"
    assert event.fields["ce-specversion"] == "1.0"
    assert event.fields["ce-type"] == "io.mailbox-operator.message.received.v1"
    assert event.fields["ce-source"] == "/namespaces/mail/mailboxes/support"
    assert event.fields["ce-subject"] == "INBOX"
    assert event.fields["ce-messageid"] == "<1@x>"
    assert event.fields["ce-from"] == "a@example.com"
    assert event.fields["ce-size"] == str(len(there))
    fetcher.wait_state("Idle")
    until(lambda: fetcher.metric("messages_delivered_total") == 1, seconds=5, what="counted")
    assert fetcher.get("/healthz") == "ok\n"
    assert fetcher.get("/readyz") == "ok\n"
    server.dovecot.seed(account.address, [b"Message-ID: <2@x>\r\n\r\n"])
    assert receiver.wait_accepted(2)[1].fields["ce-messageid"] == "<2@x>"
    assert fetcher.stop() == 0
    assert fetcher.saved()["folders"]["INBOX"]["last"] == 2


def test_an_idle_fetcher_is_small(server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher) -> None:
    server.dovecot.seed(account.address, [b"Message-ID: <1@x>\r\n\r\n" + b"x" * 100_000 + b"\r\n"] * 50)
    fetcher.change(deduplicate=False)
    fetcher.start()
    receiver.wait_accepted(50)
    fetcher.wait_state("Idle")
    assert rss_mib(fetcher) < 36
    fetcher.metric("messages_delivered_total")
    assert rss_mib(fetcher) < 40, "metrics read"


def rss_mib(fetcher: Fetcher) -> float:
    assert fetcher.process
    with Path(f"/proc/{fetcher.process.pid}/status").open() as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))
