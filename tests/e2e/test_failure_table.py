"""Every failure of the table, all at once in one namespace: each Mailbox names its own, and nothing else is touched."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from devcluster import cluster as devcluster
from e2e.canary import CANARY, Ears
from e2e.conftest import Cluster
from e2e.failing_peers import DOMAIN, MESSAGES, Peers, crowded, running_peers
from e2e.situations import PLAIN_SPEC, SITUATIONS, WRONG, Situation
from support import manifests
from support.kube import Kube, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SECONDS: Final = 120
INCOMING: Final = ("IncomingReachable", "IncomingSecured", "IncomingAuthenticated", "FoldersAccessible")
OUTGOING: Final = ("OutgoingReachable", "OutgoingSecured", "OutgoingAuthenticated")
BEFORE: Final = ("SpecValid", "ReferencesResolved", "EndpointsResolved", "TokenAcquired")
LOOP: Final = "TestMessageDelivered"
NAMES_AND_CONDITIONS: Final = '{range .items[*]}{.metadata.name}{"\\t"}{.status.conditions}{"\\n"}{end}'

Conditions = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """What became of the Mailboxes: the conditions of each by type."""

    kube: Kube
    conditions: dict[str, Conditions]


@pytest.fixture(scope="module")
def peers(cluster: Cluster) -> Iterator[Peers]:  # noqa: ARG001 - it runs first
    """All the servers that fail, by names that pods can resolve."""
    bridge = f"devcluster{devcluster.find('e2e').number}"
    with running_peers(entrances=[bridge]) as found:
        devcluster.record("e2e", "dns", *(f"{name}={address}" for name, address in found.names.items()))
        yield found


@pytest.fixture(scope="module")
def table(cluster: Cluster, peers: Peers, ears: Ears) -> Iterator[Table]:  # noqa: ARG001 - they listen
    """Apply every Mailbox at once and wait until each has been tried."""
    prepare_accounts(peers)
    with cluster.kube.temporary_namespace(f"t-{secrets.token_hex(4)}") as kube, crowded(peers, "crowded", CANARY):
        kube.apply(manifests.ca(peers.ca_pem), *secret_manifests())
        kube.apply(*(mailbox_manifest(one) for one in SITUATIONS.values()))
        until(lambda: not untried(kube), seconds=SECONDS, what=lambda: f"tried: {untried(kube)}", pause=0.5)
        yield Table(kube, read_conditions(kube))


def prepare_accounts(peers: Peers) -> None:
    """Make an account for each Mailbox, and spoil some."""
    for name in (*SITUATIONS, "other", "crowded", "temporary"):
        peers.account(name, CANARY)
    (peers.dovecot.root / f"users/temporary@{DOMAIN}").chmod(0)
    peers.dovecot.seed(f"smtp-mailbox-full@{DOMAIN}", [b"Subject: one more\r\n\r\n"] * MESSAGES)
    exchange = peers.exchange.state.accounts
    exchange[f"ews-crowded@{DOMAIN}"].is_crowded = True
    exchange[f"ews-mailbox-full@{DOMAIN}"].is_full = True
    exchange[f"ews-too-large@{DOMAIN}"].largest = 200
    for name, rights in {"no-list-rights": "i", "no-read-rights": "li"}.items():
        path = peers.dovecot.maildir(f"{name}@{DOMAIN}") / "dovecot-acl"
        path.write_text(f"owner {rights}\n")
        path.chmod(0o644)


def secret_manifests() -> list[dict[str, Any]]:
    """Return the Secrets, good and bad."""
    values = {"right": {"password": CANARY}, "wrong": {"password": WRONG}, "broken": {"password": f"{CANARY}\n"}}
    typed = {"tls.crt": "", "tls.key": CANARY}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data, "type": kind}
        for name, data, kind in (
            *((name, data, "Opaque") for name, data in values.items()),
            ("typed", typed, "kubernetes.io/tls"),
        )
    ]


def mailbox_manifest(one: Situation) -> dict[str, Any]:
    """Return a situation's Mailbox."""
    spec = manifests.merged(PLAIN_SPEC, {"address": f"{one.name}@{DOMAIN}"} | one.spec)
    return {
        "apiVersion": "mailbox-operator.io/v1alpha1",
        "kind": "Mailbox",
        "metadata": {"name": one.name},
        "spec": spec | {"tls": {"caConfigMapRef": {"name": manifests.CA}}},
    }


def read_conditions(kube: Kube) -> dict[str, Conditions]:
    """Return the conditions of all Mailboxes."""
    printed = kube.run("get", "mailboxes", "-o", f"jsonpath={NAMES_AND_CONDITIONS}")
    rows = (line.split("\t", 1) for line in printed.splitlines())
    return {name: {one["type"]: one for one in json.loads(found or "[]")} for name, found in rows}


def untried(kube: Kube) -> list[str]:
    """Return the Mailboxes that wait for their first verdict."""
    waiting = {"Pending", "Progressing"}
    rows = read_conditions(kube).items()
    return [
        name
        for name, found in rows
        if not found or waiting & {found["Ready"]["reason"], found["IncomingReachable"]["reason"]}
    ]


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_failure_is_named_with_its_remedy(table: Table, name: str) -> None:
    wanted, found = SITUATIONS[name], table.conditions[name]
    failed = found[wanted.condition]
    shown = "\n".join(
        f"{c['type']} {c['status']} {c['reason']} {c['message']}" for c in found.values() if c["status"] != "True"
    )
    assert (failed["status"], failed["reason"]) == ("False", wanted.reason), shown
    message = failed["message"]
    for words in wanted.says:
        assert words in message, shown
    assert message.splitlines() == [message]
    assert len(message) <= 1024
    assert ": " in message, "cause: what was said: what to do"
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", wanted.reason), shown
    assert found["Ready"]["message"] == message
    assert_only_that_failed(found, wanted.condition)


def assert_only_that_failed(found: Conditions, failed: str) -> None:
    """Earlier steps hold, later ones of the chain were not tried, the other chain holds."""
    states = {kind: (found[kind]["status"], found[kind]["reason"]) for kind in (*BEFORE, *INCOMING, *OUTGOING, LOOP)}
    chain = next(one for one in (INCOMING, OUTGOING, (LOOP,), (*BEFORE, *INCOMING, *OUTGOING)) if failed in one)
    later = chain[chain.index(failed) + 1 :]
    assert {states[kind] for kind in later} <= {("Unknown", "BlockedByEarlierStep")}, states
    untouched = {kind for kind in states if kind not in (failed, LOOP, *later)}
    if "same credential" in found["OutgoingAuthenticated"]["message"]:
        untouched.remove("OutgoingAuthenticated")  # refused once is enough
    not_true = {kind: found[kind]["message"] for kind in untouched if states[kind][0] != "True"}
    assert not not_true
