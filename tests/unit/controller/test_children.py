import json
from typing import Any

import pytest
from kubernetes_validate import validate

from mailbox_operator.api.mailprovider import MailProviderSpec
from mailbox_operator.controller.apply import covers
from mailbox_operator.controller.children import Installation, render_children
from mailbox_operator.controller.judge import judge
from mailbox_operator.controller.kinds import Kind
from mailbox_operator.controller.target import render_plan
from mailbox_operator.fetcher.plan import Fetch, HeaderMatch, Plan, Webhook
from unit.controller.builders import mailbox

INSTALLATION = Installation(image="operator:1", pull_secrets=("registry", "mirror"))


def children(*, replicas: int = 1, **spec: Any) -> list[tuple[Kind, dict[str, Any]]]:
    box = mailbox(**spec)
    chosen = judge(box, provider=None, version_of=lambda _: "1", allow_insecure=False).chosen
    assert chosen is not None
    return render_children(box, chosen, installation=INSTALLATION, replicas=replicas)


def deployment(**spec: Any) -> dict[str, Any]:
    return next(obj for kind, obj in children(**spec) if kind.name == "Deployment")


def pod(**spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = deployment(**spec)["spec"]["template"]["spec"]
    return found


def test_all_are_named_after_the_mailbox_owned_and_labelled() -> None:
    for _, obj in children():
        metadata = obj["metadata"]
        assert metadata["name"] in {"mbx-support", "mbx-support-checkpoint"}
        assert metadata["labels"]["mailbox-operator.io/mailbox"] == "support"
        assert metadata["ownerReferences"][0]["uid"] == "u-1"


def test_kubernetes_accepts_each() -> None:
    for _, obj in children():
        validate(obj, "1.36", strict=True)


def test_the_pod_is_restricted() -> None:
    found = pod()
    (container,) = found["containers"]
    assert found["securityContext"]["runAsNonRoot"] is True
    assert found["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_image_is_pulled_by_the_secrets_of_the_installation() -> None:
    assert pod()["imagePullSecrets"] == [{"name": "registry"}, {"name": "mirror"}]
    assert pod()["containers"][0]["image"] == "operator:1"


def test_the_fetcher_may_touch_its_checkpoint_and_nothing_else() -> None:
    role = next(obj for kind, obj in children() if kind.name == "Role")
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["mbx-support-checkpoint"],
            "verbs": ["get", "patch"],
        }
    ]


def test_the_plan_can_be_read_by_the_fetcher_and_holds_no_secret() -> None:
    plan_map = next(obj for kind, obj in children() if kind.name == "ConfigMap" and "data" in obj)
    plan = Plan.from_json(plan_map["data"]["plan.json"])
    assert plan.mailbox.address == "support@example.com"
    assert plan.source.password_file == "/var/run/mailbox-operator/credentials/password"
    assert isinstance(plan.delivery, Webhook)
    assert plan.delivery.url == "http://receiver.helpdesk.svc:8080/hook"
    assert plan.fetch.since_seconds == 7 * 86400


def test_all_of_fetch_reaches_the_fetcher() -> None:
    wanted = {
        "folders": {"include": ["INBOX", "Projects/*"], "exclude": ["*/Old"]},
        "mode": "Poll",
        "interval": "1m",
        "since": "0",
        "filter": {
            "unseenOnly": True,
            "headers": [{"name": "X-A"}, {"name": "X-B", "value": "1"}],
            "from": ["a@example.com"],
            "maxMessageSize": "1Mi",
            "oversize": "Skip",
        },
        "deduplicate": False,
        "afterFetch": {"markSeen": False, "delete": True, "deleteAfter": "1d"},
    }
    plan_map = next(obj for kind, obj in children(fetch=wanted) if kind.name == "ConfigMap" and "data" in obj)
    assert Plan.from_json(plan_map["data"]["plan.json"]).fetch == Fetch(
        folders=("INBOX", "Projects/*"),
        exclude=("*/Old",),
        push=False,
        interval_seconds=60,
        since_seconds=0,
        unseen_only=True,
        headers=(HeaderMatch(name="X-A"), HeaderMatch(name="X-B", value="1")),
        senders=("a@example.com",),
        max_message_size=2**20,
        oversize="Skip",
        deduplicate=False,
        mark_seen=False,
        delete_after_seconds=86_400,
    )


