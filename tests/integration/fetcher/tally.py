"""What became of each message that was sent: the count that every fault is judged by."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from integration.fetcher.conftest import Receiver

Record = Callable[[str, object], None]
"""pytest's `record_property`: what was counted goes into the report (`--junit-xml`)."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Counted by Message-ID, and by the id of the delivery."""

    sent: int
    delivered: int
    """At least once."""
    lost: int
    repeats: int
    """Deliveries beyond the first of each message."""
    strange: int
    """Accepted messages that nobody sent, and repeats that are not the same message under the same id."""


def message_ids(count: int, *, first: int = 1) -> list[str]:
    """Return the Message-IDs of `messages`."""
    return [f"<{number}@fault>" for number in range(first, first + count)]


def messages(count: int, *, first: int = 1, octets: int = 0) -> list[bytes]:
    """Return so many messages, told apart by their Message-ID."""
    body = b"x" * 76 + b"\r\n"
    return [
        f"Message-ID: {name}\r\nX-Number: {name}\r\n\r\n".encode() + body * (octets // len(body)) + b"end\r\n"
        for name in message_ids(count, first=first)
    ]


def tally(receiver: Receiver, sent: Iterable[str]) -> Tally:
    """Count what the webhook has accepted."""
    wanted, accepted = set(sent), receiver.accepted
    names = {event.id: event.fields["ce-messageid"] for event in accepted}
    bodies = {event.id: event.body for event in accepted}
    came = Counter(event.fields["ce-messageid"] for event in accepted)
    return Tally(
        sent=len(wanted),
        delivered=len(wanted & came.keys()),
        lost=len(wanted - came.keys()),
        repeats=sum(came.values()) - len(came),
        strange=len(came.keys() - wanted)
        + (len(names) - len(set(names.values())))
        + sum(bodies[event.id] != event.body for event in accepted),
    )
