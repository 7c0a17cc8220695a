"""What verification is asked and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint


class Step(StrEnum):
    """The steps proven over the network, in order; each value is the type of a condition."""

    INCOMING_REACHABLE = "IncomingReachable"
    INCOMING_SECURED = "IncomingSecured"
    INCOMING_AUTHENTICATED = "IncomingAuthenticated"
    FOLDERS_ACCESSIBLE = "FoldersAccessible"
    OUTGOING_REACHABLE = "OutgoingReachable"
    OUTGOING_SECURED = "OutgoingSecured"
    OUTGOING_AUTHENTICATED = "OutgoingAuthenticated"
    TEST_MESSAGE_DELIVERED = "TestMessageDelivered"


class Verdict(StrEnum):
    """A step's status, spelled as a condition's."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """A step and what became of it."""

    step: Step
    verdict: Verdict
    reason: str
    message: str
    retry: Retry | None = None
    """Of a failed step: whether another try makes sense."""
    retry_after_seconds: float | None = None
    milliseconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """Something that does not stop the mailbox but should be told: a negative condition, present while true."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a mailbox: where to go and who signs in."""

    endpoint: Endpoint
    credential: Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Total seconds a step may take."""

    connect: float = 10.0
    authenticate: float = 5.0
    step: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A mailbox as verification sees it."""

    address: str
    incoming: Side
    outgoing: Side | None
    folders: tuple[str, ...] = ("INBOX",)
    timeouts: Timeouts = Timeouts()
    test_message: bool = True
    """Whether to send one now; the caller counts that to once a change."""
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run: a result for each step of `Step`, in that order, and cautions."""

    results: tuple[StepResult, ...]
    cautions: tuple[Caution, ...] = ()


Listener = Callable[[StepResult], None]
"""Told of each result as it comes, for a live display."""
