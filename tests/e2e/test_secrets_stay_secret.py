"""A password, put as a canary, is found nowhere but in its Secret."""

import base64

import pytest

from e2e.conftest import Cluster, Team

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

CANARY = "canary-7Zq2vXw9"


def test_a_password_shows_up_nowhere(cluster: Cluster, team: Team) -> None:
    team.account("support", password=CANARY)
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready")
    team.send("support", [b"Subject: one\r\n\r\none\r\n"])
    team.receiver.wait_events(1)
    pod = team.fetcher_pod("support")
    wrong = f"{CANARY}-wrong"
    emitted = [
        team.kube.run("exec", pod, "--", "cat", "/proc/1/cmdline", "/proc/1/environ"),
        team.kube.run("logs", pod),
        team.raw_metrics(pod),
    ]
    team.password("support", wrong)
    team.kube.wait_condition("support", "IncomingAuthenticated", "False", reason="CredentialsInvalid")
    emitted += [
        team.kube.run("get", "mailboxes,configmaps,deployments,pods,events,roles", "-o", "yaml"),
        team.kube.run("describe", "mailbox", "support"),
        cluster.operator_logs(),
        cluster.operator_metrics(),
    ]
    auth_plain = base64.b64encode(f"\0{team.address('support')}\0{CANARY}".encode()).decode()
    for text in emitted:
        assert text
        for canary in (CANARY, base64.b64encode(CANARY.encode()).decode(), auth_plain):
            assert canary not in text
