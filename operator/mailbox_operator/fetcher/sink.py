"""Where messages go: the seam that each sink implements. `sinks.py` picks one."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from mailbox_operator.fetcher.message import Message, Parcel
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.plan import Identity
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.values import dataclass


class SinkListener(Protocol):
    """Told what became of each message that a sink took, once a message, never from within `offer`."""

    def delivered(self, messages: Sequence[Message]) -> None:
        """The receiver has them."""

    def count_refusal(self, message: Message) -> int:
        """The receiver does not want it; return how often it said so by now."""

    def given_up(self, message: Message, said: str) -> None:
        """It is not tried again."""

    def pressure(self, *, full: bool) -> None:
        """The sink holds as much as it may, or has room again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkHealth:
    """How delivery goes."""

    held: int
    """Messages taken and not settled."""
    gone: bool = False
    """The receiver wants no message any more."""
    failing: bool = False
    """Nothing was accepted for too long, or it needs a person's hand."""
    reason: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkContext:
    """What a sink is made of besides its part of the plan."""

    mailbox: Identity
    policy: AddressPolicy
    listener: SinkListener
    meter: Meter
    chance: Callable[[], float]
    """From [0, 1), for back-off."""


class Sink(Protocol):
    """Takes messages and reports each to its listener; all of it on the loop's thread.

    Life: made, `start`, any number of `offer` and `hurry`, `stop`, `drain`, `close`. A message that is held when it closes was
    not delivered, and the listener hears no more of it.
    """

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to deliver; what runs in the background runs in `tasks`."""

    def offer(self, parcels: Sequence[Parcel]) -> None:
        """Take messages, in their order. One that is held already is not taken twice; a view's octets are copied."""

    def hurry(self) -> None:
        """Wait for no company: nothing more comes until what is held is settled."""

    def held(self) -> Iterable[Message]:
        """Return the messages that are not settled, in the order in which they were taken."""

    def health(self, *, now: float) -> SinkHealth:
        """Say how it goes; `now` is on the loop's clock."""

    def look(self) -> None:
        """See whether files that the plan names have changed; called each second."""

    def stop(self) -> None:
        """Start no more deliveries; those under way may end."""

    async def drain(self) -> None:
        """Return when none is under way any more; the deadline is the caller's."""

    def close(self) -> None:
        """Break off what is under way and let go of what is held: connections, disk space."""
