"""What happens to a message between source and sink; the sink is one that remembers."""

from dataclasses import dataclass, field

import pytest

from mailbox_operator.fetcher.checkpoint import Checkpoint
from mailbox_operator.fetcher.folder_ledger import FolderLedger
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap_data import Fetched
from mailbox_operator.fetcher.message import Message, SinkHealth
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.valve import Valve

NOW = 1_000_000.0
OLD, NEW = UidValidity(1), UidValidity(2)


@dataclass
class RememberingSink:
    """Takes everything and settles nothing by itself."""

    messages: list[Message] = field(default_factory=list)

    def offer(self, message: Message) -> None:
        self.messages.append(message)

    def held(self, folder: str, uidvalidity: UidValidity) -> list[Uid]:
        return [m.uid for m in self.messages if (m.folder, m.uidvalidity) == (folder, uidvalidity)]

    def health(self, *, now: float) -> SinkHealth:
        del now
        return SinkHealth(held=len(self.messages))


@pytest.fixture
async def sink() -> RememberingSink:
    return RememberingSink()


@pytest.fixture
async def pipeline(sink: RememberingSink) -> Pipeline:
    made = Pipeline(checkpoint=Checkpoint(), fetch=Fetch(), meter=Meter(), valve=Valve(), clock=lambda: NOW)
    made.sink = sink
    return made


def arrive(pipeline: Pipeline, ledger: FolderLedger, uid: int, body: bytes) -> None:
    """Let a message be announced and come in."""
    ledger.announce([Uid(uid)], through=Uid(uid))
    fetched = Fetched(Uid(uid), b"", len(body), header_only=False)
    pipeline.take("INBOX", ledger, fetched, memoryview(body))


def begin(pipeline: Pipeline, uidvalidity: UidValidity = OLD, *, uidnext: int = 1) -> FolderLedger:
    return pipeline.adopt("INBOX", uidvalidity, uidnext=Uid(uidnext))


async def test_a_delivered_message_is_settled_marked_and_remembered(pipeline: Pipeline, sink: RememberingSink) -> None:
    ledger = begin(pipeline)
    arrive(pipeline, ledger, 1, b"Message-ID: <1@x>\r\n\r\n")
    assert (ledger.last, ledger.pending) == (0, 1)
    pipeline.delivered(sink.messages[0])
    assert (ledger.last, ledger.pending, list(ledger.unmarked)) == (1, 0, [1])
    assert b"<1@x>" in pipeline.checkpoint.seen
    assert pipeline.unsaved == pipeline.checkpoint.messages_delivered == 1


async def test_a_repeat_is_not_handed_over(pipeline: Pipeline, sink: RememberingSink) -> None:
    ledger = begin(pipeline)
    arrive(pipeline, ledger, 1, b"Message-ID: <1@x>\r\n\r\n")
    pipeline.delivered(sink.messages.pop())
    arrive(pipeline, ledger, 2, b"Message-ID: <1@x>\r\n\r\n")
    arrive(pipeline, ledger, 3, b"\r\nno id")
    arrive(pipeline, ledger, 4, b"\r\nno id")
    assert [message.uid for message in sink.messages] == [3, 4]
    assert list(ledger.unmarked) == [1, 2]


async def test_a_message_in_flight_does_not_hide_another_of_its_id(pipeline: Pipeline, sink: RememberingSink) -> None:
    ledger = begin(pipeline)
    arrive(pipeline, ledger, 1, b"Message-ID: <1@x>\r\n\r\n")
    arrive(pipeline, ledger, 2, b"Message-ID: <1@x>\r\n\r\n")
    assert [message.uid for message in sink.messages] == [1, 2], "the first may yet be refused"


async def test_a_test_message_is_settled_and_not_marked(pipeline: Pipeline, sink: RememberingSink) -> None:
    ledger = begin(pipeline)
    arrive(pipeline, ledger, 1, b"X-Mailbox-Operator-Test: 1\r\n\r\n")
    assert (sink.messages, ledger.last, list(ledger.unmarked)) == ([], 1, [])


async def test_what_comes_back_for_another_uidvalidity_settles_nothing(
    pipeline: Pipeline, sink: RememberingSink
) -> None:
    before = begin(pipeline)
    arrive(pipeline, before, 1, b"Message-ID: <1@x>\r\n\r\n")
    after = begin(pipeline, NEW, uidnext=2)
    after.announce([Uid(1)], through=Uid(1))
    pipeline.delivered(sink.messages[0])
    assert after.pending == 1, "the new UID 1 is another message"
    assert b"<1@x>" in pipeline.checkpoint.seen
    pipeline.given_up(sink.messages[0], "no")
    assert (after.pending, pipeline.checkpoint.quarantined) == (1, 0)


async def test_a_new_connection_goes_on_where_the_last_one_was(pipeline: Pipeline) -> None:
    ledger = begin(pipeline)
    arrive(pipeline, ledger, 1, b"\r\n")
    again = begin(pipeline, uidnext=3)
    assert again is ledger
    assert again.announce([Uid(1), Uid(2)], through=Uid(2)) == [2], "the sink still holds the first"


async def test_a_server_whose_uids_go_back_is_read_again(pipeline: Pipeline, sink: RememberingSink) -> None:
    ledger = begin(pipeline)
    for uid in range(1, 5):
        arrive(pipeline, ledger, uid, b"\r\n")
        pipeline.delivered(sink.messages.pop())
    again = begin(pipeline, uidnext=2)
    assert again.announce([Uid(1)], through=Uid(1)) == [1]
