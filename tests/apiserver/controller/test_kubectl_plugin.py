"""`kubectl mailbox verify`, as kubectl finds it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apiserver.controller.conftest import Team
from support.kube import until

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(60)]


def kubectl_mailbox(team: Team, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run kubectl with its plugins where the tests' own programs are."""
    programs = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "KUBECONFIG": str(team.kube.kubeconfig)}
    command = ["kubectl", "mailbox", "verify", *arguments, "-n", team.kube.namespace]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=150, check=False)


def test_the_operator_is_asked_and_its_answer_printed(team: Team) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready", seconds=15)
    logins = team.logins("support", least=1)
    done = kubectl_mailbox(team, "support")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "Proven"
    assert "✓ IncomingAuthenticated" in done.stdout
    assert team.logins("support", least=logins + 1) == logins + 1

    team.password("support", "wrong")
    team.kube.wait_condition("support", "Stalled", reason="CredentialsInvalid", seconds=15)
    refused = team.refused("support", least=1)
    done = kubectl_mailbox(team, "support", "-o", "json")
    assert done.returncode == 1, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["proven"] is False
    assert {one["reason"] for one in answer["conditions"]} >= {"CredentialsInvalid", "BlockedByEarlierStep"}
    assert team.refused("support", least=refused + 1) == refused + 1, "asking ends the wait after a refused login"
    until(lambda: team.status("support")["loginFailures"]["count"] == 2, seconds=10, what="both are counted")


def test_what_is_not_there_cannot_be_asked(team: Team) -> None:
    done = kubectl_mailbox(team, "nobody")
    assert done.returncode == 2
    assert "nobody" in done.stderr
    assert "not found" in done.stderr
