"""The process in the pod: one engine after another as the plan changes, probes, signals, exit codes."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from time import time
from typing import Final

from mailbox_operator.fetcher.checkpoint.checkpoint import ANY, Checkpoint, CheckpointError
from mailbox_operator.fetcher.checkpoint.store import FencedError, Store, StoreAwayError
from mailbox_operator.fetcher.checkpoint.store_file import FileStore
from mailbox_operator.fetcher.engine import Ended, Engine, Surroundings
from mailbox_operator.fetcher.health import HealthServer
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.options import Options
from mailbox_operator.fetcher.plan import Plan, PlanError
from mailbox_operator.fetcher.progress import Progress
from mailbox_operator.fetcher.sinks import check_delivery
from mailbox_operator.fetcher.sources import check_source
from mailbox_operator.fetcher.watched_file import WatchedFile
from mailbox_operator.mail.head_start import HeadStart

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
SHOW_SECONDS: Final = 0.2
HEARTBEAT_LIMIT: Final = 20.0
"""Seconds without a turn of the loop's own clockwork, after which the process counts as stuck."""
LOST_SECONDS: Final = 86_400.0
"""How far back a folder is read whose checkpoint was lost, where `fetch.since` asks for new mail only."""
OPEN_TRIES: Final = 20
"""So often, a second apart, a store that is away is asked before the process gives up."""


class ExitCode(IntEnum):
    """What the process ends with."""

    OK = 0
    FAILED = 1
    """`--once`: not everything was delivered. Else: the checkpoint cannot be reached or read."""
    PLAN = 2
    FENCED = 3
    """Another fetcher holds the checkpoint."""


FAULTS: Final = {
    PlanError: (ExitCode.PLAN, "the plan cannot be used"),
    FencedError: (ExitCode.FENCED, "another fetcher holds the checkpoint"),
    StoreAwayError: (ExitCode.FAILED, "the checkpoint cannot be reached"),
    CheckpointError: (ExitCode.FAILED, "the checkpoint cannot be read"),
}


Observe = Callable[[Progress, Meter], None]
"""Shown how it goes, several times a second, and once more at the end."""


async def run_fetcher(
    options: Options, *, observe: Observe | None = None, head_start: HeadStart | None = None
) -> ExitCode:
    """Fetch until a signal says otherwise; what prevents it is logged. The first connection may have been begun."""
    async with asyncio.TaskGroup() as tasks:
        try:
            plan_file = WatchedFile(str(options.plan))
            plan = read_plan(plan_file)
            store = open_store(options.checkpoint, plan=plan, tasks=tasks)
            try:
                process = FetcherProcess(
                    options, plan_file=plan_file, store=store, meter=Meter(), head_start=head_start
                )
                return await process.run(plan, tasks, observe=observe)
            finally:
                store.close()
        except tuple(FAULTS) as error:
            code, text = FAULTS[type(error)]
            log.error(text, extra={"said": str(error)})  # noqa: TRY400 - it was foreseen, a traceback says nothing
            return code
        finally:
            if head_start:
                head_start.close()


def read_plan(file: WatchedFile) -> Plan:
    """Return the plan that a file holds. Raises PlanError."""
    if file.content is None:
        raise PlanError("the plan cannot be read")
    plan = Plan.from_json(file.content.decode("utf-8", "replace"))
    if not plan.fetch.folders:
        raise PlanError("fetch.folders: at least one is needed")
    check_source(plan.source)
    check_delivery(plan.delivery)
    return plan


def is_other_work(plan: Plan, before: Plan) -> bool:
    """Say whether a plan differs from the one before in more than whether it resumes."""
    from dataclasses import replace  # noqa: PLC0415 - most fetchers never see another plan

    return replace(plan, resumes=before.resumes) != before


def open_store(spec: str, *, plan: Plan, tasks: asyncio.TaskGroup) -> Store:
    """Return the store that the command line names. Raises PlanError, StoreAwayError."""
    kind, _, name = spec.partition(":")
    if kind == "file" and name:
        return FileStore(Path(name))
    if kind == "configmap" and name:
        # A file's owner does without all that.
        from mailbox_operator.fetcher.checkpoint.store_configmap import LARGEST_ANSWER, ApiAccess, ConfigMapStore  # noqa: PLC0415
        from mailbox_operator.fetcher.http.pool import HttpPool  # noqa: PLC0415

        access = ApiAccess.in_pod(os.environ)
        pool = HttpPool(access.server(), size=1, max_body=LARGEST_ANSWER, tasks=tasks)
        holder = os.environ.get("POD_UID") or os.urandom(16).hex()
        return ConfigMapStore(name, namespace=plan.mailbox.namespace, holder=holder, access=access, pool=pool)
    raise PlanError("--checkpoint: file:PATH or configmap:NAME is needed")


