"""The source by Exchange Web Services: what only Exchange does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from conformance.source import Rig
from integration.ews.conftest import Post
from integration.ews.source_plan import source_plan
from mailbox_operator.fetcher.ews import ledger, session
from mailbox_operator.fetcher.imap.data import seconds_of_date
from mailbox_operator.fetcher.plan import Fetch, HeaderMatch
from testbed.ews.misbehaving import answering, at, busy, faulting, limited

pytestmark = pytest.mark.integration

MakeRig = Callable[..., Rig]


@pytest.fixture
def rig_of(post: Post, tmp_path: Path) -> MakeRig:
    """Makes a source for the mailbox `post`, and a sink in memory."""
    password = tmp_path / "password"
    password.write_text(post.account.password)

    def make(*, checkpoint: str | None = None, **fetch: Any) -> Rig:
        found = source_plan(post.exchange, post.account, post.pki, password)
        return Rig(found, checkpoint=checkpoint, fetch=Fetch(**{"since_seconds": None} | fetch))

    return make


def subjects(rig: Rig) -> list[str]:
    return [str(message_from_bytes(body)["Subject"]) for body in rig.bodies]


@contextlib.asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[None]:
    task = asyncio.ensure_future(rig.source.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not condition():  # noqa: ASYNC110 - the server runs in threads
            await asyncio.sleep(0.01)


async def test_a_page_comes_the_oldest_first_with_what_is_known_of_each(post: Post, rig_of: MakeRig) -> None:
    post.exchange.state.page = 100
    rig = rig_of()
    await rig.once()
    assert subjects(rig) == [f"number {number}" for number in range(5)]
    first = rig.sink.delivered[0]
    assert (first.folder, first.uidvalidity) == ("INBOX", None)
    assert str(first.id).startswith("AAMk")
    assert seconds_of_date(first.internaldate) == pytest.approx(datetime.now(UTC).timestamp(), abs=60)
    assert not first.header_only


async def test_streamed_notifications_bring_mail_at_once(post: Post, rig_of: MakeRig) -> None:
    rig = rig_of(interval_seconds=3600)
    async with running(rig):
        await until(lambda: "GetStreamingEvents" in post.exchange.state.operations and len(rig.bodies) == 5)
        post.account.deliver(b"Subject: news\r\n\r\nhello\r\n")
        await until(lambda: len(rig.bodies) == 6)
    assert subjects(rig)[-1] == "news"


async def test_without_notifications_it_polls(post: Post, rig_of: MakeRig) -> None:
    post.exchange.state.misbehaviours.append(at("Subscribe", answering(500)))
    rig = rig_of(interval_seconds=0.2)
    async with running(rig):
        await until(lambda: len(rig.bodies) == 5)
        post.account.deliver(b"Subject: polled\r\n\r\nhello\r\n")
        await until(lambda: len(rig.bodies) == 6)
    assert rig.source.fault is None


@pytest.mark.parametrize("stale_sync", ["error", "fresh"])
async def test_an_expired_sync_state_repeats_nothing_and_loses_nothing(
    post: Post, rig_of: MakeRig, stale_sync: str
) -> None:
    first = rig_of(since_seconds=7 * 86400.0 * 365)
    await first.once()
    post.exchange.state.stale_sync = stale_sync
    post.exchange.state.expire_sync_states()
    post.account.deliver(b"Subject: after\r\n\r\nhello\r\n")
    second = rig_of(checkpoint=first.checkpoint.to_json())
    assert await second.once() is None
    assert subjects(second) == ["after"]


async def test_a_message_is_taken_out_of_quarantine_on_request(rig_of: MakeRig) -> None:
    first = rig_of()
    first.sink.refuses = lambda message: b"number 2" in first.sink.bodies[message.id]
    await first.once()
    assert (len(first.bodies), first.checkpoint.quarantine.count) == (4, 1)
    second = rig_of(checkpoint=first.checkpoint.to_json())
    second.pipeline.obey("retry all")
    await second.once()
    assert subjects(second) == ["number 2"]


async def test_how_far_back_the_first_listing_reaches(post: Post, rig_of: MakeRig) -> None:
    old = datetime(2027, 1, 1, tzinfo=UTC)  # the rig's clock shows 2027-01-15
    post.account.deliver(b"Subject: old\r\n\r\nhello\r\n", received=old)
    post.account.deliver(b"Subject: young\r\n\r\nhello\r\n", received=datetime(2027, 1, 14, tzinfo=UTC))
    rig = rig_of(since_seconds=7 * 86400.0)
    await rig.once()
    assert [one for one in subjects(rig) if not one.startswith("number")] == ["young"]
    post.account.deliver(b"Subject: old, but moved here only now\r\n\r\nhello\r\n", received=old)
    again = rig_of(checkpoint=rig.checkpoint.to_json())
    await again.once()
    assert subjects(again) == ["old, but moved here only now"]


async def test_a_process_that_is_killed_in_a_page_fetches_the_rest_of_it(post: Post, rig_of: MakeRig) -> None:
    post.exchange.state.page = 5
    first = rig_of()
    first.sink.answers = False
    task = asyncio.ensure_future(first.source.run())
    await until(lambda: len(first.sink.held_now) == 5)
    for message in list(first.sink.held_now)[:3]:
        first.sink.settle(message)
    text = first.checkpoint.to_json()
    task.cancel()
    await asyncio.wait((task,))
    second = rig_of(checkpoint=text)
    await second.once()
    assert len(second.bodies) == 2


async def test_what_after_fetch_asks_for_is_done_once_the_sink_has_it(post: Post, rig_of: MakeRig) -> None:
    inbox = post.account.path("Inbox")
    await rig_of(mark_seen=True).once()
    assert all(item.is_read for item in inbox.items.values())
    assert not any(item.is_read for item in post.account.path("Sent Items").items.values())
    post.account.path("Projects")
    await rig_of(mark_seen=False, move_to="Projects/Done").once()
    done = post.account.path("Projects/Done")
    assert (len(inbox.items), len(done.items)) == (0, 5)
    await rig_of(folders=("Projects/Done",), delete=True).once()
    assert not done.items


async def test_a_message_is_deleted_some_time_after_it_was_delivered(post: Post, rig_of: MakeRig) -> None:
    first = rig_of(mark_seen=False, delete_after_seconds=60.0)
    await first.once()
    inbox = post.account.path("Inbox")
    assert len(inbox.items) == 5
    second = rig_of(checkpoint=first.checkpoint.to_json(), mark_seen=False, delete_after_seconds=60.0)
    second.pipeline.clock = lambda: 1_800_000_100.0
    await second.once()
    assert not inbox.items


async def test_marking_again_as_unread_delivers_again_where_repeats_are_wanted(post: Post, rig_of: MakeRig) -> None:
    first = rig_of(deduplicate=False)
    await first.once()
    item = next(iter(post.account.path("Inbox").items.values()))
    post.account.touch(item, is_read=False)
    second = rig_of(checkpoint=first.checkpoint.to_json(), deduplicate=False)
    await second.once()
    assert [message.id for message in second.sink.delivered] == [item.id]
    third = rig_of(checkpoint=second.checkpoint.to_json(), deduplicate=True)
    post.account.touch(item, is_read=False)
    await third.once()
    assert third.bodies == []


@pytest.mark.parametrize(("oversize", "expected"), [("Skip", []), ("HeadersOnly", [True])])
async def test_a_message_that_is_too_large(post: Post, rig_of: MakeRig, oversize: str, expected: list[bool]) -> None:
    post.account.deliver(b"Subject: large\r\nMessage-ID: <large@x>\r\n\r\n" + b"x" * 100_000)
    rig = rig_of(max_message_size=50_000, oversize=oversize)
    await rig.once()
    large = [message for message in rig.sink.delivered if message.message_id == b"<large@x>"]
    assert [message.header_only for message in large] == expected
    assert all(len(rig.sink.bodies[message.id]) < 1_000 for message in large)
    assert len(rig.bodies) == 5 + len(expected)


async def test_a_large_message_goes_over_the_disk_and_small_ones_together(post: Post, rig_of: MakeRig) -> None:
    body = b"Subject: large\r\nMessage-ID: <large@x>\r\n\r\n" + b"0123456789abcde\n" * 400_000
    post.account.deliver(body, as_is=True)
    rig = rig_of()
    await rig.once()
    assert body in rig.bodies
    assert post.exchange.state.operations.count("GetItem") <= 6


async def test_folders_by_glob_and_special_use_and_none_of_what_is_no_mail(post: Post, rig_of: MakeRig) -> None:
    for folder in ("Projects/Alpha", "Projects/Beta", "Junk Email", "Sent Items"):
        post.account.deliver(f"Subject: {folder}\r\n\r\nhello\r\n".encode(), folder=folder)
    rig = rig_of(folders=("INBOX", "Projects/*", r"\Junk"), exclude=("*/Beta",))
    await rig.once()
    assert {message.folder for message in rig.sink.delivered} == {"INBOX", "Junk Email", "Projects/Alpha"}
    in_another_case = rig_of(folders=("projects/beta",))
    await in_another_case.once()
    assert [message.folder for message in in_another_case.sink.delivered] == ["Projects/Beta"]
    missing = rig_of(folders=("Nowhere",))
    finding = await missing.once()
    assert finding is not None
    assert finding.reason == "FolderNotFound"


async def test_only_what_the_filter_lets_pass_is_handed_over_and_marked(post: Post, rig_of: MakeRig) -> None:
    for sender, read in (("boss@peers.test", False), ("boss@peers.test", True), ("robot@peers.test", False)):
        octets = f"From: The Sender <{sender}>\r\nX-Ticket: 7\r\nSubject: {sender} {read}\r\n\r\nhello\r\n".encode()
        post.account.deliver(octets, is_read=read)
    wanted = HeaderMatch(name="x-ticket", value="7")
    rig = rig_of(unseen_only=True, headers=(wanted,), senders=("Boss@peers.test",))
    await rig.once()
    assert subjects(rig) == ["boss@peers.test False"]
    assert sum(item.is_read for item in post.account.path("Inbox").items.values()) == 2


async def test_a_server_that_refuses_to_mark_does_not_stop_delivery(post: Post, rig_of: MakeRig) -> None:
    post.exchange.state.misbehaviours.append(at("UpdateItem", faulting("ErrorAccessDenied", "Access is denied.")))
    rig = rig_of()
    assert await rig.once() is None
    assert len(rig.bodies) == 5
    assert rig.pipeline.meter.after_fetch_failures == 1


async def test_a_busy_server_is_left_alone_for_as_long_as_it_says(post: Post, rig_of: MakeRig) -> None:
    post.exchange.state.misbehaviours.append(limited(at("GetItem", busy(700)), times=1))
    rig = rig_of()
    started = asyncio.get_running_loop().time()
    async with running(rig):
        await until(lambda: len(rig.bodies) == 5)
    assert asyncio.get_running_loop().time() - started >= 0.7


async def test_a_message_that_goes_between_listing_and_fetching_is_done_with(post: Post, rig_of: MakeRig) -> None:
    victim = next(iter(post.account.path("Inbox").items.values()))

    def remove(_exchange: object, operation: str) -> bool:
        if operation == "GetItem" and post.account.item(victim.id):
            post.account.remove(victim)
        return False

    post.exchange.state.misbehaviours.append(remove)
    rig = rig_of()
    assert await rig.once() is None
    assert len(rig.bodies) == 4


@pytest.mark.parametrize("code", ["ErrorMimeContentConversionFailed", "ErrorInternalServerError"])
async def test_a_message_that_the_server_cannot_hand_out_is_given_up_and_stops_nobody(
    post: Post, rig_of: MakeRig, code: str
) -> None:
    broken = list(post.account.path("Inbox").items.values())[1]
    post.exchange.state.unreadable[broken.id] = code
    post.exchange.state.page = 3
    rig = rig_of()
    async with running(rig):
        await until(lambda: len(rig.bodies) == 4 and rig.checkpoint.quarantine.count == 1)
    assert sorted(subjects(rig)) == ["number 0", "number 2", "number 3", "number 4"]
    assert f"{broken.id}: The server does not hand it out: {code}" in rig.checkpoint.quarantine.last


async def test_a_server_that_hands_nothing_out_for_a_while_costs_no_message(post: Post, rig_of: MakeRig) -> None:
    state = post.exchange.state
    state.unreadable = dict.fromkeys(post.account.path("Inbox").items, "ErrorMailboxStoreUnavailable")
    rig = rig_of()
    async with running(rig):
        await until(lambda: rig.source.fault is not None)
        state.unreadable = {}
        await until(lambda: len(rig.bodies) == 5)
    assert rig.checkpoint.quarantine.count == 0


async def test_more_messages_than_a_ledger_remembers_are_marked(
    post: Post, rig_of: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "OWED_LIMIT", 60)
    monkeypatch.setattr(session, "AT_ONCE", 20)
    post.exchange.state.page = 20
    for number in range(100):
        post.account.deliver(b"Subject: more %d\r\n\r\nhello\r\n" % number)
    assert await rig_of().once() is None
    assert all(item.is_read for item in post.account.path("Inbox").items.values())


async def test_connections_that_break_cost_nothing_but_time(post: Post, rig_of: MakeRig) -> None:
    rig = rig_of(interval_seconds=0.1)
    async with running(rig):
        await until(lambda: len(rig.bodies) == 5)
        for number in range(3):
            post.exchange.server.cut()
            post.account.deliver(f"Subject: late {number}\r\n\r\nhello\r\n".encode())
        await until(lambda: len(rig.bodies) == 8)
    assert sorted(subjects(rig)[5:]) == ["late 0", "late 1", "late 2"]
