"""When the checkpoint is written; the store is one that a test can take away."""

import asyncio
from dataclasses import dataclass, field

import pytest

from mailbox_operator.fetcher.checkpoint import writer
from mailbox_operator.fetcher.checkpoint.checkpoint import Checkpoint
from mailbox_operator.fetcher.checkpoint.store import FencedError, StoreAwayError
from mailbox_operator.fetcher.checkpoint.writer import CheckpointWriter
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.progress import Progress, State
from mailbox_operator.fetcher.valve import Valve
from support.patience import PATIENCE


@dataclass
class MemoryStore:
    """A store in memory."""

    written: list[tuple[float, str, str]] = field(default_factory=list)
    fault: Exception | None = None

    async def open(self) -> str | None:
        return None

    async def save(self, *, checkpoint: str, progress: str) -> None:
        await asyncio.sleep(0)
        if self.fault:
            raise self.fault
        self.written.append((asyncio.get_running_loop().time(), checkpoint, progress))

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class Bench:
    """A writer and what it works on."""

    store: MemoryStore
    pipeline: Pipeline
    valve: Valve
    state: State = State.IDLE

    def __post_init__(self) -> None:
        self.writer = CheckpointWriter(
            self.store,
            pipeline=self.pipeline,
            progress=lambda: Progress(state=self.state),
            valve=self.valve,
            chance=lambda: 0.0,
        )

    async def until_written(self, count: int) -> None:
        async with asyncio.timeout(40):
            while len(self.store.written) < count:  # noqa: ASYNC110 - the store is not asked to tell
                await asyncio.sleep(0.01)


@pytest.fixture
async def bench() -> Bench:
    valve = Valve()
    pipeline = Pipeline(checkpoint=Checkpoint(), fetch=Fetch(), meter=Meter(), valve=valve, clock=lambda: 0.0)
    return Bench(MemoryStore(), pipeline, valve)


async def test_the_first_change_is_written_at_once_and_further_ones_once_a_second(bench: Bench) -> None:
    task = asyncio.ensure_future(bench.writer.run())
    bench.pipeline.changed()
    began = asyncio.get_running_loop().time()
    await bench.until_written(1)
    for _ in range(50):
        bench.pipeline.changed()
        await asyncio.sleep(0.01)
    await bench.until_written(2)
    task.cancel()
    first, second = (moment for moment, _, _ in bench.store.written)
    assert first - began < 0.3 * PATIENCE
    assert second - first >= 0.99


async def test_without_a_change_nothing_is_written_but_a_new_state_is_one(bench: Bench) -> None:
    bench.state = State.STARTING
    task = asyncio.ensure_future(bench.writer.run())
    bench.writer.look()
    await asyncio.sleep(0.05)
    assert bench.store.written == []
    bench.state = State.SINK_GONE
    bench.writer.look()
    await bench.until_written(1)
    bench.writer.look()
    await asyncio.sleep(0.05)
    task.cancel()
    assert len(bench.store.written) == 1


async def test_too_much_that_cannot_be_written_closes_the_valve_until_it_can(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "AWAY_MESSAGES", 3)
    bench.store.fault = StoreAwayError("API server: no")
    task = asyncio.ensure_future(bench.writer.run())
    bench.pipeline.changed()
    await asyncio.sleep(0.05)
    bench.pipeline.unsaved = 3
    bench.writer.look()
    assert bench.valve.is_open, "for a while delivery goes on"
    bench.pipeline.unsaved = 4
    bench.writer.look()
    assert not bench.valve.is_open
    assert bench.writer.fault == "API server: no"
    bench.store.fault = None
    await bench.until_written(1)
    task.cancel()
    assert bench.valve.is_open
    assert (bench.writer.fault, bench.pipeline.unsaved) == ("", 0)


async def test_who_is_fenced_off_writes_no_more(bench: Bench) -> None:
    bench.store.fault = FencedError("held by another")
    bench.pipeline.changed()
    with pytest.raises(FencedError):
        await bench.writer.run()
