"""Visits of a MailProvider, with a small server in place of the API server."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.kinds import MAILBOX, PROVIDER, Key
from mailbox_operator.controller.presets import PresetReconciler
from mailbox_operator.controller.store import Store
from mailbox_operator.controller.watch import World
from mailbox_operator.controller.work_queue import Lane, WorkQueue
from unit.controller.api_server import ApiServer, Asked, serving

KEY = Key(PROVIDER.name, "", "example")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def provider(version: int, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": "example", "uid": "p", "generation": 1, "resourceVersion": str(version)}} | more


async def test_a_count_of_mailboxes_wakes_none_of_them_though_the_watch_be_faster() -> None:
    world = World(
        store=Store(),
        index=ReverseIndex(),
        queue=WorkQueue(call_later=asyncio.get_running_loop().call_later),
    )
    world.store.put(PROVIDER.name, provider(1))
    for name in ("a", "b"):
        world.index.update(Key(MAILBOX.name, "ns", name), frozenset({KEY}))

    def answer(asked: Asked) -> tuple[int, Any]:
        world.seen(PROVIDER, provider(2, status=asked.body["status"]))  # the watch shows it before the answer comes
        return 200, provider(2, status=asked.body["status"])

    async with serving(ApiServer(answer=answer)) as client:
        await PresetReconciler(client=client, store=world.store, index=world.index, clock=lambda: NOW).reconcile(KEY)
    found = world.store.get(KEY)
    assert found is not None
    assert found["status"]["mailboxes"] == 2
    assert [world.queue.depth(lane) for lane in Lane] == [0, 0]
