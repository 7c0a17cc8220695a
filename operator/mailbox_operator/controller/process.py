"""The operator's process: what is started, in which order, and how it leaves."""

import asyncio
import gc
import logging
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.controller.apply import Applier
from mailbox_operator.controller.children import Installation
from mailbox_operator.controller.client import Client, open_client
from mailbox_operator.controller.cluster_ranges import GuardedPolicy
from mailbox_operator.controller.delivering import proxy_variables
from mailbox_operator.controller.errors import ApiError
from mailbox_operator.controller.family import Family
from mailbox_operator.controller.health import serving
from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.informer import inform
from mailbox_operator.controller.kinds import MAILBOX, OAUTH_APP, PROVIDER, Key
from mailbox_operator.controller.mailbox import MailboxReconciler
from mailbox_operator.controller.metrics import (
    MAILBOXES,
    QUEUE_DEPTH,
    RECONCILE_ERRORS,
    RECONCILE_SECONDS,
    RECONCILES,
    VISITS_RUNNING,
    WATCH_RESTARTS,
)
from mailbox_operator.controller.permissions import missing_permissions
from mailbox_operator.controller.presets import PresetReconciler
from mailbox_operator.controller.prover import Prover
from mailbox_operator.controller.settings import Settings
from mailbox_operator.controller.store import Store
from mailbox_operator.controller.telling import Teller
from mailbox_operator.controller.watch import World, make_registry, make_settings, relist
from mailbox_operator.controller.work_queue import Lane, WorkQueue
from mailbox_operator.verification.limits import Limits

log = logging.getLogger(__name__)

RELIST_SECONDS: Final = 600.0
RETRY_SECONDS: Final = 10.0
CONFLICT: Final = 409
YOUNG: Final = 50_000
"""Objects that come before a look for garbage among the youngest (25 ms): most are of proofs that wait, and none."""
RARELY: Final = 20
"""Collections of garbage of middle age before one of all there is."""


@dataclass(slots=True)
class Readiness:
    """What is missing before the operator can do all of its work."""

    listed: asyncio.Event = field(default_factory=asyncio.Event)
    missing: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """Return it in sentences."""
        return self.missing if self.listed.is_set() else ["what is in the cluster is not known yet", *self.missing]


