"""What a fetcher is at, from what is known of its parts. Pure."""

from mailbox_operator.diagnosis.finding import Finding
from mailbox_operator.fetcher.progress import State
from mailbox_operator.fetcher.sink import SinkHealth
from mailbox_operator.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known."""

    signed_in: bool
    """At least once."""
    refused: Finding | None
    """The login was refused and the credential has not changed since."""
    source_fault: Finding | None
    """The source failed more than once in a row."""
    store_fault: str
    """The checkpoint cannot be written, for so long that delivery waits; or ""."""
    sink: SinkHealth
    pending: int


def judge_state(situation: Situation) -> tuple[State, str, str]:
    """Return the state, its reason and its message; the fault that stops most comes first."""
    sink = situation.sink
    if situation.refused:
        return State.LOGIN_REFUSED, situation.refused.reason, situation.refused.message
    if sink.gone:
        return State.SINK_GONE, sink.reason, _sentence(sink.said, "Delivery has stopped")
    if sink.failing:
        return State.SINK_FAILING, sink.reason, _sentence(sink.said, "Messages wait")
    if situation.store_fault:
        return State.SINK_FAILING, "CheckpointUnavailable", _sentence(situation.store_fault, "Delivery waits for it")
    if situation.source_fault:
        return State.SOURCE_FAILING, situation.source_fault.reason, situation.source_fault.message
    return _calm(situation), "", ""


def _calm(situation: Situation) -> State:
    if situation.pending or situation.sink.held:
        return State.DELIVERING
    return State.IDLE if situation.signed_in else State.STARTING


def _sentence(said: str, consequence: str) -> str:
    return f"{said}. {consequence}."[:1024]
