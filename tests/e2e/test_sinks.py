"""Each sink on a cluster: LMTP into another mailbox, a Maildir on a volume, signed and parsed webhooks."""

import json
from base64 import b64encode
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from e2e.conftest import Team
from e2e.mailserver import HOST
from support.kube import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

FIRST, SECOND = (f"whsec_{b64encode(octet * 32).decode()}" for octet in (b"1", b"2"))
MAILDIR = "/var/lib/mailbox-operator/maildir/team/scanner"
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "scans"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def secret(name: str, **values: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


def files(team: Team, folder: str) -> list[str]:
    return team.kube.run("exec", "deployment/mbx-scanner", "--", "ls", f"{MAILDIR}/{folder}").split()


def test_lmtp_and_maildir_side_by_side(team: Team) -> None:
    team.kube.apply(secret("lmtp-ca", **{"ca.crt": team.mail.ca_pem}))
    archive = team.address("archive")
    team.account("archive")
    lmtp = {"host": HOST, "recipient": archive, "caSecretRef": {"name": "lmtp-ca"}}
    team.mailbox("mirror", delivery={"webhook": None, "lmtp": lmtp})
    team.mailbox("scanner", delivery={"webhook": None, "maildir": {"claimName": "scans", "path": "team/scanner"}})

    missing = team.kube.wait_condition("scanner", "ReferencesResolved", status="False")
    assert missing["reason"] == "PersistentVolumeClaimNotFound"
    assert "PersistentVolumeClaim scans" in missing["message"]
    team.kube.apply(CLAIM)  # nothing else wakes it

    team.kube.wait_condition("mirror", "Ready")
    team.kube.wait_condition("scanner", "Ready")
    for name in ("mirror", "scanner"):
        team.send(name, [f"Subject: {name} {n}\r\n\r\nhello\r\n".encode() for n in range(5)])
    until(lambda: team.mail.count(archive) == 5, seconds=30, what="LMTP brought all to the other mailbox")
    until(lambda: len(files(team, "new")) == 5, seconds=30, what="all are in the Maildir")
    assert files(team, "tmp") == []
    name = files(team, "new")[0]
    assert "Subject: scanner" in team.kube.run("exec", "deployment/mbx-scanner", "--", "cat", f"{MAILDIR}/new/{name}")
    pod = team.fetcher_pod("scanner")
    until(lambda: team.metric(pod, "mailbox_fetcher_messages_delivered_total") == 5, seconds=10, what="counted, too")

    untrusting = {"host": HOST, "recipient": archive}
    before = generation(team, "mirror")
    team.mailbox("mirror", with_secret=False, delivery={"webhook": None, "lmtp": untrusting})
    until(lambda: generation(team, "mirror") > before, seconds=20, what="the fetcher is told")
    team.kube.run_patiently("rollout", "status", "deployment/mbx-mirror", seconds=60)  # the pod before trusts it
    team.send("mirror", [b"Subject: late\r\n\r\nhello\r\n"])
    failing = team.kube.wait_condition("mirror", "Delivering", status="False", seconds=60)
    assert failing["reason"] == "SinkUntrusted"
    assert "caSecretRef" in failing["message"]
    team.mailbox("mirror", with_secret=False, delivery={"webhook": None, "lmtp": lmtp})
    until(lambda: team.mail.count(archive) == 6, seconds=60, what="what waited is delivered once it is mended")


def generation(team: Team, name: str) -> int:
    """How often the fetcher's Deployment was changed."""
    return int(team.kube.get("deployment", f"mbx-{name}")["metadata"]["generation"])


def test_webhooks_parsed_signed_and_with_a_key_that_is_rotated(team: Team) -> None:
    team.kube.apply(secret("signing", **{"signing-key": FIRST}), secret("fields", Authorization="Bearer canary-1"))
    webhook = {"format": "Parsed", "signingSecretRef": {"name": "signing"}, "headersSecretRef": {"name": "fields"}}
    team.mailbox("claims", delivery={"webhook": webhook})
    team.kube.wait_condition("claims", "Ready")
    pod = team.fetcher_pod("claims")
    team.send(
        "claims",
        ["Subject: Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}e\r\n\r\nhello\r\n".encode()],
    )
    [event] = team.receiver.wait_events(1)
    assert event["content-type"].startswith("application/cloudevents+json")
    assert event["authorization"] == "Bearer canary-1"
    body = team.receiver.body(0).encode()
    Webhook(FIRST).verify(body, event)
    data = json.loads(body)["data"]
    assert (data["subject"], data["text"].strip(), data["parsed"]) == ("Grüße", "hello", True)

    team.kube.apply(secret("signing", **{"signing-key": SECOND}), secret("fields", Authorization="Bearer canary-2"))

    def sent_anew() -> bool:
        number = team.receiver.count()
        team.send("claims", [b"Subject: next\r\n\r\n%d\r\n" % number])
        event = team.receiver.wait_events(number + 1)[number]
        try:
            Webhook(SECOND).verify(team.receiver.body(number).encode(), event)
        except WebhookVerificationError:
            return False
        return bool(event["authorization"] == "Bearer canary-2")

    until(sent_anew, seconds=60, what="requests are signed with the new key", pause=1)
    assert team.fetcher_pod("claims") == pod, "without a restart"
    team.kube.apply(secret("signing", **{"signing-key": "nonsense-canary"}))

    def stopped() -> dict[str, Any] | None:
        team.send("claims", [b"Subject: waits\r\n\r\n\r\n"])  # one comes after the change has reached the pod
        found = team.kube.conditions("claims")["Delivering"]
        return found if found["status"] == "False" else None

    failing = until(stopped, seconds=60, what="a key that is none stops delivery", pause=2)
    assert failing["reason"] == "SinkMisconfigured"
    assert "signingSecretRef" in failing["message"]
    assert "canary" not in failing["message"] + team.kube.run("logs", pod)
    team.kube.apply(secret("signing", **{"signing-key": SECOND}))
    team.kube.wait_condition("claims", "Delivering", seconds=60)
