"""Messages on their way to a receiver that answers when the test says so."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mailbox_operator.fetcher.delivery_schedule import Delivery
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.message import Body, Message, MessageKey
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.outbox import Form, Outbox
from mailbox_operator.fetcher.plan import Identity
from mailbox_operator.fetcher.sink import SinkContext
from mailbox_operator.fetcher.webhook.answer import DELIVERED, Answer
from mailbox_operator.mail.guard import AddressPolicy

IDENTITY = Identity(uid="1", namespace="a", name="b", address="a@example.com")


@dataclass
class Told:
    """A listener."""

    groups: list[list[MessageKey]] = field(default_factory=list)

    def delivered(self, messages: Sequence[Message]) -> None:
        self.groups.append([message.key for message in messages])

    def count_refusal(self, message: Message) -> int:
        raise AssertionError(message)

    def given_up(self, message: Message, said: str) -> None:
        raise AssertionError(message, said)

    def pressure(self, *, full: bool) -> None:
        """Nobody minds."""


@dataclass
class Receiver:
    """A carrier to a receiver with room for two."""

    asked: list[Callable[[Answer | None], None]] = field(default_factory=list)

    @property
    def room(self) -> bool:
        return self.under_way < 2

    @property
    def under_way(self) -> int:
        return len(self.asked)

    def start(self, delivery: Delivery, *, now: float, done: Callable[[Answer | None], None]) -> None:  # noqa: ARG002
        self.asked.append(done)

    def close(self) -> None:
        self.asked.clear()

    def accept_all(self) -> None:
        asked, self.asked = self.asked, []
        for done in asked:
            done(DELIVERED)


def key_of(uid: int) -> MessageKey:
    return "INBOX", UidValidity(1), Uid(uid)


def outbox_of(count: int, listener: Told, receiver: Receiver) -> Outbox:
    def form(_message: Message, body: Body) -> Form:
        assert isinstance(body, bytes)
        return body, None, 0

    policy = AddressPolicy()
    meter = Meter()
    context = SinkContext(mailbox=IDENTITY, policy=policy, listener=listener, meter=meter, chance=lambda: 0.5)
    outbox = Outbox(context, concurrency=2)
    outbox.start(receiver)
    outbox.take(
        [(Message(key_of(uid), b"", None, 1, header_only=False, message_id=b""), b"x") for uid in range(1, count + 1)],
        form=form,
    )
    return outbox


async def test_what_is_accepted_in_one_turn_is_told_together_and_held_until_then() -> None:
    listener, receiver = Told(), Receiver()
    outbox = outbox_of(3, listener, receiver)
    receiver.accept_all()
    assert (listener.groups, len(list(outbox.held()))) == ([], 3)
    await asyncio.sleep(0)
    assert listener.groups == [[key_of(1), key_of(2)]]
    assert [message.key for message in outbox.held()] == [key_of(3)]
    assert receiver.under_way == 1, "the next one starts by itself"
    outbox.close()


async def test_what_was_accepted_is_told_though_all_ends_in_the_same_turn() -> None:
    listener, receiver = Told(), Receiver()
    outbox = outbox_of(2, listener, receiver)
    receiver.accept_all()
    outbox.close()
    assert (listener.groups, list(outbox.held())) == ([[key_of(1), key_of(2)]], [])
    await asyncio.sleep(0)
    assert len(listener.groups) == 1
