"""A visit, with a small server in place of the API server."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from mailbox_operator.controller.apply import Applier
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.family import Family
from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.kinds import MAILBOX, SECRET, Key
from mailbox_operator.controller.mailbox import MailboxReconciler
from mailbox_operator.controller.prover import Prover
from mailbox_operator.controller.store import Store
from mailbox_operator.controller.telling import Teller
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.verification.limits import Limits
from support.manifests import mailbox as manifest
from unit.controller.api_server import Answer, ApiServer, Asked, serving

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = Key(MAILBOX.name, "helpdesk", "support")


def suspended(**metadata: Any) -> dict[str, Any]:
    found = manifest("support", address="support@example.com", host="imap.example.com", suspend=True, delivery=None)
    found["metadata"] |= {"namespace": "helpdesk", "uid": "u-1", "generation": 1, "resourceVersion": "7"} | metadata
    return found


async def visit(client: Client, store: Store) -> list[tuple[Key, float]]:
    """Visit the Mailbox once; return the further visits that were asked for."""
    wishes: list[tuple[Key, float]] = []
    async with asyncio.TaskGroup() as group:
        prover = Prover(
            client=client, group=group, limits=Limits(), policy=lambda: ANYTHING, finished=lambda _key: None
        )
        reconciler = MailboxReconciler(
            client=client,
            store=store,
            index=ReverseIndex(),
            prover=prover,
            family=Family(client=client, store=store, applier=Applier(client, store), proxies=[], image="fetcher"),
            teller=Teller(client=client, pod="test", clock=lambda: NOW),
            allow_insecure=False,
            later=lambda key, seconds: wishes.append((key, seconds)),
            clock=lambda: NOW,
        )
        await reconciler.reconcile(KEY)
    return wishes


async def written(**changed: Any) -> dict[str, Any]:
    """Visit a Mailbox that the API server has with other metadata when its status is written; return what is known then."""

    def answer(asked: Asked) -> Answer:
        if not asked.path.endswith("/status"):
            return 200, {}
        return 200, {"kind": "PartialObjectMetadata", "metadata": suspended(resourceVersion="9", **changed)["metadata"]}

    store = Store()
    store.put(MAILBOX.name, suspended())
    secret = {"name": "support-password", "namespace": "helpdesk", "uid": "s", "resourceVersion": "1"}
    store.put(SECRET.name, {"metadata": secret})
    async with serving(ApiServer(answer=answer)) as client:
        assert await visit(client, store) == []
    found = store.get(KEY)
    assert found is not None
    return found


@pytest.mark.parametrize("changed", [{"generation": 2}, {"annotations": {"mailbox-operator.io/reconcile-at": "now"}}])
async def test_a_change_that_came_while_the_status_was_written_is_left_to_the_watch(changed: dict[str, Any]) -> None:
    """The answer to the write tells of it without showing it: what the watch will show must still be news."""
    known = await written(**changed)
    assert known["metadata"]["resourceVersion"] == "7"
    assert "status" not in known


async def test_a_write_that_met_no_change_is_known_at_once() -> None:
    known = await written()
    assert known["metadata"]["resourceVersion"] == "9"
    assert known["status"]["observedGeneration"] == 1
    assert known["spec"]["suspend"]
