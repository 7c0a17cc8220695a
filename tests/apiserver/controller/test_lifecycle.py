"""Restarts, suspension, reconciles on demand, deletion."""

import pytest

from apiserver.controller.conftest import WEBHOOK, Team
from support import manifests
from support.kube import until

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(90)]


def test_a_killed_operator_comes_back_without_a_trace(team: Team) -> None:
    team.mailbox("ready")
    team.mailbox("refused", password="wrong")
    team.mailbox("asleep", suspend=True)
    team.mailbox("fetched", delivery=WEBHOOK)
    team.kube.wait_condition("ready", "Ready", seconds=15)
    team.kube.wait_condition("refused", "Stalled", seconds=15)
    team.kube.wait_condition("fetched", "FetcherAvailable", "Unknown", reason="FetcherStarting", seconds=15)
    team.operator.wait_idle()
    before = trace(team)

    team.operator.kill()
    team.operator.start()
    team.operator.wait_idle()

    assert trace(team) == before


def trace(team: Team) -> dict[str, object]:
    """All that an operator could leave behind: versions of objects, logins, events."""
    kinds = "mailboxes,serviceaccounts,roles,rolebindings,configmaps,deployments"
    label = ("ready", "refused", "fetched")
    return {
        "versions": {
            (one["kind"], one["metadata"]["name"]): one["metadata"]["resourceVersion"] for one in team.kube.items(kinds)
        },
        "logins": [team.logins(name) + team.refused(name) for name in label],
        "events": len(team.events()),
    }


def test_a_suspended_mailbox_is_written_once_and_has_no_children(team: Team) -> None:
    team.kube.apply(team.manifest("support", suspend=True, delivery=WEBHOOK))
    team.kube.wait_condition("support", "Ready", "False", reason="Suspended")
    team.operator.wait_idle()
    found = team.kube.get("mailbox", "support")
    writes = [one for one in found["metadata"].get("managedFields", []) if one.get("subresource") == "status"]
    assert len(writes) <= 1
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
    assert team.logins("support") == 1


@pytest.mark.parametrize("annotation", ["mailbox-operator.io/reconcile-at", "reconcile.fluxcd.io/requestedAt"])
def test_a_reconcile_on_demand_proves_again_and_echoes_its_token(team: Team, annotation: str) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready", seconds=15)
    team.kube.run("annotate", "mailbox", "support", f"{annotation}=one")
    until(lambda: team.status("support").get("lastHandledReconcileAt") == "one", seconds=10, what="the token")
    assert team.logins("support") == 2
    team.operator.wait_idle()
    assert team.logins("support") == 2, "once a token"


def test_a_refused_login_is_tried_again_on_demand(team: Team) -> None:
    team.mailbox("support", password="wrong")
    team.kube.wait_condition("support", "Stalled", seconds=15)
    team.kube.run("annotate", "mailbox", "support", "mailbox-operator.io/reconcile-at=now")
    until(lambda: team.status("support")["loginFailures"]["count"] == 2, seconds=10, what="a second refusal is counted")
    assert team.refused("support") == 2


def test_a_mailbox_made_anew_under_its_name_starts_anew(team: Team) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready", seconds=15)
    team.kube.delete("mailbox", "support")
    team.kube.apply(team.manifest("support"))
    team.kube.wait_condition("support", "Ready", seconds=15)
    assert team.logins("support") == 2


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
