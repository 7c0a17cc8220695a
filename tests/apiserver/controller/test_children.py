"""Children: mended, brought to rest, removed; and what a fetcher's report becomes."""

import json
import time
from typing import Any

import pytest

from apiserver.controller.conftest import WEBHOOK, Team, wait_gone
from support.kube import KubectlError, until

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(90)]

DRIFTS: dict[str, dict[str, Any]] = {
    "serviceaccount": {"automountServiceAccountToken": True},
    "role": {"rules": []},
    "rolebinding": {"subjects": []},
    "configmap": {"data": {"plan.json": "{}"}},
    "deployment": {"spec": {"replicas": 3}},
}
CHILDREN = tuple(DRIFTS)
PARTS = ("automountServiceAccountToken", "rules", "subjects", "roleRef", "data", "spec")


def fetched(team: Team) -> None:
    """Make a Mailbox and wait until its children are there and nothing is left to do."""
    team.mailbox("support", delivery=WEBHOOK)
    until(lambda: team.kube.find("deployment", "mbx-support"), seconds=15, what="a Deployment")
    team.operator.wait_idle()


def essence(team: Team, kind: str) -> str:
    found = team.kube.get(kind, "mbx-support")
    return json.dumps({part: found[part] for part in PARTS if part in found}, sort_keys=True)


def replicas(team: Team) -> int:
    return int(team.kube.get("deployment", "mbx-support")["spec"]["replicas"])


def test_children_edited_by_hand_are_mended(team: Team) -> None:
    fetched(team)
    before = {kind: essence(team, kind) for kind in CHILDREN}
    for kind, change in DRIFTS.items():
        team.kube.patch(kind, "mbx-support", change)

    def mended() -> bool:
        return all(essence(team, kind) == before[kind] for kind in CHILDREN)

    until(mended, seconds=10, what="all are mended")


def test_deleted_children_come_back(team: Team) -> None:
    fetched(team)
    uids = {kind: team.kube.get(kind, "mbx-support")["metadata"]["uid"] for kind in CHILDREN}
    for kind in CHILDREN:
        team.kube.delete(kind, "mbx-support")

    def new() -> bool:
        found = {kind: team.kube.find(kind, "mbx-support") for kind in CHILDREN}
        return all(one is not None and one["metadata"]["uid"] != uids[kind] for kind, one in found.items())

    until(new, seconds=10, what="all are there again")


def test_what_others_add_to_a_child_stays(team: Team) -> None:
    def writes() -> float:  # to what exists; what is mended in a test's namespace that is being removed is refused
        return team.operator.metric(
            "mailbox_operator_api_requests_total", verb="patch", resource="deployments", code="200"
        )

    fetched(team)
    before = writes()
    team.kube.patch("deployment", "mbx-support", {"metadata": {"annotations": {"team": "desk"}}})
    team.operator.wait_idle()
    assert team.kube.get("deployment", "mbx-support")["metadata"]["annotations"]["team"] == "desk"
    assert writes() == before, "nothing was sent"


def test_a_fetcher_rests_while_its_login_is_refused(team: Team) -> None:
    fetched(team)
    assert replicas(team) == 1
    team.password("support", "wrong")
    team.kube.wait_condition("support", "Stalled", reason="CredentialsInvalid", seconds=15)
    assert replicas(team) == 0
    assert team.kube.conditions("support")["FetcherAvailable"]["reason"] == "FetcherStopped"
    team.password("support", "right")
    until(lambda: replicas(team) == 1, seconds=15, what="the fetcher runs again")


def test_a_suspended_mailbox_brings_its_fetcher_to_rest_even_without_its_secret(team: Team) -> None:
    fetched(team)
    team.kube.delete("secret", "support-password")
    team.kube.wait_condition("support", "Stalled", reason="SecretNotFound")
    assert replicas(team) == 1, "what runs goes on"
    team.kube.patch("mailbox", "support", {"spec": {"suspend": True}})
    team.kube.wait_condition("support", "Ready", "False", reason="Suspended")
    until(lambda: replicas(team) == 0, seconds=10, what="the fetcher rests")


def test_without_a_sink_all_but_the_checkpoint_goes(team: Team) -> None:
    fetched(team)
    team.kube.patch("mailbox", "support", {"spec": {"delivery": None}})
    for kind in CHILDREN:
        wait_gone(team.kube, kind, "mbx-support")
    team.kube.wait_condition("support", "FetcherAvailable", reason="NotApplicable")
    assert team.kube.find("configmap", "mbx-support-checkpoint")


def test_a_deleted_mailbox_takes_its_children_along(team: Team) -> None:
    fetched(team)
    team.kube.delete("mailbox", "support")
    for kind in CHILDREN:
        wait_gone(team.kube, kind, "mbx-support")
    wait_gone(team.kube, "configmap", "mbx-support-checkpoint")


