"""Which messages are handed over, against a real Dovecot that searches and a filter that judges again."""

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.test_delivery import numbered
from mailbox_operator.fetcher.plan import HeaderMatch
from support.kube import until
from testbed.mailserver import MailServer

pytestmark = pytest.mark.integration


def ids(receiver: Receiver) -> list[str]:
    return sorted(event.fields["ce-messageid"] for event in receiver.accepted)


MAIL = [
    b"Message-ID: <1@x>\r\nFrom: Ada <ada@example.com>\r\nX-Ticket: 17\r\n\r\n",
    b"Message-ID: <2@x>\r\nFrom: ada@example.com.evil.example\r\nx-ticket: 17\r\n\r\n",
    b"Message-ID: <3@x>\r\nFrom: Bob <BOB@example.com>\r\nX-Ticket: 170\r\nX-Spam:\r\n\r\n",
    b"Message-ID: <4@x>\r\nFrom: c@example.com\r\nX-Ticket: A\r\n b\r\n\r\n",
    b"Message-ID: <5@x>\r\nFrom: c@example.com\r\nX-Ticket: =?utf-8?q?gr=C3=BCn?=\r\n\r\n",
    b"Message-ID: <6@x>\r\nFrom: c@example.com\r\nX-Ticket: gr\xc3\xbcn\r\n\r\n",
]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"headers": (HeaderMatch(name="x-ticket"),)}, [1, 2, 3, 4, 5, 6]),
        ({"headers": (HeaderMatch(name="X-TICKET", value="17"),)}, [1, 2]),
        ({"headers": (HeaderMatch(name="X-Ticket", value="a b"),)}, []),
        ({"headers": (HeaderMatch(name="X-Ticket", value="A b"),)}, [4]),
        ({"headers": (HeaderMatch(name="X-Ticket", value="grün"),)}, [5, 6]),
        ({"headers": (HeaderMatch(name="X-Spam"), HeaderMatch(name="X-Ticket", value="170"))}, [3]),
        ({"senders": ("ADA@example.com", "bob@example.com")}, [1, 3]),
        ({"senders": ("bob@example.com",), "headers": (HeaderMatch(name="X-Ticket", value="17"),)}, []),
    ],
)
def test_what_passes(
    change: dict[str, object],
    found: list[int],
    server: MailServer,
    account: Account,
    receiver: Receiver,
    fetcher: Fetcher,
) -> None:
    server.dovecot.seed(account.address, MAIL)
    fetcher.change(**change)
    assert fetcher.once() == 0, fetcher.log()
    assert ids(receiver) == [f"<{number}@x>" for number in found]
    assert server.dovecot.flags(account.address).count("S") == len(found), "what is not handed over is left alone"
    assert fetcher.saved()["folders"]["INBOX"]["last"] == len(MAIL), "and is not looked at again"


def test_what_comes_later_is_filtered_alike(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fetcher.change(headers=(HeaderMatch(name="X-Ticket", value="17"),))
    fetcher.start()
    fetcher.wait_state("Idle")
    server.dovecot.seed(account.address, MAIL)
    receiver.wait_accepted(2)
    until(lambda: fetcher.saved()["folders"]["INBOX"]["last"] == len(MAIL), seconds=5, what="all are done with")
    assert ids(receiver) == ["<1@x>", "<2@x>"]


def test_only_unseen_ones_and_those_marked_unread_later(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(1), flags="S")
    server.dovecot.seed(account.address, numbered(1, first=2))
    fetcher.change(unseen_only=True, interval_seconds=1.0)
    fetcher.start()
    receiver.wait_accepted(1)
    until(lambda: server.dovecot.flags(account.address) == ["S", "S"], seconds=5, what="marked")
    with server.dovecot.session(account.address, account.password) as imap:
        imap.select("INBOX")
        for message, count in (("<1@x>", 2), ("<2@x>", 2)):
            _, [found] = imap.uid("SEARCH", "HEADER", "Message-ID", message)
            imap.uid("STORE", found.decode(), "-FLAGS", r"(\Seen)")
            receiver.wait_accepted(count)
    fetcher.wait_metric("skipped_total", 1)
    assert ids(receiver) == ["<1@x>", "<2@x>"], "the second was handed over before"


def test_without_deduplication_what_is_marked_unread_comes_again_under_the_same_id(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(2))
    fetcher.change(deduplicate=False, interval_seconds=60.0)
    fetcher.start()
    receiver.wait_accepted(2)
    until(lambda: server.dovecot.flags(account.address) == ["S", "S"], seconds=5, what="marked")
    with server.dovecot.session(account.address, account.password) as imap:
        imap.select("INBOX")
        for count in (3, 4):
            imap.uid("STORE", "1", "-FLAGS", r"(\Seen)")
            receiver.wait_accepted(count)
            until(lambda: server.dovecot.flags(account.address) == ["S", "S"], seconds=5, what="marked again")
    assert len({event.id for event in receiver.accepted}) == 2
    fetcher.stop()
    with server.dovecot.session(account.address, account.password) as imap:
        imap.select("INBOX")
        imap.uid("STORE", "2", "-FLAGS", r"(\Seen)")
    fetcher.start()
    receiver.wait_accepted(5)
