"""What the operator is told."""

from dataclasses import replace

import pytest

from mailbox_operator.diagnosis.finding import Finding, Retry
from mailbox_operator.fetcher.progress import State
from mailbox_operator.fetcher.sink import SinkHealth
from mailbox_operator.fetcher.state import Situation, judge_state

CALM = Situation(signed_in=True, refused=None, source_fault=None, store_fault="", sink=SinkHealth(held=0), pending=0)
FINDING = Finding(reason="CredentialsInvalid", retry=Retry.NO, meaning="The password is wrong", action="Correct it")
GONE = SinkHealth(held=2, gone=True, reason="SinkGone", said="The sink answered 410")
FAILING = SinkHealth(held=2, failing=True, reason="SinkFailing", said="The sink answered 500")


@pytest.mark.parametrize(
    ("situation", "state", "reason"),
    [
        (CALM, State.IDLE, ""),
        (replace(CALM, signed_in=False), State.STARTING, ""),
        (replace(CALM, pending=1), State.DELIVERING, ""),
        (replace(CALM, sink=SinkHealth(held=1)), State.DELIVERING, ""),
        (replace(CALM, refused=FINDING, sink=GONE), State.LOGIN_REFUSED, "CredentialsInvalid"),
        (replace(CALM, source_fault=FINDING), State.SOURCE_FAILING, "CredentialsInvalid"),
        (replace(CALM, sink=GONE), State.SINK_GONE, "SinkGone"),
        (replace(CALM, sink=FAILING, source_fault=FINDING), State.SINK_FAILING, "SinkFailing"),
        (replace(CALM, store_fault="API server: no"), State.SINK_FAILING, "CheckpointUnavailable"),
    ],
)
def test_the_fault_that_stops_most_comes_first(situation: Situation, state: State, reason: str) -> None:
    found, found_reason, message = judge_state(situation)
    assert (found, found_reason) == (state, reason)
    assert bool(message) is bool(reason)
    assert "\n" not in message
