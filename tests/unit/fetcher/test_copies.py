"""Copies of a message that is on its way: none is handed over beside it, none is lost when it is refused."""

import asyncio
from pathlib import Path

import pytest

from mailbox_operator.fetcher import copies
from mailbox_operator.fetcher.checkpoint.checkpoint import Checkpoint
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.fetcher.message import Arrival, Body
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.fetcher.valve import Valve
from unit.fetcher.memory_sink import MemorySink

COPY = b"Message-ID: <1@x>\r\n\r\n"


class Line:
    """A pipeline between a folder and a sink that answers when the test says."""

    def __init__(self, *, fetch: Fetch) -> None:
        self.valve = Valve()
        self.pipeline = Pipeline(
            checkpoint=Checkpoint(), fetch=fetch, meter=Meter(), valve=self.valve, clock=lambda: 1_000_000.0
        )
        self.sink = MemorySink(self.pipeline)
        self.pipeline.sink = self.sink
        self.ledger = ImapLedger(uidvalidity=UidValidity(1), last=Uid(0), since=None, since_through=Uid(0))
        self.ledger.acts_at_once = True
        self.pipeline.begin("INBOX", self.ledger)

    def arrive(self, *uids: int, body: Body = COPY) -> None:
        """Let messages come in together."""
        self.ledger.announce(map(Uid, uids), through=Uid(uids[-1]))
        arrived = [(Arrival(uid, b"", 0, header_only=False), body) for uid in uids]
        self.pipeline.take("INBOX", self.ledger, arrived)

    @property
    def offered(self) -> list[object]:
        return [message.id for message in self.sink.held_now]


async def test_copies_wait_and_are_repeats_once_the_first_is_delivered() -> None:
    line = Line(fetch=Fetch())
    line.arrive(1, 2)
    line.arrive(3)
    assert (line.offered, line.ledger.pending) == ([1], 3)
    assert line.pipeline.held("INBOX", UidValidity(1)) == [1, 2, 3], "a new connection does not fetch them again"
    line.sink.settle(line.sink.held_now[0])
    assert (line.offered, line.ledger.pending, line.ledger.last) == ([], 0, 3)
    assert (line.pipeline.meter.messages_delivered, line.pipeline.meter.skipped) == (1, 2)
    assert list(line.ledger.owed.at_once) == [1, 2, 3], "marked like the first"
    line.arrive(4)
    assert line.offered == []


async def test_where_the_first_is_refused_the_next_is_handed_over() -> None:
    line = Line(fetch=Fetch())
    line.sink.refuses = lambda message: message.id == 1
    line.arrive(1, 2, 3)
    line.sink.settle(line.sink.held_now[0])
    await asyncio.sleep(0)
    assert line.offered == [2]
    assert line.pipeline.held("INBOX", UidValidity(1)) == [2, 3]
    line.sink.settle(line.sink.held_now[0])
    assert (line.ledger.pending, [message.id for message in line.sink.delivered]) == (0, [2])
    assert line.pipeline.checkpoint.quarantine.count == 1


async def test_copies_are_handed_over_where_that_is_asked_and_messages_without_an_id_always() -> None:
    line = Line(fetch=Fetch(deduplicate=False))
    line.arrive(1, 2)
    assert line.offered == [1, 2]
    line = Line(fetch=Fetch())
    line.arrive(1, 2, body=b"\r\nnone")
    assert line.offered == [1, 2]


async def test_one_that_is_with_the_sink_already_is_no_copy_of_itself() -> None:
    line = Line(fetch=Fetch())
    for _ in range(2):
        line.pipeline.take("INBOX", line.ledger, [(Arrival(1, b"", 0, header_only=False), COPY)])
    assert line.offered == [1, 1], "which the sink knows"


async def test_octets_are_kept_beyond_the_call_and_held_once() -> None:
    line = Line(fetch=Fetch())
    line.sink.refuses = lambda message: message.id == 1
    buffer = bytearray(COPY + b"second")
    line.arrive(1)
    line.arrive(2, body=memoryview(buffer))
    line.arrive(2, body=memoryview(buffer))
    buffer[:] = b"x" * len(buffer)
    line.sink.settle(line.sink.held_now[0])
    await asyncio.sleep(0)
    assert line.offered == [2]
    assert line.sink.bodies[2] == COPY + b"second"


async def test_when_much_waits_no_more_is_wanted_until_the_first_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "MEMORY_LIMIT", 100)
    line = Line(fetch=Fetch())
    line.arrive(*range(1, 10))
    assert not line.valve.is_open
    line.sink.settle(line.sink.held_now[0])
    assert line.valve.is_open


async def test_disk_is_given_back(tmp_path: Path) -> None:
    spools = []
    for _ in range(4):
        spool = Spool(tmp_path)
        spool.write(memoryview(COPY))
        spools.append(spool)
    line = Line(fetch=Fetch())
    for uid, spool in enumerate(spools[:3], 1):
        line.arrive(uid, body=spool)
    line.sink.settle(line.sink.held_now[0])
    assert [spool.is_closed for spool in spools[:3]] == [True, True, True]
    line = Line(fetch=Fetch())
    line.arrive(1)
    line.arrive(2, body=spools[3])
    line.pipeline.close()
    assert spools[3].is_closed
