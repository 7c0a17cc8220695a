"""Messages on their way to a receiver that decides about each: sent, tried again, given up. The way itself is a Carrier."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Protocol

from mailbox_operator.fetcher.delivery_schedule import Delivery, DeliverySchedule
from mailbox_operator.fetcher.message import Body, Message, Parcel
from mailbox_operator.fetcher.sink import SinkContext, SinkHealth
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.fetcher.webhook.answer import Answer, Verdict

REFUSALS: Final = 3
"""So often a message may be refused before it is given up."""
Form = tuple[bytes, Spool | None, int]
"""What is sent of a message: octets, of which the first so many are a head and not its own, and a spool with the rest."""


class Carrier(Protocol):
    """Takes deliveries to the receiver; calls `Outbox.pump` whenever it has room again."""

    @property
    def room(self) -> bool:
        """Whether another can start."""

    @property
    def under_way(self) -> int:
        """How many have not ended."""

    def start(self, delivery: Delivery, *, now: float, done: Callable[[Answer | None], None]) -> None:
        """Send it; `done` is called later with what the receiver said. None: it never reached the receiver."""

    def close(self) -> None:
        """Break off what is under way; its `done` may still be called."""


class Outbox:
    """Holds messages until they are settled. All of it happens on the loop's thread, and nothing here waits."""

    def __init__(self, context: SinkContext, *, concurrency: int) -> None:
        self._listener = context.listener
        self._meter = context.meter
        self._loop = asyncio.get_running_loop()
        self._schedule = DeliverySchedule(concurrency=concurrency, chance=context.chance, now=self._loop.time())
        self._carrier: Carrier | None = None
        self._stopped = False
        self._alarm: asyncio.TimerHandle | None = None
        self._free = asyncio.Event()
        self._delivered: list[Delivery] = []
        """Accepted, and told of in the next turn of the loop."""

    def start(self, carrier: Carrier) -> None:
        """Begin to deliver."""
        self._carrier = carrier
        self.pump()

    def take(self, parcels: Sequence[Parcel], *, form: Callable[[Message, Body], Form]) -> None:
        """Take messages, each to be sent in the form that `form` gives it. One that is held already is not taken twice."""
        schedule, now = self._schedule, self._loop.time()
        for message, body in parcels:
            if message.key not in schedule.held:
                octets, spool, head = form(message, body)
                schedule.add(Delivery(message, octets, spool, head=head, now=now))
            elif isinstance(body, Spool):
                body.close()
        self.pump()
        self._tell_pressure()

    def held(self) -> Iterable[Message]:
        """Return the messages that are not settled."""
        return (delivery.message for delivery in self._schedule.held.values())

    def health(self, *, now: float) -> SinkHealth:
        """Say how delivery goes."""
        return self._schedule.health(now=now)

    def block(self, trouble: Answer | None) -> None:
        """Send nothing while there is trouble on our side; None: there is none."""
        self._schedule.blocked = trouble
        self.pump()

    def replace(self, delivery: Delivery, octets: bytes, spool: Spool | None, *, head: int) -> None:
        """Have a message sent in another form from now on."""
        self._schedule.replace(delivery, octets, spool, head=head)

    def pump(self) -> None:
        """Start as many deliveries as may start now."""
        self._free.set()
        carrier, schedule = self._carrier, self._schedule
        if carrier is None or self._stopped:
            return
        now = self._loop.time()
        while carrier.room:
            delivery = schedule.take(now=now, under_way=carrier.under_way)
            if delivery is None:
                if (wake_at := schedule.wake_at(now=now)) is not None:
                    self._set_alarm(wake_at)
                return
            delivery.started = now
            carrier.start(delivery, now=now, done=partial(self._ended, delivery))

    def stop(self) -> None:
        """Start no more deliveries; those under way may end."""
        self._stopped = True
        if self._alarm:
            self._alarm.cancel()

    async def drain(self) -> None:
        """Return when no delivery is under way any more; the deadline is the caller's."""
        while self._carrier and self._carrier.under_way:
            self._free.clear()
            await self._free.wait()
        self._tell_delivered()

    def close(self) -> None:
        """Break off what is under way and let go of what is held, undelivered: its disk space is given back."""
        self.stop()
        if self._carrier:
            self._carrier.close()
        self._tell_delivered()
        for delivery in list(self._schedule.held.values()):
            self._schedule.settle(delivery)

    def _set_alarm(self, wake_at: float) -> None:
        if self._alarm:
            if self._alarm.when() <= wake_at:
                return
            self._alarm.cancel()
        self._alarm = self._loop.call_at(wake_at, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self.pump()

    def _ended(self, delivery: Delivery, answer: Answer | None) -> None:
        """The receiver has spoken; the carrier calls `pump` after this."""
        if answer is None:
            self._schedule.put_back(delivery)
            return
        now = self._loop.time()
        if not answer.is_transport:
            self._meter.sink_seconds.observe(now - delivery.started)
        if answer.verdict is Verdict.DELIVERED:
            if not self._delivered:
                self._loop.call_soon(self._tell_delivered)
            self._delivered.append(delivery)
            return
        if answer.verdict is not Verdict.REFUSED:
            self._again(delivery, answer, now=now)
        elif self._listener.count_refusal(delivery.message) >= REFUSALS:
            self._give_up(delivery, answer.said)
        else:
            self._meter.retries += 1
            self._schedule.postpone(delivery, now=now)
        self._tell_pressure()

    def _tell_delivered(self) -> None:
        """Tell at once of all that were accepted in a turn of the loop; each is held until then."""
        delivered, self._delivered = self._delivered, []
        if not delivered:
            return
        now = self._loop.time()
        for delivery in delivered:
            self._schedule.accept(delivery, now=now)
        self._listener.delivered([delivery.message for delivery in delivered])
        self._tell_pressure()
        self.pump()

    def _again(self, delivery: Delivery, answer: Answer, *, now: float) -> None:
        if self._schedule.fail(delivery, answer, now=now):
            self._give_up(delivery, answer.said)
        else:
            self._meter.retries += 1

    def _give_up(self, delivery: Delivery, said: str) -> None:
        self._schedule.settle(delivery)
        self._listener.given_up(delivery.message, said)

    def _tell_pressure(self) -> None:
        if (full := self._schedule.judge_fullness()) is not None:
            self._listener.pressure(full=full)


class OutboxSink:
    """The half of a sink (`Sink`) that its outbox answers for."""

    def __init__(self, context: SinkContext, *, concurrency: int) -> None:
        self._outbox = Outbox(context, concurrency=concurrency)

    def held(self) -> Iterable[Message]:
        """Return the messages that are not settled."""
        return self._outbox.held()

    def health(self, *, now: float) -> SinkHealth:
        """Say how delivery goes."""
        return self._outbox.health(now=now)

    def hurry(self) -> None:
        """Each message goes by itself, as soon as there is room."""

    def stop(self) -> None:
        """Start no more deliveries; those under way may end."""
        self._outbox.stop()

    async def drain(self) -> None:
        """Return when no delivery is under way any more; the deadline is the caller's."""
        await self._outbox.drain()

    def close(self) -> None:
        """Break off what is under way, and let go of what is held."""
        self._outbox.close()