async def run_operator(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises what no retry can mend: NoClusterError, and OSError where the port is taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with open_client() as client:
        store, index, queue = Store(), ReverseIndex(), WorkQueue(call_later=loop.call_later)
        world, policy, readiness = (
            World(store=store, index=index, queue=queue),
            GuardedPolicy.of(settings.address_policy),
            Readiness(),
        )
        async with (
            serving(
                settings.listen_host,
                settings.listen_port,
                not_ready=readiness.sentences,
                collect=lambda: _collect(store, queue),
            ),
            asyncio.TaskGroup() as group,
        ):
            prover = Prover(
                client=client,
                group=group,
                limits=Limits(total=settings.verifications, per_host=settings.verifications_per_host),
                policy=lambda: policy.policy,
                seen=store.resource_version,
                finished=queue.add,
            )
            reconcilers = _reconcilers(client, world, prover, settings)
            _take_signals(stop)
            tasks = [
                group.create_task(_keep_listed(world, client, policy, readiness, settings)),
                *(group.create_task(_work(queue, reconcilers, readiness)) for _ in range(settings.workers)),
                group.create_task(_watch(world, client, settings, readiness, take_signals=lambda: _take_signals(stop))),
            ]
            log.info("started", extra={"namespaces": settings.namespaces or "all"})
            await stop.wait()
            log.info("leaving")
            for task in tasks:
                task.cancel()
            for key in store.keys(MAILBOX.name):
                prover.stop(key)
    log.info("left")


Reconcile = Callable[[Key], Awaitable[None]]


def _reconcilers(client: Client, world: World, prover: Prover, settings: Settings) -> dict[str, Reconcile]:
    mailboxes = MailboxReconciler(
        client=client,
        store=world.store,
        index=world.index,
        prover=prover,
        family=Family(
            client=client,
            store=world.store,
            applier=Applier(client, world.store),
            installation=Installation(
                image=settings.fetcher_image,
                pull_secrets=settings.fetcher_pull_secrets,
                proxies=proxy_variables(os.environ),
            ),
        ),
        teller=Teller(client=client, pod=settings.pod, clock=_now),
        allow_insecure=settings.allow_insecure_skip_verify,
        later=world.queue.add_after,
        clock=_now,
    )
    presets = PresetReconciler(client=client, store=world.store, index=world.index, clock=_now)
    return {
        MAILBOX.name: mailboxes.reconcile,
        PROVIDER.name: presets.reconcile,
        OAUTH_APP.name: presets.reconcile,
    }


async def _work(queue: WorkQueue, reconcilers: dict[str, Reconcile], readiness: Readiness) -> None:
    """Visit keys, one after the other, for ever."""
    duration = {kind: RECONCILE_SECONDS.labels(kind) for kind in reconcilers}
    count = {kind: RECONCILES.labels(kind) for kind in reconcilers}
    await readiness.listed.wait()  # a Secret that is not listed yet is not one that is missing
    while True:
        key = await queue.take()
        try:
            with duration[key.kind].time():
                await reconcilers[key.kind](key)
        except ApiError as error:
            _refused(queue, key, error)
        except Exception:
            RECONCILE_ERRORS.labels(key.kind).inc()
            wait = queue.failed(key, jitter=random.random())  # noqa: S311 - spreads load
            log.exception("a visit failed", extra={"object": str(key), "again_in_seconds": round(wait, 1)})
        else:
            queue.succeeded(key)
        finally:
            count[key.kind].inc()
            queue.done(key)
        await asyncio.sleep(0)  # most visits ask nobody: thousands in a row would let nobody hear of what has changed


def _refused(queue: WorkQueue, key: Key, error: ApiError) -> None:
    """Deal with a refusal of the API server: what is gone needs nothing, all else another visit."""
    if error.gone:
        queue.forget(key)
        log.debug("gone meanwhile", extra={"object": str(key)})
        return
    wait = queue.failed(key, least=error.retry_after, jitter=random.random())  # noqa: S311 - spreads load
    if error.forbidden:
        text = f"the operator lacks a permission: {error.verb} {error.resource}"
        RECONCILE_ERRORS.labels(key.kind).inc()
    else:
        text = "the API server did not take a call"
    level = logging.DEBUG if error.status == CONFLICT else logging.WARNING
    log.log(level, text, extra={"object": str(key), "error": str(error), "again_in_seconds": round(wait, 1)})


def _take_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def _watch(
    world: World, client: Client, settings: Settings, readiness: Readiness, take_signals: Callable[[], None]
) -> None:
    """Keep the watches up; should kopf end by itself, begin anew.

    kopf serves the kinds that are there when it begins, so that is not before all could be listed.
    """
    registry = make_registry(world, client=client)
    await readiness.listed.wait()
    while True:
        try:
            await inform(
                registry=registry,
                settings=make_settings(),
                namespaces=settings.namespaces,
                take_signals=take_signals,
            )
        except Exception:
            log.exception("the watches ended")
        WATCH_RESTARTS.inc()
        await asyncio.sleep(random.random())  # noqa: S311 - spreads load
        while not await _list(world, client, settings):  # noqa: ASYNC110 - asks a server
            await asyncio.sleep(RETRY_SECONDS)


async def _keep_listed(
    world: World, client: Client, policy: GuardedPolicy, readiness: Readiness, settings: Settings
) -> None:
    """Know the cluster before the first visit, and look again from time to time."""
    while True:
        wait = RETRY_SECONDS
        try:
            readiness.missing = await missing_permissions(client, namespaces=settings.namespaces)
        except ApiError as error:
            log.warning("the API server did not say what is permitted", extra={"error": str(error)})
        else:
            for sentence in readiness.missing:
                log.error("a permission is missing", extra={"permission": sentence})
            if await policy.refresh(client) and await _list(world, client, settings):
                if not readiness.listed.is_set():
                    _spare_what_stays()
                readiness.listed.set()
                wait = RETRY_SECONDS if readiness.missing else RELIST_SECONDS
        await asyncio.sleep(wait)


def _spare_what_stays() -> None:
    """Have no later collection walk through what has been loaded and listed: each would hold everything up for 0.1 s and more.

    Nor often through what waits for its proof, of which thousands may: what is garbage is so when it is young.
    """
    gc.collect()
    gc.freeze()
    _, middle, _ = gc.get_threshold()
    gc.set_threshold(YOUNG, middle, RARELY)


async def _list(world: World, client: Client, settings: Settings) -> bool:
    """Bring the store to what is in the cluster. Returns whether that was possible."""
    try:
        await relist(world, client, namespaces=settings.namespaces)
    except ApiError as error:
        log.warning("what is in the cluster could not be listed", extra={"error": str(error)})
        return False
    return True


def _collect(store: Store, queue: WorkQueue) -> None:
    for lane in Lane:
        QUEUE_DEPTH.labels(lane.name.lower()).set(queue.depth(lane))
    VISITS_RUNNING.set(queue.busy)
    counts = Counter(_ready(obj.get("status") or {}) for obj in store.objects(MAILBOX.name))
    for value in ("True", "False", "Unknown"):
        MAILBOXES.labels(value).set(counts[value])


def _ready(status: dict[str, list[dict[str, str]]]) -> str:
    found = (one["status"] for one in status.get("conditions") or () if one["type"] == ConditionType.READY)
    return next(found, "Unknown")


def _now() -> datetime:
    return datetime.now(UTC)
