"""A password, put as a canary, is found nowhere but in its Secret."""

import base64
import quopri
from urllib.parse import urlencode

import pytest

from e2e.canary import CANARY, SHOWN
from e2e.conftest import Cluster, Team

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


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
    for text in emitted:
        assert text
        assert not SHOWN.search(text)


def test_the_canary_is_known_in_every_form() -> None:
    for text in (
        f"password={CANARY}",
        base64.b64encode(f"\0a@b.test\0{CANARY}more".encode()).decode(),
        base64.b64encode(f"user=a@b.test\1auth=Bearer {CANARY}\1\1".encode()).decode(),
        base64.urlsafe_b64encode(CANARY.encode()).decode(),
        urlencode({"password": f"{CANARY}more"}),
        quopri.encodestring(f"PASS {CANARY}".encode()).decode(),
    ):
        assert SHOWN.search(text), text
    assert not SHOWN.search("Wrong user name or password: [AUTHENTICATIONFAILED] ***")
