"""Rotation, restarts, hands in the children, suspension, deletion."""

import json
from typing import Any

import pytest

from e2e.conftest import Cluster, Team, sample
from support.kube import KubectlError, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

CHILDREN = ("serviceaccount", "role", "rolebinding", "configmap", "deployment")


def test_a_rotated_password_needs_no_restart(team: Team) -> None:
    team.mailbox("support", outgoing={"protocol": "None", "host": None, "security": None})
    team.kube.wait_condition("support", "Ready")
    pod = team.fetcher_pod("support")
    logins = team.mail.logins(team.address("support"), least=2)  # the operator's and the fetcher's

    team.mail.set_password(team.address("support"), "the-next-password")
    team.password("support", "the-next-password")
    until(
        lambda: (
            team.kube.run("exec", pod, "--", "cat", "/var/run/mailbox-operator/credentials/password")
            == "the-next-password"
        ),
        seconds=60,
        what="the volume shows the new password",
    )
    until(
        lambda: team.metric(pod, "mailbox_fetcher_credential_reloads_total") >= 1,
        seconds=5,
        what="the fetcher signs in with the new password within 5 s",
    )
    until(
        lambda: team.mail.logins(team.address("support")) >= logins + 2,
        seconds=10,
        what="operator and fetcher signed in",
    )
    team.kube.wait_condition("support", "Ready")
    assert team.fetcher_pod("support") == pod
    assert team.kube.get("pod", pod)["status"]["containerStatuses"][0]["restartCount"] == 0
    team.send("support", [b"Subject: after\r\n\r\nafter\r\n"])
    team.receiver.wait_events(1)


def test_a_killed_operator_comes_back_without_a_trace(cluster: Cluster, team: Team) -> None:
    team.mailbox("support", delivery=None)
    team.kube.wait_condition("support", "Ready")
    until(team.event_count, seconds=10, what="an event, which is told after the status was written")
    cluster.wait_operator_idle()
    before = team.kube.get("mailbox", "support")
    logins = team.mail.logins(team.address("support"), least=1)
    events = team.event_count()

    cluster.kill_operator()
    cluster.wait_operator_idle()

    after = team.kube.get("mailbox", "support")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"], "no write"
    assert team.mail.logins(team.address("support")) == logins, "no login"
    assert team.event_count() == events, "no event"


def test_children_edited_by_hand_are_mended(team: Team) -> None:
    changes: dict[str, dict[str, Any]] = {
        "serviceaccount": {"automountServiceAccountToken": True},
        "role": {"rules": []},
        "rolebinding": {"subjects": []},
        "configmap": {"data": {"plan.json": "{}"}},
        "deployment": {"spec": {"replicas": 3}},
    }
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready")
    for kind, change in changes.items():
        before = essence(team, kind)
        team.kube.patch(kind, "mbx-support", change)
        until(lambda: essence(team, kind) == before, seconds=10, what=f"the {kind} is as it was")  # noqa: B023 - at once


def essence(team: Team, kind: str) -> str:
    """What a person would compare of a child."""
    found = team.kube.get(kind, "mbx-support")
    parts = {"spec", "rules", "subjects", "roleRef", "data", "automountServiceAccountToken"}
    return json.dumps({key: found[key] for key in sorted(parts & found.keys())}, sort_keys=True)


def test_deleted_children_come_back(team: Team) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready")
    for kind in CHILDREN:
        was = team.kube.get(kind, "mbx-support")["metadata"]["uid"]
        team.kube.delete(kind, "mbx-support")
        found = until(lambda: team.kube.find(kind, "mbx-support"), seconds=10, what=f"the {kind} is there again")  # noqa: B023 - at once
        assert found["metadata"]["uid"] != was


def test_a_deleted_mailbox_takes_its_children_along(team: Team) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready")
    team.kube.delete("mailbox", "support")
    until(
        lambda: (
            not any(team.kube.find(kind, "mbx-support") for kind in CHILDREN)
            and not team.kube.find("configmap", "mbx-support-checkpoint")
        ),
        seconds=30,
        what="all children are gone",
    )


def test_an_orphaned_checkpoint_stays(team: Team) -> None:
    team.mailbox("support", deletionPolicy="Orphan")
    team.kube.wait_condition("support", "Ready")
    team.kube.delete("mailbox", "support")
    until(lambda: not team.kube.find("deployment", "mbx-support"), seconds=30, what="the Deployment is gone")
    assert team.kube.find("configmap", "mbx-support-checkpoint")


def test_a_protected_mailbox_is_not_deleted_by_mistake(team: Team) -> None:
    team.mailbox("support", deletionProtection=True, suspend=True)
    with pytest.raises(KubectlError, match="deletionProtection"):
        team.kube.delete("mailbox", "support")
    team.kube.patch("mailbox", "support", {"spec": {"deletionProtection": False}})
    team.kube.delete("mailbox", "support")


def test_a_suspended_mailbox_rests_and_goes_on(team: Team) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready")
    team.kube.patch("mailbox", "support", {"spec": {"suspend": True}})
    team.kube.wait_condition("support", "Ready", "False", reason="Suspended")
    until(
        lambda: not team.kube.items("pods", "-l", "mailbox-operator.io/mailbox=support"),
        seconds=30,
        what="no fetcher runs",
    )
    team.send("support", [b"Subject: meanwhile\r\n\r\nmeanwhile\r\n"])
    team.kube.patch("mailbox", "support", {"spec": {"suspend": False}})
    team.kube.wait_condition("support", "Ready")
    assert len(team.receiver.wait_events(1)) == 1, "state was kept: what came meanwhile comes, once"


def test_a_reconcile_on_demand_verifies_and_echoes_its_token(team: Team) -> None:
    team.mailbox("support", delivery=None)
    team.kube.wait_condition("support", "Ready")
    logins = team.mail.logins(team.address("support"), least=1)
    team.kube.run("annotate", "mailbox", "support", "mailbox-operator.io/reconcile-at=now-please")
    until(
        lambda: team.kube.get("mailbox", "support")["status"].get("lastHandledReconcileAt") == "now-please",
        seconds=10,
        what="the token comes back",
    )
    team.kube.wait_condition("support", "Ready")
    until(lambda: team.mail.logins(team.address("support")) > logins, seconds=10, what="it signed in again")


def test_a_namespace_deleted_under_load_leaves_no_error_loop(cluster: Cluster, team: Team) -> None:
    names = [f"box-{n}" for n in range(20)]
    for name in names:
        team.account(name)
    before = sample(cluster.operator_metrics(), "mailbox_operator_reconcile_errors_total")
    team.kube.apply(*(team.manifest(name) for name in names), *(team.secret_manifest(name) for name in names))
    team.kube.delete("namespace", team.kube.namespace, wait=False)
    until(
        lambda: not cluster.kube.find("namespace", team.kube.namespace),
        seconds=90,
        what="the namespace is gone",
        pause=1,
    )
    cluster.wait_operator_idle()
    text = cluster.operator_metrics()
    assert sample(text, "mailbox_operator_reconcile_errors_total") == before, text
