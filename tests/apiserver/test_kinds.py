import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from support.kube import Kube

pytestmark = pytest.mark.apiserver

SMALLEST: Final[dict[str, Any]] = {
    "apiVersion": "mailbox-operator.io/v1alpha1",
    "kind": "Mailbox",
    "metadata": {"name": "support"},
    "spec": {
        "address": "support@example.com",
        "credentials": {"passwordSecretRef": {"name": "support-mail"}},
        "delivery": {"webhook": {"url": "https://desk.example.com/inbound-mail"}},
    },
}


@pytest.fixture(scope="module")
def team(kube: Kube) -> Iterator[Kube]:
    """A namespace with the smallest Mailbox in it."""
    with kube.temporary_namespace("kinds") as namespace:
        namespace.apply(SMALLEST)
        yield namespace


def test_the_smallest_mailbox_is_completed_with_defaults(team: Kube) -> None:
    found = team.get("mailbox", "support")
    assert found["status"] == {"observedGeneration": -1}
    assert found["spec"]["credentials"]["passwordSecretRef"] == {"name": "support-mail", "key": "password"}
    assert found["spec"]["fetch"]["folders"] == {"include": ["INBOX"]}
    assert (found["spec"]["fetch"]["interval"], found["spec"]["verification"]["interval"]) == ("5m", "1h")
    assert "testMessage" not in found["spec"]["verification"]


def test_kubectl_get_shows_the_columns(team: Kube) -> None:
    header = " ".join(team.run("get", "mbx").split("\n")[0].split())
    assert header == "NAME ADDRESS PROVIDER INCOMING READY REASON LAST MESSAGE AGE"
    wide = " ".join(team.run("get", "mbx", "-o", "wide").split("\n")[0].split())
    assert wide == f"{header} MESSAGE OUTGOING DELIVERY"


@pytest.mark.parametrize("name", ["mailboxes", "mbx", "mail"])
def test_a_mailbox_is_found_by_each_of_its_names(team: Kube, name: str) -> None:
    assert "support@example.com" in team.run("get", name)


@pytest.mark.parametrize("name", ["mprov", "oapp"])
def test_the_other_kinds_have_short_names(kube: Kube, name: str) -> None:
    assert kube.run("get", name) == ""


def test_mailboxes_are_selected_by_address(team: Kube) -> None:
    assert "support" in team.run("get", "mbx", "-o", "name", "--field-selector", "spec.address=support@example.com")
    assert team.run("get", "mbx", "-o", "name", "--field-selector", "spec.address=other@example.com") == ""


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("mailbox", "A mailbox that is declared, proven step by step and fetched without a loss."),
        ("mailbox.spec.fetch", "FIELDS:\n  afterFetch"),
        ("mailbox.spec.fetch.since", "How far back the first sync reaches"),
        ("mailbox.spec.fetcher.resources.limits", "The most it may have"),
        ("mailbox.status.conditions.reason", "One word for programs"),
        ("mailprovider.spec.usernameForm.template", "With {address}, {local} and {domain}."),
        ("oauthapp.spec.allowedAddresses", "Globs of the mailboxes it may open."),
    ],
)
def test_kubectl_explain_prints_the_description(kube: Kube, field: str, words: str) -> None:
    assert words in kube.run("explain", field)


def test_status_is_written_beside_the_spec_and_not_through_it(team: Kube) -> None:
    condition = {
        "type": "Ready",
        "status": "False",
        "observedGeneration": 1,
        "reason": "CredentialsRejected",
        "message": "The server refused the login: check the password",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {
        "observedGeneration": 1,
        "conditions": [condition],
        "observedInputs": "0123",
        "nextProbeTime": "2026-01-01T01:00:00Z",
        "loginFailures": {"count": 1, "since": "2026-01-01T00:00:00Z", "nextAttemptTime": "2026-01-01T01:00:00Z"},
        "resolved": {"incoming": {"protocol": "IMAP", "host": "a", "port": 993, "security": "TLS", "source": "Spec"}},
    }
    team.apply(SMALLEST | {"status": {"observedGeneration": 7}})
    assert team.get("mailbox", "support")["status"]["observedGeneration"] == -1
    team.run(
        "patch", "mailbox", "support", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
    )
    assert team.get("mailbox", "support")["status"] == status
    row = team.run("get", "mbx", "-o", "wide").split("\n")[1]
    assert "CredentialsRejected" in row
    assert "check the password" in row


def test_an_applied_manifest_takes_back_what_others_wrote_beside_it_and_leaves_them_the_rest(team: Kube) -> None:
    incoming = {"host": "imap.example.com"}
    applied = SMALLEST | {"metadata": {"name": "owned"}, "spec": SMALLEST["spec"] | {"incoming": incoming}}
    for _ in range(2):  # the API server writes a second time what it has completed with defaults, whatever the schema
        team.apply(applied)
    known = team.get("mailbox", "owned")
    team.apply(applied)
    assert team.get("mailbox", "owned")["metadata"]["resourceVersion"] == known["metadata"]["resourceVersion"]
    team.patch("mailbox", "owned", {"spec": {"suspend": True, "incoming": {"port": 1993}}})
    team.apply(applied)
    spec = team.get("mailbox", "owned")["spec"]
    assert spec["incoming"] == incoming, "where mail comes in is one thing, of one owner"
    assert spec["suspend"] is True
