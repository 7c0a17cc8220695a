"""Source, sink and checkpoint of one plan, joined in one event loop."""

import asyncio
import logging
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from random import random
from time import time
from typing import Final

from mailbox_operator.fetcher.checkpoint import Checkpoint
from mailbox_operator.fetcher.checkpoint_writer import CheckpointWriter
from mailbox_operator.fetcher.cloud_event import EventTemplate
from mailbox_operator.fetcher.http_pool import HttpPool, HttpServer, parse_url
from mailbox_operator.fetcher.ids import UidValidity
from mailbox_operator.fetcher.imap_sessions import ImapSessions
from mailbox_operator.fetcher.imap_sign_in import Door, read_text
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.pipeline import Pipeline, rfc3339
from mailbox_operator.fetcher.plan import Plan
from mailbox_operator.fetcher.progress import Progress
from mailbox_operator.fetcher.state import Situation, judge_state
from mailbox_operator.fetcher.store import FencedError, Store, StoreAwayError
from mailbox_operator.fetcher.valve import Reason, Valve
from mailbox_operator.fetcher.watched_file import WatchedFile
from mailbox_operator.fetcher.webhook import LARGEST_ANSWER, WebhookSink
from mailbox_operator.mail.endpoint import TlsOptions
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.tls import client_context

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


class Engine:
    """One run of one plan: `run` until `leave` is called, or with `once` until all is delivered."""

    def __init__(self, plan: Plan, surroundings: Surroundings) -> None:
        self._plan = plan
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
        self._server, self._target = sink_server(plan, policy=surroundings.policy)
        self._sink = WebhookSink(
            webhook=plan.webhook,
            template=self._template,
            listener=self._pipeline,
            meter=surroundings.meter,
            chance=random,
        )
        self._pipeline.sink = self._sink
        door = Door(
            source=plan.source,
            policy=surroundings.policy,
            max_message=plan.fetch.max_message_size,
            spool_folder=surroundings.spool_folder,
        )
        self._sessions = ImapSessions(
            door,
            WatchedFile(plan.source.password_file),
            pipeline=self._pipeline,
            chance=random,
        )
        self._writer = CheckpointWriter(
            surroundings.store, pipeline=self._pipeline, progress=self.progress, valve=self._valve, chance=random
        )
        self._fenced: FencedError | None = None
        self._asked = False

    @property
    def signed_in(self) -> bool:
        """Whether the source was reached at least once."""
        return self._sessions.signed_in

    def leave(self) -> None:
        """End `run` soon."""
        self._asked = True
        self._leaving.set()

    def look(self) -> None:
        """See what has changed; to be called each second."""
        self._sessions.look()
        health = self._sink.health(now=self._loop.time())
        self._valve.set(Reason.SINK_GONE, closed=health.gone)
        if self._around.once and (health.gone or health.failing):
            log.error("not everything was delivered", extra={"reason": health.reason, "said": health.said})
            self._leaving.set()
        self._around.meter.pending = self._pending
        self._around.meter.quarantined = self._around.checkpoint.quarantined
        self._writer.look()

    def progress(self) -> Progress:
        """Say how it goes."""
        checkpoint, sessions = self._around.checkpoint, self._sessions
        state, reason, message = judge_state(
            Situation(
                signed_in=sessions.signed_in,
                refused=sessions.refused,
                source_fault=sessions.fault,
                store_fault=self._writer.fault,
                sink=self._sink.health(now=self._loop.time()),
                pending=self._pending,
            )
        )
        last = checkpoint.last_message_seconds
        return Progress(
            state=state,
            reason=reason,
            message=message,
            last_message_time=None if last is None else rfc3339(last),
            messages_delivered=checkpoint.messages_delivered,
            pending=self._pending,
            quarantined=checkpoint.quarantined,
        )

    async def run(self) -> Ended:
        """Fetch and deliver. Raises FencedError; leaves within 10 seconds once told to."""
        async with asyncio.TaskGroup() as tasks:
            pool = HttpPool(
                self._server,
                size=self._plan.webhook.concurrency,
                max_body=LARGEST_ANSWER,
                tasks=tasks,
                on_free=self._sink.pump,
            )
            self._sink.connect(pool)
            source = tasks.create_task(self._run_source(), name="source")
            others = (
                tasks.create_task(self._keep_writing(), name="checkpoint"),
                tasks.create_task(self._keep_looking(), name="looks"),
            )
            await self._leaving.wait()
            ended = await self._end_source(source)
            await self._end_sink(pool)
            for task in others:
                task.cancel()
        if self._fenced:
            raise self._fenced
        await self._write_last()
        return ended

    async def _run_source(self) -> Ended:
        if not self._around.once:
            await self._sessions.run()
        finding = await self._sessions.run_once()
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

    async def _end_sink(self, pool: HttpPool) -> None:
        """Let deliveries under way end, then drop everything. A fenced fetcher delivers no more."""
        self._sink.stop()
        until = self._loop.time() + (0 if self._fenced else IN_FLIGHT_SECONDS)
        while pool.under_way and self._loop.time() < until:  # noqa: ASYNC110 - once in a process's life
            await asyncio.sleep(0.02)
        pool.close()
        self._sink.discard()

    async def _write_last(self) -> None:
        try:
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                await self._writer.write()
        except (StoreAwayError, TimeoutError) as error:
            log.warning(
                "the last checkpoint was not written; some messages will be repeated", extra={"said": str(error)}
            )

    def _template(self, folder: str, uidvalidity: UidValidity) -> EventTemplate:
        return EventTemplate(
            self._plan.mailbox,
            folder=folder,
            uidvalidity=uidvalidity,
            target=self._target,
            host=self._server.authority,
        )

    @property
    def _pending(self) -> int:
        return sum(ledger.pending for ledger in self._around.checkpoint.folders.values())


def sink_server(plan: Plan, *, policy: AddressPolicy) -> tuple[HttpServer, str]:
    """Return where the webhook is, and the request's target. Raises UrlError, MailError."""
    scheme, host, port, target = parse_url(plan.webhook.url)
    ca_pem = read_text(plan.webhook.ca_file) if plan.webhook.ca_file else None
    context = client_context(TlsOptions(ca_pem=ca_pem)) if scheme == "https" else None
    return HttpServer(host=host, port=port, ssl_context=context, policy=policy), target
