"""kopf inside our process: it watches, and touches neither our tasks nor our signals when it starts and ends."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Final

import kopf

KOPF: Final = str(Path(kopf.__file__).parent)


class NothingToCompare(kopf.DiffBaseStorage):
    """No last-handled configuration: kopf would copy each object at each event (a fifth of our CPU) for a diff that nobody asks for."""

    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:
        """Return nothing of an object."""
        del body, extra_fields
        return kopf.BodyEssence({})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Return that nothing was ever handled."""
        del body
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Leave the object alone."""


class NothingToRemember(kopf.ProgressStorage):
    """No progress of handlers, which have none: kopf would look for it in each object at each event."""

    def fetch(self, *, key: object, body: kopf.Body) -> None:
        """Return that a handler has none."""
        del key, body

    def store(self, *, key: object, record: object, body: kopf.Body, patch: kopf.Patch) -> None:
        """Leave the object alone."""

    def purge(self, *, key: object, body: kopf.Body, patch: kopf.Patch) -> None:
        """Leave the object alone."""

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        """Leave the object alone."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """Return what there is, for there is nothing in it to take out."""
        return essence


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
    tasks = await kopf.spawn_tasks(
        registry=registry, settings=settings, clusterwide=not namespaces, namespaces=namespaces
    )
    take_signals()
    await kopf.run_tasks(tasks, ignored=TasksOfOthers())
