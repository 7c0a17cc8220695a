"""What a Mailbox refers to: missing, coming, changing."""

import json

import pytest

from apiserver.controller.conftest import Team
from support import manifests
from support.kube import until

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(60)]


def test_a_missing_secret_is_named_and_its_coming_noticed(team: Team) -> None:
    team.account("support", "right")
    team.kube.apply(team.manifest("support"))
    found = team.kube.wait_condition("support", "ReferencesResolved", "False", reason="SecretNotFound")
    assert "support-password" in found["message"]
    assert team.kube.conditions("support")["Stalled"]["reason"] == "SecretNotFound"
    assert team.logins("support") == 0
    team.password("support", "right")
    team.kube.wait_condition("support", "Ready", seconds=15)
    assert "Stalled" not in team.kube.conditions("support")


def test_a_missing_key_is_named_and_its_coming_noticed(team: Team) -> None:
    team.account("support", "right")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "support-password"}}
    team.kube.apply(secret | {"stringData": {"pasword": "x"}}, team.manifest("support"))
    found = team.kube.wait_condition("support", "ReferencesResolved", "False", reason="SecretKeyNotFound")
    assert "pasword" in found["message"]
    assert team.logins("support") == 0
    team.password("support", "right")
    team.kube.wait_condition("support", "Ready", seconds=15)


def test_a_missing_ca_is_named_and_its_coming_noticed(team: Team) -> None:
    team.mailbox("support", tls={"caConfigMapRef": {"name": "coming"}})
    team.kube.wait_condition("support", "ReferencesResolved", "False", reason="ConfigMapNotFound")
    assert team.logins("support") == 0
    team.kube.apply(manifests.ca(team.mail.ca_pem) | {"metadata": {"name": "coming"}})
    team.kube.wait_condition("support", "Ready", seconds=30)


def test_a_rotated_secret_wakes_its_own_mailboxes_and_no_others(team: Team) -> None:
    for name in ("one", "two"):
        team.mailbox(name)
    for name in ("one", "two"):
        team.kube.wait_condition(name, "Ready", seconds=15)
    team.operator.wait_idle()
    before = team.version("two")
    team.account("one", "next")
    team.password("one", "next")
    until(lambda: team.logins("one") == 2, seconds=10, what="the first signed in again")
    until(lambda: "CredentialRotated" in {reason for _, reason, _ in team.events()}, seconds=5, what="it is told")
    team.operator.wait_idle()
    assert team.kube.conditions("one")["Ready"]["status"] == "True"
    assert team.logins("two", least=1) == 1
    assert team.version("two") == before


def test_a_refused_login_is_tried_once_until_something_changes(team: Team) -> None:
    team.mailbox("support", password="wrong")
    team.kube.wait_condition("support", "Stalled", reason="CredentialsInvalid", seconds=15)
    status = team.status("support")
    assert status["loginFailures"]["count"] == 1
    assert status["nextProbeTime"] == status["loginFailures"]["nextAttemptTime"]
    team.kube.run("annotate", "mailbox", "support", "neither=this")
    team.kube.run("label", "mailbox", "support", "nor=that")
    team.operator.wait_idle()
    assert team.refused("support", least=1) == 1

    team.password("support", "right")
    team.kube.wait_condition("support", "Ready", seconds=15)
    assert "loginFailures" not in team.status("support")
    team.wait_reasons("Recovered")
    assert [reason for _, reason, _ in team.events()].count("CredentialsInvalid") == 1


