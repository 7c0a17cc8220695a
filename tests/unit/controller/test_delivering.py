"""From `spec.delivery` to a plan and to mounts."""

import json
from typing import Any

from kubernetes_validate import validate

from mailbox_operator.controller.children import Installation, render_children
from mailbox_operator.controller.delivering import delivery_references, proxy_variables, render_delivery, render_mounts
from mailbox_operator.controller.judge import judge
from mailbox_operator.controller.kinds import Key
from mailbox_operator.fetcher.plan import Lmtp, Maildir, Plan, Webhook
from mailbox_operator.mail.endpoint import Security
from unit.controller.builders import mailbox

SIGNED = {
    "webhook": {
        "url": "https://claims.example/in",
        "serviceRef": None,
        "format": "Parsed",
        "signingSecretRef": {"name": "sign"},
        "headersSecretRef": {"name": "headers"},
        "caSecretRef": {"name": "ca"},
    }
}
LMTP = {"webhook": None, "lmtp": {"host": "dovecot.mail.svc", "caSecretRef": {"name": "ca"}}}
MAILDIR = {"webhook": None, "maildir": {"claimName": "scans", "path": "team/scanner"}}


def template(**spec: Any) -> dict[str, Any]:
    """Return the pod, and have the API's schema see each object on the way."""
    box = mailbox(**spec)
    chosen = judge(box, provider=None, version_of=lambda _: "1", allow_insecure=False).chosen
    assert chosen
    children = render_children(box, chosen, installation=Installation(image="operator:1"), replicas=1)
    for _, child in children:
        validate(child, "1.36", strict=True)
    found: dict[str, Any] = children[-1][1]["spec"]["template"]["spec"]
    return found


def test_a_signed_webhook() -> None:
    assert render_delivery(mailbox(delivery=SIGNED)) == Webhook(
        url="https://claims.example/in",
        format="Parsed",
        ca_file="/var/run/mailbox-operator/sink-ca/ca.crt",
        signing_key_file="/var/run/mailbox-operator/sink-signing/signing-key",
        headers_folder="/var/run/mailbox-operator/sink-headers",
    )


def test_lmtp_defaults_to_the_mailbox_itself() -> None:
    assert render_delivery(mailbox(delivery=LMTP)) == Lmtp(
        host="dovecot.mail.svc",
        port=24,
        recipient="support@example.com",
        security=Security.START_TLS,
        ca_file="/var/run/mailbox-operator/sink-ca/ca.crt",
    )


def test_a_maildir_lies_on_its_claim_and_can_be_written() -> None:
    assert render_delivery(mailbox(delivery=MAILDIR)) == Maildir(path="/var/lib/mailbox-operator/maildir/team/scanner")
    pod = template(delivery=MAILDIR)
    assert {"name": "maildir", "persistentVolumeClaim": {"claimName": "scans"}} in pod["volumes"]
    mounts = pod["containers"][0]["volumeMounts"]
    assert {"name": "maildir", "mountPath": "/var/lib/mailbox-operator/maildir"} in mounts
    assert pod["securityContext"]["fsGroup"] == 65532


def test_secrets_are_files_and_one_that_goes_missing_keeps_no_pod_from_starting() -> None:
    mounts = {one.name: one for one in render_mounts(mailbox(delivery=SIGNED).spec.delivery)}
    assert all(one.read_only for one in mounts.values())
    signing = mounts["sink-signing"].source["secret"]
    assert (signing["items"], signing["optional"]) == ([{"key": "signing-key", "path": "signing-key"}], True)
    assert mounts["sink-headers"].source["secret"]["optional"]
    pod = template(delivery=SIGNED)
    assert "sign" not in json.dumps(pod["containers"][0]["env"])


def test_each_plan_survives_being_written() -> None:
    for delivery in (SIGNED, LMTP, MAILDIR):
        box = mailbox(delivery=delivery)
        chosen = judge(box, provider=None, version_of=lambda _: "1", allow_insecure=False).chosen
        assert chosen
        text = next(
            child["data"]["plan.json"]
            for _, child in render_children(box, chosen, installation=Installation(image="operator:1"), replicas=1)
            if "data" in child
        )
        assert Plan.from_json(text).delivery == render_delivery(box)


def test_all_that_it_refers_to_is_known() -> None:
    names = {key.name for key in delivery_references(mailbox(delivery=SIGNED))}
    assert names == {"sign", "headers", "ca"}
    assert delivery_references(mailbox(delivery=MAILDIR)) == {Key("PersistentVolumeClaim", "helpdesk", "scans")}


def test_proxies_are_handed_on_but_no_password() -> None:
    environment = {"https_proxy": "http://proxy:3128", "HTTP_PROXY": "http://u:secret@proxy", "NO_PROXY": ".svc"}
    assert proxy_variables(environment) == [
        {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
        {"name": "NO_PROXY", "value": ".svc"},
    ]
