"""What happens to a message between source and sink; the sink is one that remembers."""

import pytest

from mailbox_operator.fetcher.checkpoint.checkpoint import Checkpoint
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap.adoption import adopt_folder
from mailbox_operator.fetcher.imap.folder import Selected
from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.fetcher.message import Arrival
from mailbox_operator.fetcher.meter import FolderGauge, Meter
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.valve import Valve
from unit.fetcher.memory_sink import MemorySink

NOW = 1_000_000.0
OLD, NEW = UidValidity(1), UidValidity(2)


@pytest.fixture
async def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
async def pipeline(sink: MemorySink) -> Pipeline:
    made = Pipeline(checkpoint=Checkpoint(), fetch=Fetch(), meter=Meter(), valve=Valve(), clock=lambda: NOW)
    made.sink = sink
    return made


def arrive(pipeline: Pipeline, ledger: ImapLedger, uid: int, body: bytes) -> None:
    """Let a message be announced and come in."""
    ledger.announce([Uid(uid)], through=Uid(uid))
    pipeline.take("INBOX", ledger, [(Arrival(uid, b"", len(body), header_only=False), body)])


def begin(pipeline: Pipeline, uidvalidity: UidValidity = OLD, *, uidnext: int = 1) -> ImapLedger:
    return adopt_folder(
        pipeline, "INBOX", Selected(uidvalidity=uidvalidity, uidnext=Uid(uidnext), names_uidnext=True, may_write=True)
    )


async def test_a_delivered_message_is_settled_marked_and_remembered(pipeline: Pipeline, sink: MemorySink) -> None:
    ledger = begin(pipeline)
    arrive(pipeline, ledger, 1, b"Message-ID: <1@x>\r\n\r\n")
    assert (ledger.last, ledger.pending) == (0, 1)
    pipeline.delivered(sink.held_now[:1])
    assert (ledger.last, ledger.pending, list(ledger.owed.at_once)) == (1, 0, [1])
    assert b"<1@x>" in pipeline.checkpoint.seen
    assert pipeline.unsaved == pipeline.checkpoint.messages_delivered == 1


async def test_a_repeat_is_not_handed_over(pipeline: Pipeline, sink: MemorySink) -> None:
    ledger = begin(pipeline)
    arrive(pipeline, ledger, 1, b"Message-ID: <1@x>\r\n\r\n")
    pipeline.delivered([sink.held_now.pop()])
    arrive(pipeline, ledger, 2, b"Message-ID: <1@x>\r\n\r\n")
    arrive(pipeline, ledger, 3, b"\r\nno id")
    arrive(pipeline, ledger, 4, b"\r\nno id")
    assert [message.id for message in sink.held_now] == [3, 4]
    assert list(ledger.owed.at_once) == [1, 2]


@pytest.mark.parametrize(
    ("fetch", "marked"),
    [
        (Fetch(), [1, 2]),
        (Fetch(move_to="Done"), []),
        (Fetch(delete=True), []),
        (Fetch(delete_after_seconds=60.0), []),
        (Fetch(leave_on_server=False), []),
    ],
)
async def test_a_message_whose_header_alone_was_handed_over_stays_where_it_is(
    sink: MemorySink, fetch: Fetch, marked: list[int]
) -> None:
    pipeline = Pipeline(checkpoint=Checkpoint(), fetch=fetch, meter=Meter(), valve=Valve(), clock=lambda: NOW)
    pipeline.sink, ledger, header = sink, begin(pipeline), b"Message-ID: <1@x>\r\n\r\n"
    for uid in (1, 2):  # the second is left out as a repeat
        ledger.announce([Uid(uid)], through=Uid(uid))
        pipeline.take("INBOX", ledger, [(Arrival(uid, b"", 99_999, header_only=True), header)])
        pipeline.delivered(sink.held_now)
        sink.held_now.clear()
    assert list(ledger.owed.at_once) == marked
    assert ledger.owed.expired(now=NOW + 3_600, after=60.0) == []
    assert ledger.last == 2


async def test_a_server_whose_uids_go_back_below_one_settled_early_is_read_again(
    pipeline: Pipeline, sink: MemorySink
) -> None:
    ledger = begin(pipeline)
    for uid in (1, 2, 3):
        arrive(pipeline, ledger, uid, b"Message-ID: <%d@x>\r\n\r\n" % uid)
    pipeline.delivered([sink.held_now.pop()])
    ledger = begin(pipeline, uidnext=4)
    assert ledger.last == 0, "nothing has gone back yet: 3 is done with, 1 and 2 wait for the sink"
    again = begin(pipeline, uidnext=3)
    assert again.announce(map(Uid, (1, 2, 3)), through=Uid(3)) == [1, 2, 3], "the new UID 3 is another message"
    assert (pipeline.meter.folder_resets, pipeline.checkpoint.may_repeat("INBOX", NOW)) == (1, True)
    assert pipeline.checkpoint.reset == ("INBOX", "UIDNextWentBack", NOW)
    assert Checkpoint.from_json(pipeline.checkpoint.to_json()).reset == pipeline.checkpoint.reset


