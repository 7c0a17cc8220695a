"""What a Mailbox says at the first visit, and once it was proven."""

from datetime import datetime, timedelta

import pytest

from apiserver.controller.conftest import WEBHOOK, Team
from mailbox_operator.api.conditions import ALWAYS_PRESENT
from support import manifests
from support.kube import until
from support.patience import PATIENCE
from testbed.scripted import talking

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(60)]

ORDER = [str(kind) for kind in ALWAYS_PRESENT]


def test_the_first_status_comes_within_a_second_and_is_whole(team: Team) -> None:
    with talking(lambda _: None) as silent:
        team.account("support", "right")
        team.kube.apply(manifests.password("support", "right"))
        team.operator.wait_idle()
        team.kube.apply(team.manifest("support", incoming={"port": silent}))
        until(lambda: team.status("support").get("conditions"), seconds=5, what="a first status", pause=0.02)
        found = team.kube.get("mailbox", "support")
        team.kube.delete("mailbox", "support")
    status = found["status"]
    assert status["observedGeneration"] == 1
    assert [one["type"] for one in status["conditions"]] == [*ORDER, "Reconciling"]
    assert all(one["observedGeneration"] == 1 for one in status["conditions"])
    waiting = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    assert waiting["IncomingReachable"] == ("Unknown", "Pending")
    assert waiting["EndpointsResolved"] == ("True", "Succeeded")
    made, told = found["metadata"]["creationTimestamp"], status["conditions"][0]["lastTransitionTime"]
    assert datetime.fromisoformat(told) - datetime.fromisoformat(made) <= timedelta(seconds=2 * PATIENCE)


def test_a_mailbox_that_only_receives_is_proven(team: Team) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready", seconds=15)
    conditions = team.kube.conditions("support")
    assert list(conditions) == ORDER
    assert {one["status"] for one in conditions.values()} == {"True"}
    assert conditions["OutgoingReachable"]["reason"] == "NotApplicable"
    assert conditions["FetcherAvailable"]["reason"] == "NotApplicable"
    assert team.logins("support", least=1) == 1
    assert team.kube.find("deployment", "mbx-support") is None
    until(team.events, seconds=5, what="an event")
    assert [(kind, reason) for kind, reason, _ in team.events()] == [("Normal", "Verified")]


def test_a_test_message_goes_round_once_a_change(team: Team) -> None:
    out = {"protocol": "SMTP", "host": "localhost", "port": team.mail.postfix.submission, "security": "StartTLS"}
    team.mailbox("support", outgoing=out)
    team.kube.wait_condition("support", "TestMessageDelivered", seconds=20)
    team.kube.wait_condition("support", "Ready", seconds=5)
    assert team.mail.dovecot.count(team.address("support")) == 0, "the test message was removed"


def test_a_forbidden_address_is_named_with_the_setting_that_allows_it(team: Team) -> None:
    team.mailbox("support", incoming={"host": "169.254.169.254"})
    found = team.kube.wait_condition("support", "IncomingReachable", "False", reason="ForbiddenAddress", seconds=15)
    assert "link-local" in found["message"]
    assert "network.allowed" in found["message"]


def test_a_sink_makes_a_fetcher_once_the_incoming_side_is_proven(team: Team) -> None:
    team.mailbox("support", delivery=WEBHOOK)
    until(lambda: team.kube.find("deployment", "mbx-support"), seconds=15, what="a Deployment")
    found = team.kube.wait_condition("support", "FetcherAvailable", "Unknown", reason="FetcherStarting")
    assert found["message"]
    team.report("support")
    team.kube.wait_condition("support", "Ready", seconds=10)
    assert team.kube.conditions("support")["Delivering"]["reason"] == "Idle"
    assert team.status("support")["fetcher"]["deployment"] == "mbx-support"
    assert ("Normal", "FetcherCreated") in [(kind, reason) for kind, reason, _ in team.events()]


def test_no_fetcher_is_made_for_a_login_that_was_never_accepted(team: Team) -> None:
    team.mailbox("support", password="wrong", delivery=WEBHOOK)
    team.kube.wait_condition("support", "Stalled", reason="CredentialsInvalid", seconds=15)
    assert team.kube.find("deployment", "mbx-support") is None