def test_an_orphaned_checkpoint_stays_and_is_taken_over(team: Team) -> None:
    team.mailbox("support", delivery=WEBHOOK, deletionPolicy="Orphan")
    until(lambda: team.kube.find("deployment", "mbx-support"), seconds=15, what="a Deployment")
    team.report("support", messagesDelivered=7, messages_delivered=7)
    team.kube.delete("mailbox", "support")
    wait_gone(team.kube, "deployment", "mbx-support")
    kept = team.kube.get("configmap", "mbx-support-checkpoint")
    assert "progress.json" in kept["data"]
    fetched(team)
    found = team.kube.get("configmap", "mbx-support-checkpoint")
    assert found["metadata"]["uid"] == kept["metadata"]["uid"]
    assert [one["kind"] for one in found["metadata"]["ownerReferences"]] == ["Mailbox"]
    assert found["data"] == kept["data"]


def test_what_a_fetcher_reports_is_told(team: Team) -> None:
    fetched(team)
    team.report("support", state="Delivering", messages_delivered=3, last_message_time="2026-01-01T00:00:00Z")
    team.kube.wait_condition("support", "Ready", seconds=15)
    until(lambda: team.status("support")["fetcher"].get("messagesDelivered") == 3, seconds=15, what="3 are told")
    team.report("support", state="SinkFailing", reason="SinkFailing", message="503 for five minutes", pending=2)
    team.kube.wait_condition("support", "Delivering", "False", reason="SinkFailing", seconds=15)
    assert team.status("support")["fetcher"]["lastError"] == "503 for five minutes"
    team.kube.wait_condition("support", "Reconciling")
    team.report("support", state="SinkGone", reason="SinkGone", message="410")
    team.kube.wait_condition("support", "Stalled", reason="SinkGone", seconds=15)
    assert replicas(team) == 1


def test_counters_that_move_alone_are_written_at_most_every_ten_seconds(team: Team) -> None:
    fetched(team)
    began = time.monotonic()
    team.report("support", state="Delivering", messages_delivered=1)
    team.kube.wait_condition("support", "Ready", seconds=15)
    versions = {team.version("support")}
    for count in range(2, 12):
        text = json.dumps({"state": "Delivering", "messages_delivered": count})
        team.kube.patch("configmap", "mbx-support-checkpoint", {"data": {"progress.json": text}})
        versions.add(team.version("support"))

    def last() -> bool:
        versions.add(team.version("support"))
        return bool(team.status("support")["fetcher"]["messagesDelivered"] == 11)

    until(last, seconds=15, what="the last one is written")
    assert len(versions) <= 2 + (time.monotonic() - began) / 10


def test_the_service_account_goes_once_the_spec_names_another(team: Team) -> None:
    fetched(team)
    assert team.kube.find("serviceaccount", "mbx-support")
    team.kube.patch("mailbox", "support", {"spec": {"fetcher": {"serviceAccountName": "ours"}}})
    until(lambda: not team.kube.find("serviceaccount", "mbx-support"), seconds=10, what="it is gone")
    assert team.kube.get("rolebinding", "mbx-support")["subjects"][0]["name"] == "ours"


def denying_policy(namespace: str) -> list[dict[str, Any]]:
    """Return a policy that takes no Deployment without an owner in one namespace, and its binding."""
    common = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": f"owners-{namespace}"}}
    resources = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}
    labelled = {"expression": "has(object.metadata.labels) && 'owner' in object.metadata.labels"}
    policy = {
        "kind": "ValidatingAdmissionPolicy",
        "spec": {
            "matchConstraints": {"resourceRules": [resources]},
            "validations": [labelled | {"message": "a Deployment needs the label owner"}],
        },
    }
    place = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    binding = {
        "kind": "ValidatingAdmissionPolicyBinding",
        "spec": {"policyName": f"owners-{namespace}", "validationActions": ["Deny"], "matchResources": place},
    }
    return [common | policy, common | binding]


def test_a_fetcher_that_the_cluster_refuses_is_told_and_comes_once_it_is_permitted(team: Team) -> None:
    policies = denying_policy(team.kube.namespace)

    def in_force() -> bool:
        try:
            team.kube.run("create", "deployment", "trial", "--image=trial:1", "--dry-run=server")
        except KubectlError as error:
            return "label owner" in str(error)
        return False

    try:
        for one in policies:
            team.kube.apply(one)
        until(in_force, seconds=30, what="the policy is in force")
        team.mailbox("support", delivery=WEBHOOK)
        told = team.kube.wait_condition("support", "FetcherAvailable", "False", reason="FetcherRefused", seconds=20)
        assert "a Deployment needs the label owner" in told["message"]
        assert team.kube.conditions("support")["IncomingAuthenticated"]["status"] == "True"
        assert team.kube.conditions("support")["Ready"]["status"] == "False"
    finally:
        for one in reversed(policies):
            team.kube.delete(one["kind"], one["metadata"]["name"])
    team.kube.wait_condition("support", "FetcherAvailable", "Unknown", reason="FetcherStarting", seconds=60)