async def test_folders_that_are_not_fetched_any_more_are_not_pending(pipeline: Pipeline) -> None:
    arrive(pipeline, begin(pipeline), 1, b"\r\n")
    assert (pipeline.pending, list(pipeline.folders())) == (1, ["INBOX"])
    pipeline.watched = {"Sent"}
    assert (pipeline.pending, list(pipeline.folders())) == (0, [])


async def test_a_test_message_is_settled_and_not_marked(pipeline: Pipeline, sink: MemorySink) -> None:
    ledger = begin(pipeline)
    arrive(pipeline, ledger, 1, b"X-Mailbox-Operator-Test: 1\r\n\r\n")
    assert (sink.held_now, ledger.last, list(ledger.owed.at_once)) == ([], 1, [])


async def test_what_comes_back_for_another_uidvalidity_settles_nothing(pipeline: Pipeline, sink: MemorySink) -> None:
    before = begin(pipeline)
    arrive(pipeline, before, 1, b"Message-ID: <1@x>\r\n\r\n")
    after = begin(pipeline, NEW, uidnext=2)
    after.announce([Uid(1)], through=Uid(1))
    pipeline.delivered(sink.held_now[:1])
    assert after.pending == 1, "the new UID 1 is another message"
    assert b"<1@x>" in pipeline.checkpoint.seen
    pipeline.given_up(sink.held_now[0], "no")
    assert (after.pending, pipeline.checkpoint.quarantine.count) == (1, 0)


async def test_a_new_connection_goes_on_where_the_last_one_was(pipeline: Pipeline) -> None:
    ledger = begin(pipeline)
    arrive(pipeline, ledger, 1, b"\r\n")
    again = begin(pipeline, uidnext=3)
    assert again is ledger
    assert again.announce([Uid(1), Uid(2)], through=Uid(2)) == [2], "the sink still holds the first"


async def test_a_server_whose_uids_go_back_is_read_again(pipeline: Pipeline, sink: MemorySink) -> None:
    ledger = begin(pipeline)
    for uid in range(1, 5):
        arrive(pipeline, ledger, uid, b"\r\n")
        pipeline.delivered([sink.held_now.pop()])
    again = begin(pipeline, uidnext=2)
    assert again.announce([Uid(1)], through=Uid(1)) == [1]


async def test_each_folder_says_what_is_pending_and_since_when(pipeline: Pipeline, sink: MemorySink) -> None:
    ledger = begin(pipeline)
    assert pipeline.folders() == {"INBOX": FolderGauge(pending=0, lag_seconds=0.0)}
    for uid, date in ((1, b"12-Jan-1970 13:46:00 +0000"), (2, b"12-Jan-1970 13:46:30 +0000"), (3, b"")):
        ledger.announce([Uid(uid)], through=Uid(uid))
        pipeline.take("INBOX", ledger, [(Arrival(uid, date, 2, header_only=False), b"\r\n")])
    assert pipeline.folders()["INBOX"] == FolderGauge(pending=3, lag_seconds=40.0)
    pipeline.delivered([sink.held_now.pop(0)])
    assert pipeline.folders()["INBOX"] == FolderGauge(pending=2, lag_seconds=10.0)
    pipeline.given_up(sink.held_now.pop(0), "refused")
    assert pipeline.folders()["INBOX"] == FolderGauge(pending=1, lag_seconds=0.0), "it has no date"


async def test_of_many_that_come_together_each_goes_its_own_way(pipeline: Pipeline, sink: MemorySink) -> None:
    pipeline.checkpoint.seen.add(b"<2@x>")
    ledger = begin(pipeline)
    bodies = {
        1: b"Message-ID: <1@x>\r\n\r\n",
        2: b"Message-ID: <2@x>\r\n\r\n",
        3: b"X-Mailbox-Operator-Test: 1\r\n\r\n",
        4: b"Message-ID: <4@x>\r\n\r\n",
    }
    ledger.announce(map(Uid, bodies), through=Uid(4))
    pipeline.take("INBOX", ledger, [(Arrival(uid, b"", 0, header_only=False), body) for uid, body in bodies.items()])
    assert [message.id for message in sink.held_now] == [1, 4]
    assert (ledger.last, ledger.pending) == (0, 2)
    pipeline.delivered(sink.held_now[::-1])
    assert (ledger.last, ledger.pending, sorted(ledger.owed.at_once)) == (4, 0, [1, 2, 4])
    assert pipeline.meter.messages_delivered == 2
