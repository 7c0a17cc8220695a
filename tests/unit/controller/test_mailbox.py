"""A visit, with a small server in place of the API server."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailbox_operator.controller.apply import Applier
from mailbox_operator.controller.children import Installation
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.family import Family
from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.kinds import CONFIG_MAP, MAILBOX, SECRET, Key
from mailbox_operator.controller.mailbox import MailboxReconciler
from mailbox_operator.controller.prover import Prover
from mailbox_operator.controller.store import Store
from mailbox_operator.controller.telling import Teller
from mailbox_operator.fetcher.progress import Progress, State
from mailbox_operator.mail.guard import ANYTHING, AddressPolicy
from mailbox_operator.verification.limits import Limits
from support.manifests import mailbox as manifest
from testbed.mailserver import free_ports
from unit.controller.api_server import Answer, ApiServer, Asked, serving

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = Key(MAILBOX.name, "helpdesk", "support")
TOKEN = {"mailbox-operator.io/reconcile-at": "now"}


def suspended(**metadata: Any) -> dict[str, Any]:
    found = manifest("support", address="support@example.com", host="imap.example.com", suspend=True, delivery=None)
    found["metadata"] |= {"namespace": "helpdesk", "uid": "u-1", "generation": 1, "resourceVersion": "7"} | metadata
    return found


@dataclass
class Visits:
    """A reconciler, and what it asked for."""

    reconciler: MailboxReconciler
    prover: Prover
    finished: asyncio.Event
    wishes: list[tuple[Key, float]]
    """Further visits."""


@asynccontextmanager
async def visiting(
    client: Client,
    store: Store,
    policy: Callable[[], AddressPolicy] = lambda: ANYTHING,
    clock: Callable[[], datetime] = lambda: NOW,
) -> AsyncIterator[Visits]:
    wishes: list[tuple[Key, float]] = []
    finished = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        prover = Prover(
            client=client,
            group=group,
            limits=Limits(),
            policy=policy,
            seen=store.resource_version,
            finished=lambda _key: finished.set(),
        )
        reconciler = MailboxReconciler(
            client=client,
            store=store,
            index=ReverseIndex(),
            prover=prover,
            family=Family(
                client=client, store=store, applier=Applier(client, store), installation=Installation(image="fetcher")
            ),
            teller=Teller(client=client, pod="test", clock=lambda: NOW),
            allow_insecure=False,
            later=lambda key, seconds: wishes.append((key, seconds)),
            clock=clock,
        )
        yield Visits(reconciler, prover, finished, wishes)
        prover.stop(KEY)


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
    async with serving(ApiServer(answer=answer)) as client, visiting(client, store) as visits:
        await visits.reconciler.reconcile(KEY)
        assert visits.wishes == []
    found = store.get(KEY)
    assert found is not None
    return found


@pytest.mark.parametrize("changed", [{"generation": 2}, {"annotations": TOKEN}])
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


def known() -> tuple[Store, dict[str, Any]]:
    """A Mailbox that nobody has proven yet, and its Secret."""
    side = {"host": "127.0.0.1", "port": free_ports(1)[0]}
    found = manifest("support", address="a@example.com", host="127.0.0.1", delivery=None, tls=None, incoming=side)
    found["spec"]["outgoing"] = {"protocol": "None"}
    found["metadata"] |= {"namespace": "helpdesk", "uid": "u-1", "generation": 1, "resourceVersion": "7"}
    store = Store()
    store.put(MAILBOX.name, found)
    secret = {"name": "support-password", "namespace": "helpdesk", "uid": "s", "resourceVersion": "1"}
    store.put(SECRET.name, {"metadata": secret})
    return store, found


def answered(store: Store, asked: Asked) -> Answer:
    if asked.method == "GET":
        return 200, {"data": {"password": base64.b64encode(b"right").decode()}}
    found = store.get(KEY)
    assert found is not None
    return 200, {"metadata": found["metadata"]}


async def test_who_asks_between_a_runs_end_and_its_visit_is_not_forgotten() -> None:
    """That visit writes down the run from before; nothing else would lead to the one that was asked for."""
    store, found = known()
    asking = found | {"metadata": found["metadata"] | {"annotations": TOKEN, "resourceVersion": "8"}}
    server = ApiServer(answer=lambda asked: answered(store, asked))
    async with serving(server) as client, visiting(client, store) as visits:
        await visits.reconciler.reconcile(KEY)
        async with asyncio.timeout(40):
            await visits.finished.wait()
        store.put(MAILBOX.name, asking)
        await visits.reconciler.reconcile(KEY)
        assert visits.prover.running(KEY) is None
        assert visits.wishes[-1] == (KEY, 0.0)
        await visits.reconciler.reconcile(KEY)
        running = visits.prover.running(KEY)
        assert running
        assert running.token == "now"


async def test_a_visit_that_begins_a_proof_because_it_is_time_leaves_all_else_to_the_one_at_its_end() -> None:
    store, _ = known()
    now = [NOW]
    server = ApiServer(answer=lambda asked: answered(store, asked))
    async with (
        serving(server) as client,
        visiting(client, store, clock=lambda: now[0]) as visits,
        asyncio.timeout(40),
    ):
        await visits.reconciler.reconcile(KEY)
        await visits.finished.wait()
        await visits.reconciler.reconcile(KEY)
        visits.finished.clear()
        written = store.get(KEY)
        assert written is not None
        del written["status"]["resolved"]
        asked = len(server.asked)
        now[0] += timedelta(days=1)
        await visits.reconciler.reconcile(KEY)
        assert visits.prover.running(KEY)
        assert len(server.asked) == asked
        await visits.finished.wait()
        await visits.reconciler.reconcile(KEY)
        found = store.get(KEY)
        assert found is not None
        assert "resolved" in found["status"]


@pytest.mark.parametrize("operator_was_refused", [False, True])
async def test_a_fetchers_refusal_is_looked_into_unless_the_operator_was_refused_itself(
    *, operator_was_refused: bool
) -> None:
    """By the same credential: one more try would tell nothing new, and count against the account."""
    store, _ = known()
    server = ApiServer(answer=lambda asked: answered(store, asked))
    async with serving(server) as client, visiting(client, store) as visits, asyncio.timeout(40):
        await visits.reconciler.reconcile(KEY)
        await visits.finished.wait()
        await visits.reconciler.reconcile(KEY)
        kept = store.get(KEY)
        assert kept is not None
        if operator_was_refused:
            times = {"since": "2026-01-02T03:04:05Z", "nextAttemptTime": "2026-01-02T04:04:05Z"}
            kept["status"]["loginFailures"] = {"count": 1} | times
        refused = {"name": "mbx-support-checkpoint", "namespace": "helpdesk", "uid": "c", "resourceVersion": "1"}
        progress = Progress(state=State.LOGIN_REFUSED, reason="CredentialsInvalid").to_json()
        store.put(CONFIG_MAP.name, {"metadata": refused, "data": {"progress.json": progress}})
        await visits.reconciler.reconcile(KEY)
        assert (visits.prover.running(KEY) is None) is operator_was_refused


async def test_a_proof_that_breaks_off_is_told_without_its_words_and_rests(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever wakes the Mailbox: it may have shown its login, and each try could count against the account."""

    def stumble() -> AddressPolicy:
        raise KeyError("sesame")

    store, _ = known()
    server = ApiServer(answer=lambda asked: answered(store, asked))
    async with serving(server) as client, visiting(client, store, stumble) as visits:
        await visits.reconciler.reconcile(KEY)
        async with asyncio.timeout(40):
            await visits.finished.wait()
        for _ in range(3):
            await visits.reconciler.reconcile(KEY)
            assert visits.prover.running(KEY) is None
        kept = store.get(KEY)
        assert kept is not None
        status = kept["status"]
        conditions = {one["type"]: one for one in status["conditions"]}
        assert (conditions["Ready"]["status"], conditions["Ready"]["reason"]) == ("False", "InternalError")
        assert (conditions["Reconciling"]["reason"], conditions["IncomingReachable"]["reason"]) == (
            "InternalError",
            "Pending",
        )
        assert "by a fault of its own: KeyError in controller/prover.py line " in conditions["Ready"]["message"]
        assert "observedInputs" not in status
        assert all(seconds >= 270 for _, seconds in visits.wishes)
        events = [asked.body for asked in server.asked if asked.path.endswith("/events")]
        assert [one["reason"] for one in events] == ["InternalError"]
        assert "sesame" not in str([asked.body for asked in server.asked])
    [line] = [record for record in caplog.records if record.message == "a proof broke off"]
    assert "prover.py" in str(vars(line)["frames"])
    assert "sesame" not in str(vars(line))
