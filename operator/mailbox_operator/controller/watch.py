"""The watches: kopf as informer and nothing else. A handler puts the object into the store and its key into the queue."""

import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import kopf

from mailbox_operator.api.meta import MAILBOX_LABEL
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.kinds import CHILDREN, CLAIM, MAILBOX, OAUTH_APP, OWN, PROVIDER, SECRET, Key, Kind
from mailbox_operator.controller.store import Store, key_of
from mailbox_operator.controller.work_queue import Lane, WorkQueue

Object = dict[str, Any]

UNWATCHED_SECRETS: Final = ",".join(
    f"type!={name}"
    for name in (
        "helm.sh/release.v1",
        "kubernetes.io/service-account-token",
        "kubernetes.io/dockercfg",
        "kubernetes.io/dockerconfigjson",
        "bootstrap.kubernetes.io/token",
    )
)
WATCHED: Final = (*OWN, SECRET, CLAIM, *CHILDREN)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where handlers put what they hear."""

    store: Store
    index: ReverseIndex
    queue: WorkQueue

    def seen(self, kind: Kind, obj: Object) -> None:
        """Take an object as it is now."""
        key = key_of(kind.name, obj)
        before = self.store.get(key)
        own = self.store.is_own_write(key, before=before, after=obj)
        if self.store.put(kind.name, obj) and not own:
            self._wake(kind, key, obj, lane=_lane(before, obj))

    def gone(self, kind: Kind, key: Key, *, last: Object | None = None) -> None:
        """Take note that an object is no more; `last` is what the watch showed at its end."""
        obj = self.store.get(key)
        self.store.remove(key, last=last)
        self._wake(kind, key, obj or {}, lane=Lane.CHANGED)

    def _wake(self, kind: Kind, key: Key, obj: Object, *, lane: Lane) -> None:
        if kind in OWN:
            self.queue.add(key, lane)
        if kind in (SECRET, CLAIM, PROVIDER, OAUTH_APP):
            for referrer in self.index.referrers(key):
                self.queue.add(referrer, Lane.CHANGED)
        elif kind in CHILDREN and (name := (obj.get("metadata", {}).get("labels") or {}).get(MAILBOX_LABEL)):
            self.queue.add(Key(MAILBOX.name, key.namespace, name), Lane.PERIODIC)


def _lane(before: Object | None, obj: Object) -> Lane:
    """Return where an object's visit stands: what only asks for another proof waits behind what has changed."""
    if before is None:
        seen = (obj.get("status") or {}).get("observedGeneration", -1)
        return Lane.CHANGED if seen != obj["metadata"].get("generation") else Lane.PERIODIC
    if before["metadata"].get("generation") != obj["metadata"].get("generation"):
        return Lane.CHANGED
    return Lane.PERIODIC


class EndlessBackoff:
    """Seconds between tries of a call that is never given up: doubling to a minute, jittered."""

    def __iter__(self) -> Iterator[float]:
        seconds = 1.0
        while True:
            yield seconds * (0.5 + random.random() / 2)  # noqa: S311 - spreads load
            seconds = min(seconds * 2, 60.0)


def make_registry(world: World, *, client: Client) -> kopf.OperatorRegistry:
    """Return the handlers."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=client.server, aiohttp_session=client.open_session())

    for kind in WATCHED:
        kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=kind.plural)(_handler(world, kind))
    return registry


def _handler(world: World, kind: Kind) -> Callable[..., Awaitable[None]]:
    async def heard(event: Any, **_: Any) -> None:  # kopf would run a plain function in a thread
        obj: Object = event["object"]
        if event["type"] == "DELETED":
            world.gone(kind, key_of(kind.name, obj), last=obj)
        else:
            world.seen(kind, obj)

    return heard


def make_settings() -> kopf.OperatorSettings:
    """Return kopf's settings: watch, and do nothing else; give nothing up."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.networking.error_backoffs = EndlessBackoff()
    settings.networking.request_timeout = 60
    settings.networking.connect_timeout = 10
    settings.watching.connect_timeout = 10
    settings.watching.server_timeout = 300
    settings.watching.reconnect_backoff = 1.0
    settings.watching.field_selectors["v1", "secrets"] = UNWATCHED_SECRETS
    for kind in CHILDREN:
        at = (kind.group, kind.version, kind.plural) if kind.group else (kind.version, kind.plural)
        settings.watching.label_selectors[at] = MAILBOX_LABEL
    return settings


async def relist(world: World, client: Client, *, namespaces: tuple[str, ...]) -> None:
    """Bring the store to what a list shows: kopf does not tell of what was deleted while a watch was down.

    Raises ApiError.
    """
    for kind in WATCHED:
        selector = MAILBOX_LABEL if kind in CHILDREN else ""
        fields = UNWATCHED_SECRETS if kind is SECRET else ""
        places: tuple[str | None, ...] = namespaces if kind.namespaced and namespaces else (None,)
        known = frozenset(world.store.keys(kind.name))
        listed = [
            obj
            for place in places
            for obj in await client.list(kind, namespace=place, selector=selector, fields=fields)
        ]
        objects = {key_of(kind.name, obj): obj for obj in listed}
        now = frozenset(world.store.keys(kind.name))  # the watch went on meanwhile
        for key in (known & now) - objects.keys():
            world.gone(kind, key)
        for key, obj in objects.items():
            if key in now or key not in known:
                world.seen(kind, obj)
