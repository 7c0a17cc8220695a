"""kopf inside our process: it watches, and touches neither our tasks nor our signals when it starts and ends."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import kopf
from kopf._cogs.clients.watching import Bookmark, infinite_watch
from kopf._core.reactor import queueing

from mailbox_operator.controller.fault import describe, trace

log = logging.getLogger(__name__)

KOPF: Final = str(Path(kopf.__file__).parent)


class TasksOfOthers(Collection["asyncio.Task[Any]"]):
    """Every task that kopf must not cancel when it ends: it would cancel all that began after it.

    Those that do not run its code; and the pause-waiters of its watchers, which end with their watcher. A watcher whose
    pause-waiter is cancelled at the same time as itself takes that for a pause, begins to watch again, and kopf waits
    for its end for ever.
    """

    def __contains__(self, task: object) -> bool:
        if not isinstance(task, asyncio.Task):
            return True
        code = getattr(task.get_coro(), "cr_code", None)
        return code is None or not code.co_filename.startswith(KOPF) or task.get_name().startswith("pause-waiter for")

    def __iter__(self) -> Iterator["asyncio.Task[Any]"]:
        return (task for task in asyncio.all_tasks() if task in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def straight_watcher(registry: kopf.OperatorRegistry) -> Callable[..., Coroutine[None, None, None]]:
    """Return what hands each event of a kind over to the kind's one handler; one that this fails of is logged and passed over.

    In place of kopf's own watcher, which keeps a task, a queue and a memory for each object, and for each event weighs
    what else than a handler of events may be meant: a third of the operator's CPU while thousands are new.
    """

    async def watch(
        *, resource: Any, namespace: Any, settings: kopf.OperatorSettings, operator_paused: Any, **_: object
    ) -> None:
        handlers: Any = registry._watching.get_all_handlers()  # noqa: SLF001 - kopf tells in no other way
        (hear,) = (handler.fn for handler in handlers if handler.selector.check(resource))
        events: Any = infinite_watch(
            settings=settings, resource=resource, namespace=namespace, operator_paused=operator_paused
        )
        async with aclosing(events):
            # of thousands at once, a full buffer is heard before it is a worker's turn: what has changed goes first
            async for event in events:
                if not isinstance(event, Bookmark) and event["type"] != "BOOKMARK":
                    try:
                        await hear(event=event)
                    except Exception as error:  # noqa: BLE001 - nobody would watch the kind any more, nor notice it
                        about = {"kind": str(resource), "fault": describe(error), "frames": trace(error)}
                        log.error("an event broke off", extra=about)  # noqa: TRY400 - its words may hold a secret

    return watch


async def inform(
    *,
    registry: kopf.OperatorRegistry,
    settings: kopf.OperatorSettings,
    namespaces: Collection[str],
    take_signals: Callable[[], None],
) -> None:
    """Watch until cancelled; return where kopf gives up. Raises what it fails of.

    Args:
        registry: the handlers.
        settings: kopf's own.
        namespaces: to watch in; none: all.
        take_signals: called once kopf has taken SIGTERM and SIGINT for itself, to take them back.
    """
    queueing.watcher = straight_watcher(registry)
    tasks = await kopf.spawn_tasks(
        registry=registry, settings=settings, clusterwide=not namespaces, namespaces=namespaces
    )
    take_signals()
    await kopf.run_tasks(tasks, ignored=TasksOfOthers())