def test_the_secret_is_a_file_and_no_argument() -> None:
    volume = next(one for one in pod()["volumes"] if one["name"] == "credentials")
    assert volume["secret"]["items"] == [{"key": "password", "path": "password"}]
    assert "support-password" not in json.dumps(pod()["containers"])


def test_a_plan_detail_needs_no_restart_and_an_image_does() -> None:
    def template(**spec: Any) -> str:
        return json.dumps(deployment(**spec)["spec"]["template"], sort_keys=True)

    assert template(fetch={"interval": "1m"}) == template()
    assert template(fetcher={"image": "other:2"}) != template()


@pytest.mark.parametrize("kind", ["labels", "annotations"])
def test_what_the_owner_wants_no_longer_is_a_difference(kind: str) -> None:
    """What is observed beyond what is wanted may be others'; a label of ours that is gone shows by the hash alone."""
    with_it = deployment(fetcher={kind: {"team": "a", "tier": "b"}})
    assert not covers(with_it, deployment(fetcher={kind: {"team": "a"}}))
    assert not covers(with_it, deployment())


def test_the_owners_wishes_reach_the_pod_and_cannot_take_its_identity() -> None:
    found = deployment(
        fetcher={
            "nodeSelector": {"pool": "mail"},
            "labels": {"team": "help"},
            "serviceAccountName": "mine",
            "resources": {"limits": {"memory": "1Gi"}},
        }
    )
    template = found["spec"]["template"]
    assert template["spec"]["nodeSelector"] == {"pool": "mail"}
    assert template["metadata"]["labels"]["team"] == "help"
    assert template["spec"]["containers"][0]["resources"] == {"limits": {"memory": "1Gi"}}
    kinds = [kind.name for kind, _ in children(fetcher={"serviceAccountName": "mine"})]
    assert "ServiceAccount" not in kinds


def test_a_fetcher_by_ews_may_take_what_its_library_and_its_largest_message_need() -> None:
    exchange = {"protocol": "EWS", "host": "exchange.example.com"}
    found = deployment(incoming=exchange, fetch={"filter": {"maxMessageSize": "60Mi"}})
    limits = found["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"memory": "488Mi"}


def test_an_orphaned_checkpoint_is_not_owned() -> None:
    checkpoint = next(
        obj for _, obj in children(deletionPolicy="Orphan") if obj["metadata"]["name"] == "mbx-support-checkpoint"
    )
    assert checkpoint["metadata"]["ownerReferences"] == []


def test_what_others_add_is_no_difference_and_what_they_change_is() -> None:
    wanted = deployment()
    observed = json.loads(json.dumps(wanted))
    observed["status"] = {"replicas": 1}
    observed["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
    assert covers(observed, wanted)
    observed["spec"]["replicas"] = 3
    assert not covers(observed, wanted)
    assert not covers({"rules": []}, {"rules": [{"verbs": ["get"]}]})


def test_probes_are_answered_by_ipv4_and_ipv6() -> None:
    (container,) = pod()["containers"]
    assert "--listen=:8080" in container["args"]


@pytest.mark.parametrize(
    ("provider", "interval", "push"),
    [
        ({}, 30.0, True),
        ({"limits": {"connections": 4}}, 30.0, True),
        ({"limits": {"minInterval": "10s"}}, 30.0, True),
        ({"limits": {"minInterval": "5m"}}, 300.0, True),
        ({"idle": False}, 30.0, False),
    ],
)
def test_a_provider_is_asked_no_oftener_and_no_other_way_than_it_says(
    provider: dict[str, Any], interval: float, *, push: bool
) -> None:
    box = mailbox(fetch={"interval": "30s"}, providerRef={"name": "example"})
    spec = MailProviderSpec.model_validate({"incoming": [{"protocol": "IMAP", "host": "a.example"}]} | provider)
    chosen = judge(box, provider=spec, version_of=lambda _: "1", allow_insecure=False).chosen
    assert chosen is not None
    found = render_plan(box, chosen).fetch
    assert (found.interval_seconds, found.push) == (interval, push)
