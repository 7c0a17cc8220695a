"""The children of a Mailbox: made, mended, brought to rest, removed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.controller.apply import Applier
from mailbox_operator.controller.children import Installation, checkpoint_name, child_name, render_children
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.kinds import CHILDREN, CONFIG_MAP, DEPLOYMENT, Key, Kind
from mailbox_operator.controller.resolve import Resolution
from mailbox_operator.controller.store import Store

Object = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Family:
    """Deals with children. What changes them raises ApiError."""

    client: Client
    store: Store
    applier: Applier
    installation: Installation

    def deployment(self, mailbox: Mailbox) -> Object | None:
        """Return the fetcher's Deployment, as the watch shows it."""
        return self.store.get(Key(DEPLOYMENT.name, mailbox.metadata.namespace, child_name(mailbox.metadata.name)))

    def checkpoint(self, mailbox: Mailbox) -> Object | None:
        """Return the checkpoint's ConfigMap, as the watch shows it."""
        return self.store.get(Key(CONFIG_MAP.name, mailbox.metadata.namespace, checkpoint_name(mailbox.metadata.name)))

    def plan(self, mailbox: Mailbox) -> Object | None:
        """Return the plan's ConfigMap, as the watch shows it."""
        return self.store.get(Key(CONFIG_MAP.name, mailbox.metadata.namespace, child_name(mailbox.metadata.name)))

    async def apply(self, mailbox: Mailbox, chosen: Resolution, *, replicas: int, admitted_at: str) -> bool:
        """Bring all children to what they should be. Returns whether the Deployment was made.

        The ServiceAccount is none of them once the spec names another: it is removed.
        """
        began = False
        children = render_children(
            mailbox, chosen, installation=self.installation, replicas=replicas, admitted_at=admitted_at
        )
        for kind, wanted in children:
            made = await self.applier.apply(kind, wanted)
            began = began or (made and kind is DEPLOYMENT)
        await self._remove(set(CHILDREN) - {kind for kind, _ in children}, mailbox)
        return began

    async def rest(self, mailbox: Mailbox) -> None:
        """Bring the fetcher to rest where it cannot be said what it should be otherwise."""
        found = self.deployment(mailbox)
        if found and found["spec"].get("replicas", 1):
            await self.client.scale(mailbox.metadata.namespace, child_name(mailbox.metadata.name), replicas=0)

    async def remove(self, mailbox: Mailbox) -> None:
        """Remove all children but the checkpoint."""
        await self._remove(reversed(CHILDREN), mailbox)

    async def _remove(self, kinds: Iterable[Kind], mailbox: Mailbox) -> None:
        name, namespace = child_name(mailbox.metadata.name), mailbox.metadata.namespace
        for kind in kinds:
            if self.store.get(Key(kind.name, namespace, name)):
                await self.client.delete(kind, namespace=namespace, name=name)

    def forget(self, key: Key) -> None:
        """Forget a Mailbox that is no more; its children go with it by their owner references."""
        for kind in CHILDREN:
            self.applier.forget(Key(kind.name, key.namespace, child_name(key.name)))
        self.applier.forget(Key(CONFIG_MAP.name, key.namespace, checkpoint_name(key.name)))
