"""A message that its sink refuses: set aside, told, and handed over again by an annotation."""

import pytest

from e2e.conftest import Team
from support.kube import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def quarantined(team: Team) -> int:
    return int((team.kube.get("mailbox", "support")["status"].get("fetcher") or {}).get("quarantined") or 0)


def test_a_refused_message_is_told_and_handed_over_again_by_an_annotation(team: Team) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready")
    pod = team.fetcher_pod("support")
    team.receiver.answer(422)
    team.send("support", [b"Message-ID: <poison@x>\r\n\r\nhello\r\n"])
    until(lambda: quarantined(team) == 1, seconds=60, what="it is counted in status")

    def told() -> str | None:
        events = team.kube.items("events.events.k8s.io")
        return next((one["note"] for one in events if one["reason"] == "MessageQuarantined"), None)

    note = until(told, seconds=10, what="an event tells of it")
    assert "422" in note
    assert team.receiver.count() == 0

    team.receiver.answer(204)
    team.kube.run("annotate", "mailbox", "support", "mailbox-operator.io/quarantine=retry all 2026-11-25")
    [event] = team.receiver.wait_events(1, seconds=90)  # the kubelet takes its time with a ConfigMap
    assert event["ce-messageid"] == "<poison@x>"
    until(lambda: quarantined(team) == 0, seconds=30, what="status tells that none waits any more")
    assert team.fetcher_pod("support") == pod, "without a restart"
    team.send("support", [b"Message-ID: <next@x>\r\n\r\nhello\r\n"])
    assert [one["ce-messageid"] for one in team.receiver.wait_events(2)] == ["<poison@x>", "<next@x>"], "obeyed once"