def test_a_provider_tells_how_many_mailboxes_use_it(team: Team) -> None:
    name = f"provider-{team.kube.namespace}"
    provider = {
        "apiVersion": "mailbox-operator.io/v1alpha1",
        "kind": "MailProvider",
        "metadata": {"name": name},
        "spec": {"incoming": [{"protocol": "IMAP", "host": "localhost", "port": team.mail.dovecot.imaps}]},
    }
    team.mailbox("support", providerRef={"name": name}, incoming=None)
    team.kube.wait_condition("support", "ReferencesResolved", "False", reason="ProviderNotFound")
    team.kube.apply(provider)
    try:
        team.kube.wait_condition("support", "Ready", seconds=15)
        assert team.status("support")["resolved"]["incoming"]["source"] == "Provider"
        until(lambda: team.kube.get("mailprovider", name)["status"].get("mailboxes") == 1, seconds=5, what="one")
        team.operator.wait_idle()
        assert team.logins("support", least=1) == 1, "that a provider's status counts its mailboxes is no change of it"
        team.kube.delete("mailbox", "support")
        until(lambda: team.kube.get("mailprovider", name)["status"].get("mailboxes") == 0, seconds=5, what="none")
    finally:
        team.kube.delete("mailprovider", name)


def test_a_provider_that_ends_a_protocol_warns_those_that_use_it_until_it_takes_that_back(team: Team) -> None:
    name = f"ending-{team.kube.namespace}"
    at = {"protocol": "IMAP", "host": "localhost", "port": team.mail.dovecot.imaps}
    ending = {"protocol": "IMAP Basic", "date": "2027-06-30", "note": "move to\nOAuth"}
    provider = {
        "apiVersion": "mailbox-operator.io/v1alpha1",
        "kind": "MailProvider",
        "metadata": {"name": name},
    }
    team.kube.apply(provider | {"spec": {"incoming": [at], "retirements": [ending]}})
    try:
        team.mailbox("support", providerRef={"name": name}, incoming=None)
        found = team.kube.wait_condition("support", "ProtocolRetirement", seconds=15)
        said = f"MailProvider {name} ends the sign-in by password to IMAP on 2027-06-30: move to OAuth"
        assert (found["reason"], found["message"]) == ("ProtocolRetirement", said)
        assert team.kube.conditions("support")["Ready"]["status"] == "True", "a warning stops nothing"
        team.kube.apply(provider | {"spec": {"incoming": [at], "retirements": [ending | {"protocol": "SMTP"}]}})
        until(lambda: "ProtocolRetirement" not in team.kube.conditions("support"), seconds=15, what="no warning")
        team.kube.apply(provider | {"spec": {"incoming": [at], "retirements": [ending | {"protocol": "Plain"}]}})
        found = team.kube.wait_condition("support", "ProtocolRetirement", seconds=15)
        said = f"MailProvider {name} ends the sign-in by Plain to IMAP on 2027-06-30: move to OAuth"
        assert found["message"] == said, "nobody asked for a mechanism: that is what was chosen"
    finally:
        team.kube.delete("mailprovider", name)


def test_a_fetcher_that_was_refused_has_the_operator_look_once(team: Team) -> None:
    team.mailbox("support", delivery={"webhook": {"url": "https://desk.example.com/inbound-mail"}})
    until(lambda: team.kube.find("deployment", "mbx-support"), seconds=15, what="a Deployment")
    team.operator.wait_idle()
    logins = team.logins("support", least=1)
    refusal = {"state": "LoginRefused", "reason": "CredentialsInvalid", "message": "refused"}
    team.report("support", **refusal)
    until(lambda: team.logins("support") == logins + 1, seconds=10, what="the operator signs in itself")
    until(lambda: admitted(team), seconds=10, what="and, since it is let in, has the fetcher sign in once more")
    first = admitted(team)
    team.report("support", **refusal, pending=1)
    team.operator.wait_idle()
    assert team.logins("support") == logins + 1, "once for these credentials"
    team.report("support")
    team.kube.wait_condition("support", "Delivering", reason="Idle", seconds=15)  # it was heard
    team.report("support", **refusal)
    until(lambda: team.logins("support") == logins + 2, seconds=10, what="a refusal after a success is another one")
    team.operator.wait_idle()
    assert admitted(team) == first, "no more than once an hour"


def admitted(team: Team) -> str:
    """Return since when the plan lets the fetcher in again."""
    plan = json.loads(team.kube.get("configmap", "mbx-support")["data"]["plan.json"])
    return str(plan["admitted_at"])
