"""Source, sink and checkpoint of one plan, joined in one event loop."""

import asyncio
import logging
from enum import Enum
from pathlib import Path
from time import time
from typing import Final

from mailbox_operator.fetcher.backoff import chance
from mailbox_operator.fetcher.checkpoint.checkpoint import ANY, Checkpoint
from mailbox_operator.fetcher.checkpoint.store import FencedError, Store, StoreAwayError
from mailbox_operator.fetcher.checkpoint.writer import CheckpointWriter
from mailbox_operator.fetcher.memory import Keeper
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.pipeline import Pipeline, rfc3339
from mailbox_operator.fetcher.plan import Plan
from mailbox_operator.fetcher.progress import Progress
from mailbox_operator.fetcher.sink import SinkContext
from mailbox_operator.fetcher.sinks import make_sink
from mailbox_operator.fetcher.source import SourceContext
from mailbox_operator.fetcher.sources import make_source
from mailbox_operator.fetcher.state import Situation, judge_state
from mailbox_operator.fetcher.valve import Reason, Valve
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.head_start import HeadStart
from mailbox_operator.values import dataclass

log = logging.getLogger(__name__)

TICK: Final = 1.0
IN_FLIGHT_SECONDS: Final = 6.0
"""For deliveries under way when the process is told to leave; with the last write it stays below 10."""
LAST_WRITE_SECONDS: Final = 3.0


class Ended(Enum):
    """Why an engine stopped."""

    ASKED = "asked"
    DONE = "done"
    """`once`: everything is delivered."""
    FAILED = "failed"
    """`once`: not everything could be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an engine is given besides its plan."""

    store: Store
    policy: AddressPolicy
    spool_folder: Path
    meter: Meter
    checkpoint: Checkpoint
    once: bool
    silence: float
    """Seconds without a word after which a server that owes an answer counts as gone."""
    head_start: HeadStart | None = None
    """A connection to the server that was begun already."""


class Engine:
    """One run of one plan: `run` until `leave` is called, or with `once` until all is delivered.

    Making one raises PlanError: a file that the plan names cannot be used.
    """

    def __init__(self, plan: Plan, surroundings: Surroundings) -> None:
        self.plan = plan
        self._around = surroundings
        self._loop = asyncio.get_running_loop()
        self._leaving = asyncio.Event()
        self._valve = Valve()
        self._pipeline = Pipeline(
            checkpoint=surroundings.checkpoint,
            fetch=plan.fetch,
            meter=surroundings.meter,
            valve=self._valve,
            clock=time,
        )
        self._sink = make_sink(
            plan.delivery,
            SinkContext(
                mailbox=plan.mailbox,
                policy=surroundings.policy,
                listener=self._pipeline,
                meter=surroundings.meter,
                chance=chance,
            ),
        )
        self._pipeline.sink = self._sink
        surroundings.meter.folders = self._pipeline.folders
        self._source = make_source(
            SourceContext(
                plan=plan.source,
                policy=surroundings.policy,
                spool_folder=surroundings.spool_folder,
                pipeline=self._pipeline,
                chance=chance,
                silence=surroundings.silence,
                head_start=surroundings.head_start,
            )
        )
        self._writer = CheckpointWriter(
            surroundings.store, pipeline=self._pipeline, progress=self.progress, valve=self._valve, chance=chance
        )
        self._pipeline.obey(plan.quarantine_request)
        self._memory = Keeper()
        self._fenced: FencedError | None = None
        self._asked = False

    @property
    def signed_in(self) -> bool:
        """Whether the source was reached at least once."""
        return self._source.signed_in

    def leave(self) -> None:
        """End `run` soon."""
        self._asked = True
        self._leaving.set()

    def look(self) -> None:
        """See what has changed; to be called each second."""
        self._source.look()
        self._sink.look()
        health = self._sink.health(now=self._loop.time())
        self._valve.set(Reason.SINK_GONE, closed=health.gone)
        if self._around.once and (health.gone or health.failing):
            log.error("not everything was delivered", extra={"reason": health.reason, "said": health.said})
            self._leaving.set()
        self._around.meter.quarantined = self._around.checkpoint.quarantine.count
        self._memory.look(self._around.meter.messages_delivered)
        self._writer.look()

    def progress(self) -> Progress:
        """Say how it goes."""
        checkpoint, source = self._around.checkpoint, self._source
        state, reason, message = judge_state(
            Situation(
                signed_in=source.signed_in,
                refused=source.refused,
                source_fault=source.fault,
                store_fault=self._writer.fault,
                sink=self._sink.health(now=self._loop.time()),
                pending=self._pipeline.pending,
            )
        )
        last = checkpoint.last_message_seconds
        return Progress(
            state=state,
            reason=reason,
            message=message,
            last_message_time=None if last is None else rfc3339(last),
            messages_delivered=checkpoint.messages_delivered,
            pending=self._pipeline.pending,
            quarantined=checkpoint.quarantine.count,
            last_quarantined=checkpoint.quarantine.last,
            rescan_time=None if (lost := checkpoint.rescans.get(ANY)) is None else rfc3339(lost),
            reset_time=None if checkpoint.reset is None else rfc3339(checkpoint.reset.seconds),
            reset_folder="" if checkpoint.reset is None else checkpoint.reset.folder,
            reset_reason="" if checkpoint.reset is None else checkpoint.reset.reason,
        )

    async def run(self) -> Ended:
        """Fetch and deliver. Raises FencedError; leaves within 10 seconds once told to."""
        async with asyncio.TaskGroup() as tasks:
            self._sink.start(tasks)
            source = tasks.create_task(self._run_source(), name="source")
            others = (
                tasks.create_task(self._keep_writing(), name="checkpoint"),
                tasks.create_task(self._keep_looking(), name="looks"),
            )
            await self._leaving.wait()
            ended = await self._end_source(source)
            await self._end_sink()
            for task in others:
                task.cancel()
        if self._fenced:
            raise self._fenced
        await self._write_last()
        return ended

    async def _run_source(self) -> Ended:
        if not self._around.once:
            await self._source.run()
        finding = await self._source.run_once()
        if finding:
            log.error("not everything was fetched", extra={"reason": finding.reason, "said": finding.message})
        self._leaving.set()
        return Ended.FAILED if finding or self._sink.health(now=self._loop.time()).held else Ended.DONE

    async def _keep_writing(self) -> None:
        try:
            await self._writer.run()
        except FencedError as error:
            self._fenced = error
            self._leaving.set()

    async def _keep_looking(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(TICK)

    async def _end_source(self, source: asyncio.Task[Ended]) -> Ended:
        source.cancel()
        await asyncio.wait((source,))
        if not source.cancelled():
            return source.result()
        return Ended.ASKED if self._asked else Ended.FAILED

    async def _end_sink(self) -> None:
        """Let deliveries under way end, then drop everything. A fenced fetcher delivers no more."""
        self._sink.stop()
        try:
            async with asyncio.timeout(0 if self._fenced else IN_FLIGHT_SECONDS):
                await self._sink.drain()
        except TimeoutError:
            log.warning("deliveries under way are broken off; they will be repeated")
        self._sink.close()
        self._pipeline.close()

    async def _write_last(self) -> None:
        try:
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                await self._writer.write()
        except (StoreAwayError, TimeoutError) as error:
            log.warning(
                "the last checkpoint was not written; some messages will be repeated", extra={"said": str(error)}
            )
