"""kstatus, as Flux's own library computes it from what `kubectl get --watch` shows."""

import json
import subprocess
from pathlib import Path

import pytest

from e2e.conftest import Team
from support.kube import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_a_mailbox_goes_from_in_progress_to_current_to_failed(team: Team, kstatus: Path, tmp_path: Path) -> None:
    file = tmp_path / "states"
    watching = team.kube.command("get", "mailboxes", "--watch", "--output-watch-events=false", "-o", "json")

    def caught_up() -> bool:
        version, states = team.kube.get("mailbox", "support")["metadata"]["resourceVersion"], file.read_text()
        return f'"resourceVersion": "{version}"' in states and states.endswith("}\n")

    with file.open("wb") as output, subprocess.Popen(watching, stdout=output) as watch:
        team.mailbox("support")
        team.kube.wait_condition("support", "Ready")
        team.password("support", "not-the-password")
        team.kube.wait_condition("support", "Stalled", "True")
        until(lambda: "Reconciling" not in team.kube.conditions("support"), seconds=10, what="nothing goes on any more")
        until(caught_up, seconds=10, what="the watch has shown the last state")
        watch.terminate()
    states = file.read_text()
    answers = subprocess.run([kstatus], input=states, capture_output=True, text=True, check=True, timeout=120).stdout
    judged = [json.loads(line) for line in answers.splitlines()]
    passed = [one["status"] for n, one in enumerate(judged) if n == 0 or one["status"] != judged[n - 1]["status"]]
    assert passed[:2] == ["InProgress", "Current"]
    assert passed[-1] == "Failed"
    assert set(passed) == {"InProgress", "Current", "Failed"}
    findings = [finding for one in judged for finding in one.get("findings") or []]
    assert findings == []
