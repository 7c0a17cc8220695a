"""Restarts, suspension, reconciles on demand, deletion."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from apiserver.controller.conftest import WEBHOOK, Team
from mailbox_operator.api.conditions import ALWAYS_PRESENT
from support import manifests
from support.kube import until
from testbed.tcp_proxy import tcp_proxy

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(90)]

FIELDS = "--show-managed-fields"
"""Without it, kubectl leaves them out."""


def test_a_killed_operator_comes_back_without_a_trace(team: Team) -> None:
    team.mailbox("ready")
    team.mailbox("refused", password="wrong")
    team.mailbox("asleep", suspend=True)
    team.mailbox("fetched", delivery=WEBHOOK)
    team.kube.wait_condition("ready", "Ready", seconds=15)
    team.kube.wait_condition("refused", "Stalled", seconds=15)
    team.kube.wait_condition("fetched", "FetcherAvailable", "Unknown", reason="FetcherStarting", seconds=15)
    team.wait_reasons("Verified", "CredentialsInvalid", "FetcherCreated")
    for name in ("ready", "fetched"):
        team.logins(name, least=1)
    team.refused("refused", least=1)
    team.operator.wait_idle()
    before = trace(team)

    for stamp in ("one", "two"):  # as tools do that know nothing of us, some each minute
        for verb in ("annotate", "label"):
            secrets = (f"{name}-password" for name in ("ready", "refused", "fetched"))
            team.kube.run(verb, "--overwrite", "secret", *secrets, f"stamped={stamp}")
    team.operator.wait_idle()
    assert trace(team) == before, "a Secret's labels and annotations are nothing to go by"

    team.operator.kill()
    team.operator.start()
    team.operator.wait_idle()

    assert trace(team) == before


def trace(team: Team) -> dict[str, object]:
    """All that an operator could leave behind: versions of objects, logins, events."""
    kinds = "mailboxes,serviceaccounts,roles,rolebindings,configmaps,deployments"
    label = ("ready", "refused", "fetched")
    return {
        "versions": {(one["kind"], one["metadata"]["name"]): version(one) for one in team.kube.items(kinds, FIELDS)},
        "logins": [team.logins(name) + team.refused(name) for name in label],
        "events": len(team.events()),
    }


def version(one: dict[str, Any]) -> object:
    """What changes with each write of the operator's; a Deployment's status is Kubernetes' own, and takes its time."""
    metadata = one["metadata"]
    if one["kind"] != "Deployment":
        return metadata["resourceVersion"]
    return metadata["generation"], [each for each in metadata["managedFields"] if each["manager"] == "mailbox-operator"]


def test_a_suspended_mailbox_is_written_once_and_has_no_children(team: Team, tmp_path: Path) -> None:
    with history(team, tmp_path / "statuses") as statuses:
        team.kube.apply(team.manifest("support", suspend=True, delivery=WEBHOOK))
        team.kube.wait_condition("support", "Ready", "False", reason="Suspended")
        team.operator.wait_idle()
        until(statuses, seconds=10, what="the watch shows it")
        assert len([one for one in statuses() if "conditions" in one]) <= 1
    kinds = team.kube.conditions("support")
    assert "Stalled" not in kinds
    assert "Reconciling" not in kinds
    assert {kinds[one]["reason"] for one in ("IncomingReachable", "FetcherAvailable", "Delivering")} == {"Suspended"}
    assert team.kube.items("deployments") == []
    assert team.logins("support") == 0


def test_a_mailbox_that_is_no_longer_suspended_is_proven(team: Team) -> None:
    team.mailbox("support", suspend=True)
    team.kube.wait_condition("support", "Ready", "False", reason="Suspended")
    team.kube.patch("mailbox", "support", {"spec": {"suspend": False}})
    team.kube.wait_condition("support", "Ready", seconds=15)
    assert team.logins("support", least=1) == 1


@pytest.mark.parametrize("annotation", ["mailbox-operator.io/reconcile-at", "reconcile.fluxcd.io/requestedAt"])
def test_a_reconcile_on_demand_proves_again_and_echoes_its_token(team: Team, annotation: str) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready", seconds=15)
    team.kube.run("annotate", "mailbox", "support", f"{annotation}=one")
    until(lambda: team.status("support").get("lastHandledReconcileAt") == "one", seconds=10, what="the token")
    assert team.logins("support", least=2) == 2
    team.operator.wait_idle()
    assert team.logins("support") == 2, "once a token"


