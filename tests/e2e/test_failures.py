"""What can be wrong with a Mailbox: its condition, its reason, its remedy; and mended, it is Ready with nothing else touched."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from e2e.conftest import Team
from support.kube import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A way to be wrong, and what the Mailbox must say."""

    broken: dict[str, Any]
    mended: dict[str, Any] = field(default_factory=dict)
    condition: str
    reason: str
    says: tuple[str, ...]
    """What the message holds: the cause, and words of the remedy."""


FAULTS = {
    "unknown-host": Fault(
        broken={"incoming": {"host": "nowhere.e2e.test"}},
        condition="IncomingReachable",
        reason="HostNotFound",
        says=("nowhere.e2e.test", "host"),
    ),
    "refused": Fault(
        broken={"incoming": {"port": 994}},
        condition="IncomingReachable",
        reason="ConnectionRefused",
        says=("994", "port"),
    ),
    "untrusted": Fault(
        broken={"tls": None}, condition="IncomingSecured", reason="TLSCertificateUntrusted", says=("CA",)
    ),
    "wrong-host-name": Fault(
        broken={"incoming": {"host": "alias.e2e.test"}},
        condition="IncomingSecured",
        reason="TLSHostnameMismatch",
        says=("alias.e2e.test",),
    ),
    "tls-on-a-plaintext-port": Fault(
        broken={"incoming": {"port": 143, "security": "TLS"}},
        mended={"incoming": {"port": 143, "security": "StartTLS"}},
        condition="IncomingSecured",
        reason="TLSModeMismatch",
        says=("StartTLS",),
    ),
}


def test_faults_of_the_spec_are_named_and_mended(team: Team) -> None:
    for name, fault in FAULTS.items():
        team.mailbox(name, **fault.broken)
    for name, fault in FAULTS.items():
        found = team.kube.wait_condition(name, fault.condition, "False", reason=fault.reason)
        for words in fault.says:
            assert words in found["message"]
        assert "\n" not in found["message"]
        ready = team.kube.wait_condition(name, "Ready", "False", reason=fault.reason)
        assert ready["message"] == found["message"], "the summary is that of the first thing wrong"
        assert_later_steps_blocked(team, name, fault.condition)
    for name, fault in FAULTS.items():
        team.mailbox(name, **fault.mended)
    for name in FAULTS:
        team.kube.wait_condition(name, "Ready")


def assert_later_steps_blocked(team: Team, name: str, failed: str) -> None:
    """Every later step of the incoming chain says that it was not tried."""
    conditions = team.kube.conditions(name)
    chain = ["IncomingReachable", "IncomingSecured", "IncomingAuthenticated", "FoldersAccessible"]
    later = chain[chain.index(failed) + 1 :]
    assert {conditions[step]["reason"] for step in later} <= {"BlockedByEarlierStep"}
    assert {conditions[step]["status"] for step in later} <= {"Unknown"}


def test_a_wrong_password_is_tried_once(team: Team) -> None:
    team.mailbox("support", outgoing={"protocol": "None", "host": None, "security": None})
    team.kube.wait_condition("support", "Ready")
    before = team.mail.refused_logins(team.address("support"))

    team.password("support", "not-the-password")
    found = team.kube.wait_condition("support", "IncomingAuthenticated", "False", reason="CredentialsInvalid")
    assert "password" in found["message"]
    team.kube.wait_condition("support", "Stalled", "True", reason="CredentialsInvalid")
    until(
        lambda: team.kube.get("deployment", "mbx-support")["spec"]["replicas"] == 0,
        seconds=10,
        what="the fetcher does not knock while the login is refused",
    )
    team.kube.run("annotate", "mailbox", "support", "a-change=that-is-none")
    team.kube.run("label", "mailbox", "support", "neither=this")
    refused = team.mail.refused_logins(team.address("support")) - before
    assert refused <= 2, "the operator once, and the fetcher that was running at most once"

    status = team.kube.get("mailbox", "support")["status"]
    assert status["loginFailures"]["count"] >= 1
    team.password("support", team.secret("support"))
    team.kube.wait_condition("support", "Ready")
    assert "loginFailures" not in team.kube.get("mailbox", "support")["status"]


def test_a_missing_secret_is_named_and_its_coming_noticed(team: Team) -> None:
    team.mailbox("support", with_secret=False)
    found = team.kube.wait_condition("support", "ReferencesResolved", "False", reason="SecretNotFound")
    assert "support-password" in found["message"]
    assert team.mail.logins(team.address("support")) == 0
    team.password("support", team.secret("support"))
    team.kube.wait_condition("support", "Ready")


def test_a_missing_key_is_named_and_its_coming_noticed(team: Team) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "support-password"}}
    team.kube.apply(secret | {"stringData": {"pasword": "x"}})
    team.mailbox("support", with_secret=False)
    found = team.kube.wait_condition("support", "ReferencesResolved", "False", reason="SecretKeyNotFound")
    assert "password" in found["message"]
    assert "support-password" in found["message"]
    team.password("support", team.secret("support"))
    team.kube.wait_condition("support", "Ready")


def test_an_invalid_spec_is_refused_with_a_sentence(team: Team) -> None:
    broken = team.manifest("support", credentials={"passwordSecretRef": None})
    assert "exactly one of" in team.kube.refused(broken)


def test_what_only_the_operator_can_judge_is_a_condition(team: Team) -> None:
    team.mailbox("support", tls={"insecureSkipVerify": True, "caConfigMapRef": None})
    found = team.kube.wait_condition("support", "SpecValid", "False")
    assert "insecureSkipVerify" in found["message"]
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready")


def test_what_is_not_implemented_yet_is_named(team: Team) -> None:
    delegate = {"username": "delegate@e2e.test"}
    team.mailbox("support", sharedMailbox=True, credentials=delegate)
    found = team.kube.wait_condition("support", "Ready", "False", reason="NotImplemented")
    assert "spec.sharedMailbox" in found["message"]
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready")


def test_an_address_that_is_not_a_mail_servers_is_refused(team: Team) -> None:
    hosts = {"self": "127.0.0.1", "metadata": "169.254.169.254", "api": "kubernetes.default.svc.cluster.local"}
    for name, host in hosts.items():
        team.mailbox(name, incoming={"host": host})
    for name in hosts:
        found = team.kube.wait_condition(name, "IncomingReachable", "False", reason="ForbiddenAddress")
        assert "network." in found["message"], "the setting that would allow it"
