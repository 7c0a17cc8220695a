"""What becomes of messages on the server, against a real Dovecot, with and without MOVE and UIDPLUS."""

from collections.abc import Iterator
from typing import Any

import pytest

from integration.conftest import DOMAIN, Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.test_delivery import numbered
from support.kube import until
from testbed.dovecot import Dovecot
from testbed.mailserver import MailServer, free_ports, servers_folder

pytestmark = pytest.mark.integration

BARE = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+"


@pytest.fixture(scope="module")
def bare(server: MailServer) -> Iterator[Dovecot]:
    """A Dovecot that says it knows neither MOVE nor UIDPLUS, nor ESEARCH, SPECIAL-USE and the like."""
    imap, imaps = free_ports(2)
    settings = f"protocol imap {{\n  imap_capability = {BARE}\n}}\n"
    with servers_folder() as root:
        made = Dovecot.start(root, pki=server.pki, imap=imap, imaps=imaps, settings=settings)
        yield made
        made.stop()


def use(fetcher: Fetcher, dovecot: Dovecot, account: Account) -> None:
    """Point a fetcher to another Dovecot."""
    dovecot.set_password(account.address, account.password)
    fetcher.change_source(port=dovecot.imaps)


def folders(dovecot: Dovecot, account: Account, *names: str) -> list[int]:
    return [len(dovecot.flags(account.address, name)) for name in names]


def test_delivered_messages_are_moved_and_the_folder_is_made(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    receiver.answer = lambda fields, _body: 422 if fields["ce-messageid"] == "<2@x>" else 204
    server.dovecot.seed(account.address, numbered(4))
    fetcher.change(folders=("*",), move_to="Done/Mail", interval_seconds=1.0)
    fetcher.start()
    receiver.wait_accepted(3)
    until(lambda: folders(server.dovecot, account, "INBOX", "Done.Mail") == [1, 3], seconds=10, what="moved")
    server.dovecot.seed(account.address, numbered(1, first=9))
    receiver.wait_accepted(4)
    until(lambda: folders(server.dovecot, account, "INBOX", "Done.Mail") == [1, 4], seconds=10, what="moved, too")
    assert server.dovecot.flags(account.address, "Done.Mail") == ["S"] * 4
    assert server.dovecot.flags(account.address) == [""], "what was refused is left on the server as it was"
    assert len(receiver.accepted) == 4, "and what was moved does not come from there again"


def test_delivered_messages_are_deleted(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(2))
    server.dovecot.seed(account.address, [b"X-Mailbox-Operator-Test: token\r\n\r\n"], flags="T")
    fetcher.change(delete=True)
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 2
    assert server.dovecot.flags(account.address) == ["T"], "of others, also those with the mark, none is expunged"


@pytest.mark.parametrize("change", [{"delete": True}, {"move_to": "Done"}, {"delete_after_seconds": 1.0}])
def test_a_message_whose_header_alone_was_handed_over_stays_where_it_is(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher, change: dict[str, Any]
) -> None:
    large = b"Message-ID: <9@x>\r\n\r\n" + b"x" * 70_000 + b"\r\n"
    server.dovecot.seed(account.address, [*numbered(2), large])
    fetcher.change(max_message_size=65_536, **change)
    assert fetcher.once() == 0
    came = {event.fields["ce-messageid"]: event.fields.get("ce-headeronly") for event in receiver.accepted}
    assert came == {"<1@x>": None, "<2@x>": None, "<9@x>": "true"}
    with server.dovecot.session(account.address, account.password) as imap:
        imap.select("INBOX")
        there = imap.uid("SEARCH", "HEADER", "Message-ID", "<9@x>")[1]
        assert there == [b"3"], "the server alone has the whole of it"
        assert b"Seen" not in imap.uid("FETCH", "3", "FLAGS")[1][0]
    owed = fetcher.saved()["folders"]["INBOX"]["owed"]
    assert owed["atOnce"] == ""
    assert "3" not in "".join(uids for _, uids in owed["later"])


def test_messages_are_deleted_once_they_are_old_enough(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(2))
    fetcher.change(delete_after_seconds=86_400.0)
    assert fetcher.once() == 0
    assert server.dovecot.flags(account.address) == ["S", "S"]
    [[handed_over, uids]] = fetcher.saved()["folders"]["INBOX"]["owed"]["later"]
    assert uids == "1:2"
    saved = fetcher.checkpoint.read_text()
    fetcher.checkpoint.write_text(saved.replace(str(handed_over), str(handed_over - 90_000)))
    server.dovecot.seed(account.address, numbered(1, first=3))
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 3
    assert server.dovecot.flags(account.address) == ["S"]


def test_without_move_messages_are_copied_and_without_uidplus_nothing_is_expunged(
    bare: Dovecot, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    use(fetcher, bare, account)
    bare.seed(account.address, numbered(3))
    fetcher.change(move_to="Done")
    assert fetcher.once() == 0, fetcher.log()
    assert folders(bare, account, "INBOX", "Done") == [3, 3]
    assert bare.flags(account.address) == ["ST"] * 3
    bare.seed(account.address, numbered(1, first=4))
    assert fetcher.once() == 0
    assert folders(bare, account, "INBOX", "Done") == [4, 4], "nothing is copied twice"
    assert len(receiver.accepted) == 4


def test_a_bare_server_is_searched_and_listed_all_the_same(
    bare: Dovecot, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    use(fetcher, bare, account)
    bare.seed(account.address, numbered(2))
    bare.seed(account.address, numbered(1, first=3), folder="Other")
    fetcher.change(folders=("*",), unseen_only=True, since_seconds=86_400.0 * 10_000, senders=())
    assert fetcher.once() == 0, fetcher.log()
    assert len(receiver.accepted) == 3


def test_what_is_owed_when_the_process_dies_is_done_by_the_next(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(3))
    fetcher.change(move_to="Done")
    assert fetcher.once() == 0
    server.dovecot.seed(account.address, numbered(2, first=4))
    saved = fetcher.saved()
    inbox = saved["folders"]["INBOX"]
    inbox |= {"last": 5, "owed": {"atOnce": "2:5", "later": []}}  # as if killed after delivery; 2 and 3 are gone by now
    fetcher.save(saved)
    assert fetcher.once() == 0, fetcher.log()
    assert folders(server.dovecot, account, "INBOX", "Done") == [0, 5]
    assert len(receiver.accepted) == 3


def test_a_server_that_refuses_to_move_does_not_stop_delivery(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fetcher.change(move_to="INBOX.")  # no name for a folder
    fetcher.start()
    fetcher.wait_state("Idle")
    for number in range(1, 4):
        server.dovecot.seed(account.address, numbered(1, first=number))
        receiver.wait_accepted(number)
    until(lambda: fetcher.metric("after_fetch_failures_total") >= 1, seconds=5, what="counted")
    assert "afterFetch" in fetcher.log()
    assert folders(server.dovecot, account, "INBOX") == [3]
    assert fetcher.metric("reconnects_total") == 0
    fetcher.change(move_to="Done")
    until(lambda: folders(server.dovecot, account, "INBOX", "Done") == [0, 3], seconds=10, what="moved after all")
    assert DOMAIN in account.address