def begin_checkpoint(plan: Plan, *, now: float) -> Checkpoint:
    """Return a checkpoint where there is none. If there was one before, what is older than `now` may be a repeat."""
    checkpoint = Checkpoint()
    if plan.resumes:
        log.warning("the checkpoint is lost: the mailbox is read again as far back as fetch.since")
        checkpoint.rescans[ANY] = now
        checkpoint.saved_seconds = checkpoint.listed_seconds = now - LOST_SECONDS
    return checkpoint


class FetcherProcess:
    """Runs engines."""

    def __init__(
        self, options: Options, *, plan_file: WatchedFile, store: Store, meter: Meter, head_start: HeadStart | None
    ) -> None:
        self._options = options
        self._plan_file = plan_file
        self._store = store
        self._meter = meter
        self._head_start = head_start
        self._loop = asyncio.get_running_loop()
        self._engine: Engine | None = None
        self._asked = False
        self._beat = self._loop.time()
        self._ready = False

    async def run(self, plan: Plan, tasks: asyncio.TaskGroup, *, observe: Observe | None = None) -> ExitCode:
        """Run the plan and its successors. Raises FencedError, StoreAwayError, CheckpointError, PlanError."""
        health = await self._listen()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._leave)
        clockwork = tasks.create_task(self._keep_looking(), name="clockwork")
        showing = tasks.create_task(self._keep_showing(observe), name="showing") if observe else None
        try:
            text = await self._open_store()
            plan = read_plan(self._plan_file)  # it may have changed meanwhile, and nobody was there to be told
            checkpoint = Checkpoint.from_json(text) if text else begin_checkpoint(plan, now=time())
            while True:
                ended = await self._run_engine(plan, checkpoint)
                if ended is not Ended.ASKED:
                    return ExitCode.OK if ended is Ended.DONE else ExitCode.FAILED
                if self._asked:
                    log.info("leaving")
                    return ExitCode.OK
                plan = read_plan(self._plan_file)
        finally:
            clockwork.cancel()
            if showing:
                showing.cancel()
            if observe and self._engine:
                observe(self._engine.progress(), self._meter)
            if health:
                health.close()

    async def _run_engine(self, plan: Plan, checkpoint: Checkpoint) -> Ended:
        self._engine = Engine(
            plan,
            Surroundings(
                store=self._store,
                policy=self._options.policy,
                spool_folder=self._options.spool_folder,
                meter=self._meter,
                checkpoint=checkpoint,
                once=self._options.once,
                silence=self._options.silence,
                head_start=self._head_start,
            ),
        )
        if self._asked:
            self._engine.leave()
        return await self._engine.run()

    async def _open_store(self) -> str | None:
        """Take hold of the checkpoint; an API server may be away for a moment."""
        for _ in range(OPEN_TRIES):
            try:
                return await self._store.open()
            except StoreAwayError as error:
                log.warning("the checkpoint is not there yet", extra={"said": str(error)})
                if self._asked or self._options.once:
                    raise
                await asyncio.sleep(LOOK_SECONDS)
        return await self._store.open()

    async def _listen(self) -> HealthServer | None:
        if not self._options.listen:
            return None
        server = HealthServer(alive=self._is_alive, ready=self._is_ready, meter=self._meter)
        host, port = self._options.listen
        try:
            await server.start(host, port)
        except OSError as error:
            raise PlanError(f"--listen {host}:{port}: {error.strerror or error}") from error
        return server

    async def _keep_looking(self) -> None:
        while True:
            self._beat = self._loop.time()
            engine = self._engine
            if self._plan_file.look() and engine:
                try:
                    plan = read_plan(self._plan_file)
                except PlanError as error:
                    log.error("the changed plan cannot be used", extra={"said": str(error)})  # noqa: TRY400
                else:
                    if is_other_work(plan, engine.plan):
                        log.info("the plan has changed")
                        engine.leave()
            await asyncio.sleep(LOOK_SECONDS)

    async def _keep_showing(self, observe: Observe) -> None:
        while True:
            if self._engine:
                observe(self._engine.progress(), self._meter)
            await asyncio.sleep(SHOW_SECONDS)

    def _is_alive(self) -> bool:
        return self._loop.time() - self._beat < HEARTBEAT_LIMIT

    def _is_ready(self) -> bool:
        """Signed in at least once, be it by an engine before."""
        self._ready = self._ready or (self._engine is not None and self._engine.signed_in)
        return self._ready

    def _leave(self) -> None:
        self._asked = True
        if self._engine:
            self._engine.leave()
