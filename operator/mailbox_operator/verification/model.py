"""What verification is asked and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol


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
    is_unanswered: bool = False
    """Of a failed step: nobody said what became of it, though the server may have heard all that we said."""
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
class Retirement:
    """What a provider says it switches off."""

    protocol: Protocol | None
    """None: whatever the protocol."""
    mechanism: str
    """Whether only the sign-in by it ends, as the API has it; `Basic`: by any password; "": all of it ends."""
    date: str
    """YYYY-MM-DD."""
    note: str
    """What to do, in the provider's words, or ""."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Total seconds a step may take."""

    connect: float = 10.0
    authenticate: float = 5.0
    step: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopTest:
    """A test message that is asked for; the caller counts that to once a change."""

    token: str
    """What it is known by: the same for the same question, so that a run after one that was killed knows its message."""
    is_sent: bool
    """Whether it was sent before: then it is only looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A mailbox as verification sees it."""

    address: str
    incoming: Side
    outgoing: Side | None
    display_name: str = ""
    """What people call the sender."""
    folders: tuple[str, ...] = ("INBOX",)
    """Names, globs, special uses (`mail.folders`)."""
    exclude: tuple[str, ...] = ()
    """Of these, which not."""
    timeouts: Timeouts = Timeouts()
    identities: tuple[str, ...] = ()
    """Further addresses to send as."""
    test: LoopTest | None = None
    """None: no test message is asked for now."""
    provider: str = ""
    provider_runs: int | None = None
    """How many mailboxes may be proven at once at this provider, beside what holds for each host."""
    retirements: tuple[Retirement, ...] = ()
    """Those that the provider names; none: what is known without it holds."""

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """Those of both sides."""
        return tuple(side.credential for side in (self.incoming, self.outgoing) if side)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run: a result for each step of `Step`, in that order, and cautions."""

    results: tuple[StepResult, ...]
    cautions: tuple[Caution, ...] = ()


Listener = Callable[[StepResult], None]
"""Told of each result as it comes, for a live display."""
