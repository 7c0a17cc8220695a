"""kopf inside our process: it watches, and touches neither our tasks nor our signals when it starts and ends."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Final

import kopf

KOPF: Final = str(Path(kopf.__file__).parent)


class TasksOfOthers(Collection["asyncio.Task[Any]"]):
    """Every task that does not run kopf's code: kopf would cancel all that began after it when it ends."""

    def __contains__(self, task: object) -> bool:
        code = getattr(task.get_coro(), "cr_code", None) if isinstance(task, asyncio.Task) else None
        return code is None or not code.co_filename.startswith(KOPF)

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
