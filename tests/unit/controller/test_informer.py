import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any

import kopf
import pytest
from kopf._cogs.structs.references import Resource
from kopf._core.reactor import orchestration

from mailbox_operator.controller import informer
from mailbox_operator.controller.informer import TasksOfOthers, straight_watcher


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


async def test_an_object_that_cannot_be_heard_of_does_not_end_the_watch_of_its_kind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def two(**_: object) -> AsyncIterator[dict[str, Any]]:
        for name in ("odd", "sound"):
            yield {"type": "ADDED", "object": {"metadata": {"name": name}}}

    monkeypatch.setattr(informer, "infinite_watch", two)
    registry, heard = kopf.OperatorRegistry(), []

    @kopf.on.event("", "v1", "secrets", registry=registry, id="secrets")
    async def hear(event: Any, **_: Any) -> None:
        name = event["object"]["metadata"]["name"]
        if name == "odd":
            raise ValueError("hunter2")
        heard.append(name)

    watch = straight_watcher(registry)
    resource = Resource(group="", version="v1", plural="secrets")
    await watch(resource=resource, namespace=None, settings=kopf.OperatorSettings(), operator_paused=None)
    assert heard == ["sound"]
    assert [record.message for record in caplog.records] == ["an event broke off"]
    assert "hunter2" not in caplog.text
