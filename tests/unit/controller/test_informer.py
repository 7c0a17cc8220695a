import asyncio
import inspect

import kopf
from kopf._core.reactor import orchestration

from mailbox_operator.controller.informer import TasksOfOthers


async def idle() -> None:
    await asyncio.Event().wait()


async def test_kopf_ends_its_own_tasks_and_no_others() -> None:
    others = TasksOfOthers()
    async with asyncio.TaskGroup() as group:
        ours = group.create_task(idle())
        settings = kopf.OperatorSettings()
        settings.peering.standalone = True
        theirs = await kopf.spawn_tasks(registry=kopf.OperatorRegistry(), settings=settings, clusterwide=True)
        assert ours in others
        assert ours in list(others)
        assert not [task for task in theirs if task in others]
        for task in theirs:
            task.cancel()
        await asyncio.wait(theirs)
        ours.cancel()


def test_kopf_looks_its_watcher_up_where_ours_is_put_in_its_place() -> None:
    assert "queueing.watcher(" in inspect.getsource(orchestration.spawn_missing_watchers)
