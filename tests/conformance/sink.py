"""What every sink must do. A subclass gives `receiver`, which makes sinks and says what was received."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from mailbox_operator.fetcher.headers import read_headers
from mailbox_operator.fetcher.ids import MessageId, UidValidity
from mailbox_operator.fetcher.imap.data import seconds_of_date
from mailbox_operator.fetcher.message import Message, Parcel
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.plan import Identity
from mailbox_operator.fetcher.sink import Sink, SinkContext
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.guard import ANYTHING

FOLDER = "INBOX"
UIDVALIDITY = UidValidity(7)


class Receiver(Protocol):
    """The far side of a sink, real or small, on a real socket or disk."""

    def make(self, context: SinkContext) -> Sink:
        """Return a sink that delivers here."""

    def received(self) -> list[bytes]:
        """Return the messages that were accepted, as they came; order does not matter."""

    def take_away(self) -> None:
        """Let deliveries fail as if the receiver were away for a moment."""

    def bring_back(self) -> None:
        """Let them succeed again."""


@dataclass
class Listener:
    """Remembers what it is told."""

    delivered_keys: list[object] = field(default_factory=list)
    given_up_keys: list[object] = field(default_factory=list)
    refusals: dict[object, int] = field(default_factory=dict)
    full: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def delivered(self, messages: Sequence[Message]) -> None:
        self.delivered_keys += [message.key for message in messages]
        self.news.set()

    def count_refusal(self, message: Message) -> int:
        self.refusals[message.key] = self.refusals.get(message.key, 0) + 1
        return self.refusals[message.key]

    def given_up(self, message: Message, said: str) -> None:
        assert said
        self.given_up_keys.append(message.key)
        self.news.set()

    def pressure(self, *, full: bool) -> None:
        self.full = full
        self.news.set()

    async def wait(self, count: int) -> None:
        """Wait until so many messages are settled."""
        async with asyncio.timeout(40):
            while len(self.delivered_keys) + len(self.given_up_keys) < count:
                self.news.clear()
                await self.news.wait()


def octets_of(number: int, *, size: int = 20) -> bytes:
    return b"From: a@example.com\r\nMessage-ID: <%d@x>\r\n\r\n" % number + b"x" * size + b"\r\n"


def parcel(octets: bytes, *, uid: int, body: memoryview | Spool | None = None) -> Parcel:
    """Return a message with its octets; `body` holds them where it is given."""
    date = b"17-Jul-2026 02:44:25 -0700"
    message = Message(
        (FOLDER, UIDVALIDITY, uid),
        date,
        seconds_of_date(date),
        len(octets),
        header_only=False,
        message_id=read_headers(octets).message_id,
    )
    return message, body or octets


def held_by(sink: Sink) -> list[MessageId]:
    """Return the ids of what a sink holds."""
    return [message.id for message in sink.held()]


class SinkSuite:
    """Inherit, and define a fixture `receiver`."""

    @pytest.fixture
    async def listener(self) -> Listener:
        return Listener()

    def context(self, listener: Listener) -> SinkContext:
        return SinkContext(
            mailbox=Identity(uid="5d1c", namespace="mail", name="support", address="support@example.com"),
            policy=ANYTHING,
            listener=listener,
            meter=Meter(),
            chance=lambda: 0.0,
        )

    async def test_each_message_arrives_as_it_is_and_is_told_of_once(
        self, receiver: Receiver, listener: Listener
    ) -> None:
        sent = [octets_of(number, size=number * 37) for number in range(1, 60)]
        async with asyncio.TaskGroup() as tasks:
            sink = receiver.make(self.context(listener))
            sink.start(tasks)
            parcels = [parcel(octets, uid=uid) for uid, octets in enumerate(sent, 1)]
            sink.offer(parcels[:1])
            sink.hurry()
            sink.offer(parcels[1:])
            sink.hurry()
            assert not listener.delivered_keys, "never from within offer"
            await listener.wait(len(sent))
            assert held_by(sink) == []
            assert sink.health(now=asyncio.get_running_loop().time()).held == 0
            sink.stop()
            await sink.drain()
            sink.close()
        assert sorted(receiver.received()) == sorted(sent)
        assert sorted(map(str, listener.delivered_keys)) == sorted(
            str((FOLDER, UIDVALIDITY, uid)) for uid in range(1, len(sent) + 1)
        )

    async def test_a_view_is_copied_before_offer_returns(self, receiver: Receiver, listener: Listener) -> None:
        octets = octets_of(1)
        buffer = bytearray(octets)
        async with asyncio.TaskGroup() as tasks:
            sink = receiver.make(self.context(listener))
            sink.start(tasks)
            sink.offer([parcel(octets, uid=1, body=memoryview(buffer))])
            buffer[:] = b"?" * len(buffer)
            await listener.wait(1)
            sink.close()
        assert receiver.received() == [octets]

    async def test_a_spooled_message_arrives_and_gives_its_disk_back(
        self, receiver: Receiver, listener: Listener, tmp_path: Path
    ) -> None:
        octets = octets_of(1, size=3 << 20)
        spool = Spool(tmp_path)
        spool.write(memoryview(octets))
        async with asyncio.TaskGroup() as tasks:
            sink = receiver.make(self.context(listener))
            sink.start(tasks)
            sink.offer([parcel(octets, uid=1, body=spool)])
            await listener.wait(1)
            sink.close()
        assert receiver.received() == [octets]
        assert spool.is_closed

    async def test_what_is_held_is_not_taken_twice(self, receiver: Receiver, listener: Listener) -> None:
        octets = octets_of(1)
        async with asyncio.TaskGroup() as tasks:
            sink = receiver.make(self.context(listener))
            sink.start(tasks)
            sink.offer([parcel(octets, uid=1), parcel(octets, uid=1)])
            sink.offer([parcel(octets, uid=1)])
            assert [message.key for message in sink.held()] == [(FOLDER, UIDVALIDITY, 1)]
            sink.offer([parcel(octets_of(2), uid=2)])
            await listener.wait(2)
            sink.close()
        assert sorted(receiver.received()) == [octets, octets_of(2)]

    async def test_while_the_receiver_is_away_nothing_is_lost(self, receiver: Receiver, listener: Listener) -> None:
        receiver.take_away()
        async with asyncio.TaskGroup() as tasks:
            sink = receiver.make(self.context(listener))
            sink.start(tasks)
            for uid in range(1, 4):
                sink.offer([parcel(octets_of(uid), uid=uid)])
            await asyncio.sleep(0.05)
            assert held_by(sink) == [1, 2, 3], "in the order in which they came"
            receiver.bring_back()
            await listener.wait(3)
            sink.close()
        assert sorted(receiver.received()) == [octets_of(uid) for uid in range(1, 4)]
        assert listener.given_up_keys == []

    async def test_when_it_is_closed_nothing_more_is_told(self, receiver: Receiver, listener: Listener) -> None:
        receiver.take_away()
        async with asyncio.TaskGroup() as tasks:
            sink = receiver.make(self.context(listener))
            sink.start(tasks)
            sink.offer([parcel(octets_of(1), uid=1)])
            sink.stop()
            sink.close()
            await asyncio.sleep(0.05)
        assert (listener.delivered_keys, listener.given_up_keys) == ([], [])