def test_a_refused_login_is_tried_again_on_demand(team: Team) -> None:
    team.mailbox("support", password="wrong")
    team.kube.wait_condition("support", "Stalled", seconds=15)
    team.kube.run("annotate", "mailbox", "support", "mailbox-operator.io/reconcile-at=now")
    until(lambda: team.status("support")["loginFailures"]["count"] == 2, seconds=10, what="a second refusal is counted")
    assert team.refused("support", least=2) == 2


def test_a_mailbox_made_anew_under_its_name_starts_anew(team: Team) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready", seconds=15)
    team.kube.delete("mailbox", "support")
    team.kube.apply(team.manifest("support"))
    team.kube.wait_condition("support", "Ready", seconds=15)
    assert team.logins("support", least=2) == 2


def test_a_namespace_deleted_under_load_leaves_no_error(team: Team) -> None:
    names = [f"box-{number}" for number in range(20)]
    for name in names:
        team.account(name, "right")
    errors = team.operator.metric("mailbox_operator_reconcile_errors_total")
    team.kube.apply(
        *(team.manifest(name, delivery=WEBHOOK) for name in names),
        *(manifests.password(name, "right") for name in names),
    )
    team.kube.delete("namespace", team.kube.namespace, wait=False)
    until(lambda: team.kube.find("namespace", team.kube.namespace) is None, seconds=60, what="the namespace is gone")
    team.operator.wait_idle()
    assert team.operator.metric("mailbox_operator_reconcile_errors_total") == errors, team.operator.text()
    assert "Traceback" not in team.operator.text()


@pytest.mark.timeout(120)
def test_a_mailbox_that_flaps_changes_conditions_and_stays_ready_through_three_faults(
    team: Team, tmp_path: Path
) -> None:
    with (
        tcp_proxy(("127.0.0.1", team.mail.dovecot.imaps)) as wire,
        history(team, tmp_path / "statuses") as statuses,
    ):
        team.mailbox("support", incoming={"port": wire.port})
        team.kube.wait_condition("support", "Ready", seconds=15)
        wire.leave()
        team.kube.run("annotate", "mailbox", "support", "mailbox-operator.io/reconcile-at=now")
        failed = team.kube.wait_condition("support", "Ready", "False", seconds=40)
        wire.come_back()
        team.kube.wait_condition("support", "Ready", seconds=40)
        until(
            lambda: {one.get("failedProbes", 0) for one in statuses()} >= {1, 2, 3},
            seconds=10,
            what=lambda: f"three faults are told: {statuses()}",
        )
        told = statuses()
    doubted = [one for one in told if one.get("failedProbes")]
    assert {one["failedProbes"] for one in doubted} == {1, 2, 3}
    for one in doubted:
        conditions = {each["type"]: each for each in one["conditions"]}
        assert {conditions[name]["status"] for name in ALWAYS_PRESENT} == {"True"}
        assert conditions["Reconciling"]["reason"] == "ProgressingWithRetry"
        assert "localhost" in conditions["Reconciling"]["message"], "it says what is wrong meanwhile"
    assert not any("loginFailures" in one for one in told)
    assert {
        each["reason"] for one in told for each in one.get("conditions", ()) if each["type"] == "IncomingAuthenticated"
    } <= {
        "Pending",
        "Succeeded",
        "BlockedByEarlierStep",
    }, "trouble of the transport is no refused login"
    assert team.kube.get("mailbox", "support")["metadata"]["generation"] == 1
    assert {one["observedGeneration"] for one in told} <= {-1, 1}
    happened = sorted(["Verified", failed["reason"], "Recovered"])
    until(
        lambda: sorted(reason for _, reason, _ in team.events()) == happened,
        seconds=10,
        what=lambda: f"{happened} and no more: {team.events()}",
    )


@contextmanager
def history(team: Team, file: Path) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Follow the only Mailbox; what is yielded returns each status that it has had."""
    command = team.kube.command("get", "mailboxes", "--watch", "-o", "jsonpath={.status}{'\\n'}")
    with file.open("wb") as output, subprocess.Popen(command, stdout=output) as watch:
        try:
            yield lambda: [json.loads(line) for line in file.read_text().split("\n")[:-1] if line]
        finally:
            watch.terminate()
