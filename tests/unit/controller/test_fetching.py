from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mailbox_operator.controller.fetching import (
    Fetching,
    fetcher_status,
    fetching_cautions,
    fetching_outcomes,
    read_progress,
)
from mailbox_operator.controller.outcome import Remedy, Status
from mailbox_operator.fetcher.progress import Progress, State

RUNNING: dict[str, Any] = {
    "metadata": {"name": "mbx-a", "generation": 2, "labels": {"mailbox-operator.io/mailbox": "a"}},
    "status": {"observedGeneration": 2, "availableReplicas": 1},
}
SEEN = Fetching(
    wanted=True,
    suspended=False,
    incoming_holds=True,
    login_refused=False,
    refusal="",
    deployment=RUNNING,
    progress=Progress(state=State.IDLE, messages_delivered=3),
)


def reasons(seen: Fetching) -> list[tuple[str, str]]:
    return [(one.status, one.reason) for one in fetching_outcomes(seen)]


@pytest.mark.parametrize(
    "progress",
    [
        "null",
        "[]",
        "{",
        '{"state": "Dancing"}',
        '{"messages_delivered": "7"}',
        '{"pending": -1}',
        '{"pending": true}',
        '{"quarantined": 1e300}',
        '{"reason": "no reason"}',
        '{"reason": 5}',
        '{"message": null}',
        '{"last_message_time": "yesterday"}',
        '{"last_message_time": 7}',
        '{"rescan_time": "2026-13-40T00:00:00Z"}',
        '{"reset_time": "yesterday"}',
        '{"reset_folder": 7}',
        '{"rescan_time": "2026-01-02T03:04:05"}',
    ],
)
def test_what_a_status_could_not_hold_is_not_read(progress: str) -> None:
    """A namespace's owner may edit the ConfigMap: that must not end in visits that fail for ever."""
    assert read_progress({"data": {"progress.json": progress}}) is None


def test_what_a_fetcher_writes_is_read() -> None:
    told = Progress(
        state=State.SINK_FAILING,
        reason="SinkFailing",
        message="The sink answered 500",
        last_message_time="2026-01-02T03:04:05Z",
        messages_delivered=3,
        rescan_time="2026-01-02T03:04:05Z",
    )
    assert read_progress({"data": {"progress.json": told.to_json()}}) == told


def test_a_running_fetcher_with_nothing_to_do_is_fine() -> None:
    assert reasons(SEEN) == [("True", "Succeeded"), ("True", "Idle")]


def test_without_a_sink_neither_applies() -> None:
    assert reasons(replace(SEEN, wanted=False)) == [("True", "NotApplicable")] * 2


def test_while_it_starts_it_is_not_known() -> None:
    for changed in (
        {"deployment": None},
        {"progress": None},
        {"deployment": RUNNING | {"status": {}}},
        {"progress": Progress()},
    ):
        available, delivering = fetching_outcomes(replace(SEEN, **changed))
        assert Status.UNKNOWN in {available.status, delivering.status}
        assert Remedy.TIME in {available.remedy, delivering.remedy}


def test_while_the_login_is_refused_it_rests() -> None:
    assert reasons(replace(SEEN, login_refused=True))[0] == ("Unknown", "FetcherStopped")


def test_a_fetcher_that_the_api_server_refuses_tells_why() -> None:
    available, _ = fetching_outcomes(replace(SEEN, deployment=None, refusal="policy owners denied request: no owner"))
    assert (available.status, available.reason, available.remedy) == (Status.FALSE, "FetcherRefused", Remedy.TIME)
    assert "policy owners denied request: no owner" in available.message


def test_a_deployment_that_makes_no_pod_tells_why() -> None:
    trouble = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    available, _ = fetching_outcomes(replace(SEEN, deployment=RUNNING | {"status": {"conditions": [trouble]}}))
    assert (available.status, available.reason) == (Status.FALSE, "FailedCreate")
    look = "kubectl describe pod -l mailbox-operator.io/mailbox=a tells why"
    assert available.message == f"The fetcher does not start: exceeded quota: {look}"


@pytest.mark.parametrize(("state", "remedy"), [(State.SINK_FAILING, Remedy.TIME), (State.SINK_GONE, Remedy.PERSON)])
def test_a_failing_sink_is_told_with_its_words(state: State, remedy: Remedy) -> None:
    progress = Progress(state=state, reason="SinkUnavailable", message="the sink answers 503")
    available, delivering = fetching_outcomes(replace(SEEN, progress=progress))
    assert available.status is Status.TRUE
    assert (delivering.status, delivering.reason, delivering.remedy) == (Status.FALSE, "SinkUnavailable", remedy)
    assert delivering.message == "the sink answers 503"


def test_progress_that_cannot_be_read_is_none() -> None:
    for text in ("", "{", "[]", '{"state": "NoSuchState"}'):
        assert read_progress({"data": {"progress.json": text}}) is None
    assert read_progress(None) is None
    assert read_progress({"data": {"progress.json": Progress(pending=4).to_json()}}) == Progress(pending=4)


def test_counters_reach_the_status() -> None:
    assert fetcher_status(None, None) is None
    found = fetcher_status(RUNNING, Progress(messages_delivered=3, last_message_time="2026-11-24T00:00:00Z"))
    assert found == {
        "deployment": "mbx-a",
        "messagesDelivered": 3,
        "pending": 0,
        "quarantined": 0,
        "lastMessageTime": "2026-11-24T00:00:00Z",
    }


def test_a_lost_checkpoint_is_told_for_a_day() -> None:
    lost = Progress(state=State.IDLE, rescan_time="2026-11-24T09:00:00Z")
    [caution] = fetching_cautions(lost, now=datetime(2026, 11, 24, 20, tzinfo=UTC))
    assert caution.type == "CheckpointLost"
    assert fetching_cautions(lost, now=datetime(2026, 11, 25, 10, tzinfo=UTC)) == []
    assert fetching_cautions(Progress(), now=datetime(2026, 11, 25, tzinfo=UTC)) == fetching_cautions(
        None, now=datetime(2026, 11, 25, tzinfo=UTC)
    )


def test_a_folder_that_was_read_again_is_told_for_a_day_with_its_reason() -> None:
    reset = Progress(reset_time="2026-11-24T09:00:00Z", reset_folder="Old\nmail", reset_reason="UIDNextWentBack")
    [caution] = fetching_cautions(reset, now=datetime(2026, 11, 24, 20, tzinfo=UTC))
    assert (caution.type, caution.reason) == ("FolderReset", "UIDNextWentBack")
    assert "The folder Old mail was read again" in caution.message
    assert fetching_cautions(reset, now=datetime(2026, 11, 25, 10, tzinfo=UTC)) == []
    strange = Progress(reset_time="2026-11-24T09:00:00Z", reset_folder="a", reset_reason="Nothing we know")
    assert fetching_cautions(strange, now=datetime(2026, 11, 24, 20, tzinfo=UTC)) == []
