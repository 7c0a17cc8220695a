"""What the webhook may answer, and what becomes of the message."""

import time
from pathlib import Path

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from support.kube import until
from testbed.mailserver import MailServer, free_ports

pytestmark = pytest.mark.integration


def numbered(count: int, *, first: int = 1) -> list[bytes]:
    return [f"Message-ID: <{n}@x>\r\n\r\n{n}\r\n".encode() for n in range(first, first + count)]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_busy_sink_is_asked_again(
    status: int, server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    answers = [status, status]
    receiver.answer = lambda _fields, _body: answers.pop() if answers else 204
    server.dovecot.seed(account.address, numbered(1))
    fetcher.start()
    receiver.wait_accepted(1, seconds=15)
    assert [event.answered for event in receiver.events] == [status, status, 204]
    assert len({event.id for event in receiver.events}) == 1, "a repeat has the same id"
    until(lambda: fetcher.metric("retries_total") == 2, seconds=5, what="counted")


def test_retry_after_is_heeded(server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher) -> None:
    asked: list[float] = []

    def answer(_fields: dict[str, str], _body: bytes) -> tuple[int, dict[str, str]]:
        asked.append(time.monotonic())
        return (429, {"Retry-After": "3"}) if len(asked) == 1 else (204, {})

    receiver.answer = answer
    server.dovecot.seed(account.address, numbered(1))
    fetcher.start()
    receiver.wait_accepted(1, seconds=15)
    assert asked[1] - asked[0] >= 2.9


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_message_is_quarantined_and_stops_no_other(
    status: int, server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    receiver.answer = lambda fields, _body: status if fields["ce-messageid"] == "<2@x>" else 204
    server.dovecot.seed(account.address, numbered(3))
    fetcher.start()
    receiver.wait_accepted(2)
    until(lambda: fetcher.metric("quarantined") == 1, seconds=15, what="the poison message is quarantined")
    assert [event.answered for event in receiver.events].count(status) == 3
    until(lambda: fetcher.wait_state("Idle").quarantined == 1, seconds=5, what="and that is written down")
    [[folder, uid, said, _, _, message_id]] = fetcher.saved()["quarantine"]
    assert (folder, said, message_id) == ("INBOX", f"The sink answered {status}", "<2@x>")
    assert fetcher.saved()["folders"]["INBOX"]["last"] == 3
    fetcher.stop()
    fetcher.start()
    server.dovecot.seed(account.address, numbered(1, first=4))
    receiver.wait_accepted(3)
    assert len([event for event in receiver.events if event.fields["ce-messageid"] == "<2@x>"]) == 3, uid


def test_gone_stops_delivery(server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher) -> None:
    receiver.answer = lambda _fields, _body: 410
    fetcher.change_webhook(concurrency=1)
    server.dovecot.seed(account.address, numbered(5))
    fetcher.start()
    progress = fetcher.wait_state("SinkGone")
    assert "410" in progress.message
    assert progress.pending == 5
    assert len(receiver.events) == 1
    receiver.answer = lambda _fields, _body: 204
    fetcher.change(interval_seconds=61)  # a changed plan begins anew
    receiver.wait_accepted(5)


@pytest.mark.parametrize("status", [302, 404, 401])
def test_a_misconfigured_sink_is_told_at_once_and_nothing_is_lost(
    status: int, server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    receiver.answer = lambda _fields, _body: (status, {"Location": receiver.url})
    server.dovecot.seed(account.address, numbered(2))
    fetcher.start()
    assert str(status) in fetcher.wait_state("SinkFailing").message
    receiver.answer = lambda _fields, _body: 204
    receiver.wait_accepted(2, seconds=15)
    fetcher.wait_state("Idle")


def test_no_sink_loses_nothing(server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}/"
    plan = fetcher.plan
    fetcher.change_webhook(url=url)
    server.dovecot.seed(account.address, numbered(3))
    fetcher.start()
    until(lambda: fetcher.metric("retries_total") >= 3, seconds=10, what="it tried")
    until(
        lambda: fetcher.checkpoint.exists() and "INBOX" in fetcher.saved()["folders"],
        seconds=10,
        what="a checkpoint is written",
    )
    assert fetcher.saved()["folders"]["INBOX"]["last"] < 3
    fetcher.write_plan(plan)
    receiver.wait_accepted(3)


def test_a_large_message_arrives_whole_and_leaves_memory_small(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    line = b"x" * 76 + b"\r\n"
    large = b"Message-ID: <large@x>\r\n\r\n" + line * (20 * 1024 * 1024 // len(line))
    server.dovecot.seed(account.address, [large] * 3)
    fetcher.change(deduplicate=False)
    fetcher.start()
    events = receiver.wait_accepted(3, seconds=20)
    assert all(event.body == large for event in events)
    assert peak_rss_mib(fetcher) < 64


def peak_rss_mib(fetcher: Fetcher) -> float:
    assert fetcher.process
    with Path(f"/proc/{fetcher.process.pid}/status").open() as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def test_too_large_a_message_comes_as_its_header(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    header = b"Message-ID: <1@x>\r\nSubject: large\r\n\r\n"
    server.dovecot.seed(account.address, [header + b"x" * 70_000 + b"\r\n", *numbered(1, first=2)])
    fetcher.change(max_message_size=65_536)
    fetcher.start()
    by_id = {event.fields["ce-messageid"]: event for event in receiver.wait_accepted(2)}
    assert by_id["<1@x>"].body == header
    assert by_id["<1@x>"].fields["ce-headeronly"] == "true"
    assert by_id["<1@x>"].fields["ce-size"] == str(len(header) + 70_002)
    assert "ce-headeronly" not in by_id["<2@x>"].fields
    fetcher.wait_state("Idle")


def test_too_large_a_message_is_skipped_where_that_is_asked(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, [b"\r\n" + b"x" * 70_000 + b"\r\n", *numbered(1)])
    fetcher.change(max_message_size=65_536, oversize="Skip")
    assert fetcher.once() == 0
    assert [event.fields["ce-messageid"] for event in receiver.accepted] == ["<1@x>"]
    assert fetcher.saved()["folders"]["INBOX"]["last"] == 2


def test_the_operators_own_test_message_is_left_alone(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, [b"X-Mailbox-Operator-Test: token\r\nMessage-ID: <t@x>\r\n\r\n", *numbered(1)])
    assert fetcher.once() == 0
    assert [event.fields["ce-messageid"] for event in receiver.events] == ["<1@x>"]
    assert server.dovecot.flags(account.address) == ["", "S"]


def test_a_repeated_message_id_is_delivered_once_unless_asked_otherwise(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(1))
    assert fetcher.once() == 0
    server.dovecot.seed(account.address, numbered(1))
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 1
    fetcher.change(deduplicate=False)
    server.dovecot.seed(account.address, numbered(1))
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 2


def test_delivered_messages_are_marked_as_seen(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(3))
    fetcher.start()
    receiver.wait_accepted(3)
    until(lambda: server.dovecot.flags(account.address) == ["S", "S", "S"], seconds=5, what="marked")


def test_nothing_is_marked_where_that_is_not_asked(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(2))
    fetcher.change(mark_seen=False)
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 2
    assert server.dovecot.flags(account.address) == ["", ""]
