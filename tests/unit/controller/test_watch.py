import asyncio
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.kinds import CONFIG_MAP, DEPLOYMENT, MAILBOX, PROVIDER, SECRET, Key
from mailbox_operator.controller.store import Store, key_of
from mailbox_operator.controller.watch import WATCHED, EndlessBackoff, World, relist
from mailbox_operator.controller.work_queue import Lane, WorkQueue
from unit.controller.api_server import ApiServer, Asked, serving

Object = dict[str, Any]


def obj(name: str, *, version: int = 1, generation: int = 1, **more: Any) -> Object:
    metadata = {"namespace": "ns", "name": name, "uid": name, "generation": generation}
    return {"metadata": metadata | {"resourceVersion": str(version)} | more.pop("metadata", {})} | more


@pytest.fixture
async def world() -> World:
    queue = WorkQueue(call_later=asyncio.get_running_loop().call_later)
    return World(store=Store(), index=ReverseIndex(), queue=queue)


def depths(world: World) -> tuple[int, int]:
    return world.queue.depth(Lane.CHANGED), world.queue.depth(Lane.PERIODIC)


async def test_a_mailbox_never_seen_goes_first(world: World) -> None:
    world.seen(MAILBOX, obj("a"))
    assert depths(world) == (1, 0)


async def test_a_mailbox_that_was_served_before_a_restart_waits(world: World) -> None:
    world.seen(MAILBOX, obj("a", status={"observedGeneration": 1}))
    assert depths(world) == (0, 1)


async def test_a_changed_spec_goes_first_and_a_changed_annotation_waits(world: World) -> None:
    world.store.put(MAILBOX.name, obj("a"))
    world.store.put(MAILBOX.name, obj("b"))
    world.seen(MAILBOX, obj("a", version=2, generation=2))
    world.seen(MAILBOX, obj("b", version=2, metadata={"annotations": {"x": "y"}}))
    assert depths(world) == (1, 1)


async def test_what_is_no_news_wakes_nobody(world: World) -> None:
    world.store.put(MAILBOX.name, obj("a", version=3))
    world.seen(MAILBOX, obj("a", version=3))
    world.seen(MAILBOX, obj("a", version=2))
    assert depths(world) == (0, 0)


async def test_a_secret_wakes_exactly_the_mailboxes_that_name_it(world: World) -> None:
    secret = Key(SECRET.name, "ns", "password")
    for name in ("a", "b"):
        world.index.update(Key(MAILBOX.name, "ns", name), frozenset({secret} if name == "a" else ()))
    world.seen(SECRET, obj("password", data={"password": "c2VjcmV0"}))
    world.seen(SECRET, obj("other"))
    assert depths(world) == (1, 0)
    assert await world.queue.take() == Key(MAILBOX.name, "ns", "a")
    found = world.store.get(secret)
    assert found is not None
    assert "data" not in found


async def test_a_child_wakes_its_owner(world: World) -> None:
    child = obj("mbx-a", metadata={"labels": {"mailbox-operator.io/mailbox": "a"}})
    world.seen(DEPLOYMENT, child)
    assert await world.queue.take() == Key(MAILBOX.name, "ns", "a")
    world.queue.done(Key(MAILBOX.name, "ns", "a"))
    world.gone(DEPLOYMENT, key_of(DEPLOYMENT.name, child))
    assert await world.queue.take() == Key(MAILBOX.name, "ns", "a")


async def test_a_relist_drops_what_is_gone_and_takes_what_is_new(world: World) -> None:
    world.store.put(MAILBOX.name, obj("gone"))
    world.store.put(MAILBOX.name, obj("kept"))
    server = ApiServer(answer=listing({MAILBOX.plural: [obj("kept"), obj("new")]}))
    async with serving(server) as client:
        await relist(world, client, namespaces=())
    assert {key.name for key in world.store.keys(MAILBOX.name)} == {"kept", "new"}
    assert {(await world.queue.take()).name for _ in range(2)} == {"gone", "new"}
    assert [one.path.rsplit("/", 1)[1] for one in server.asked] == [kind.plural for kind in WATCHED]


async def test_what_a_watch_tells_during_a_relist_counts_more(world: World) -> None:
    """A list is a picture of a moment: what came after it stays, what went after it is not taken back."""
    world.store.put(MAILBOX.name, obj("just-gone"))

    def meanwhile(asked: Asked) -> tuple[int, Object]:
        if asked.path.endswith(MAILBOX.plural):
            world.gone(MAILBOX, Key(MAILBOX.name, "ns", "just-gone"))
            world.seen(MAILBOX, obj("just-made"))
        return listing({MAILBOX.plural: [obj("just-gone")]})(asked)

    async with serving(ApiServer(answer=meanwhile)) as client:
        await relist(world, client, namespaces=())
    assert {key.name for key in world.store.keys(MAILBOX.name)} == {"just-made"}


async def test_a_relist_of_some_namespaces_asks_in_each_and_for_cluster_wide_kinds_once(world: World) -> None:
    server = ApiServer(answer=listing({}))
    async with serving(server) as client:
        await relist(world, client, namespaces=("one", "two"))
    providers = [one.path for one in server.asked if one.path.endswith(PROVIDER.plural)]
    maps = [one.path for one in server.asked if one.path.endswith(CONFIG_MAP.plural)]
    assert providers == [PROVIDER.path()]
    assert maps == [CONFIG_MAP.path("one"), CONFIG_MAP.path("two")]


def listing(objects: dict[str, list[Object]]) -> Callable[[Asked], tuple[int, Object]]:
    return lambda asked: (200, {"metadata": {}, "items": objects.get(asked.path.rsplit("/", 1)[1], [])})


def test_a_call_is_never_given_up_and_tried_at_least_once_a_minute() -> None:
    waits = list(islice(EndlessBackoff(), 50))
    assert len(waits) == 50
    assert all(0.5 <= wait <= 60 for wait in waits)
    assert max(waits) >= 30
