"""A sink in memory: remembers what it is offered, and answers when, and as, a test says."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mailbox_operator.fetcher.ids import MessageId
from mailbox_operator.fetcher.message import Message, Parcel
from mailbox_operator.fetcher.sink import SinkHealth, SinkListener
from mailbox_operator.fetcher.spool import Spool


@dataclass
class MemorySink:
    """Holds each message until `settle`, which with `answers` happens by itself a moment later."""

    listener: SinkListener | None = None
    answers: bool = False
    refuses: Callable[[Message], bool] = lambda _message: False
    held_now: list[Message] = field(default_factory=list)
    delivered: list[Message] = field(default_factory=list)
    """In order, repeats included; bodies are kept in `bodies`."""
    bodies: dict[MessageId, bytes] = field(default_factory=dict)

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """There is nothing to connect to."""

    def offer(self, parcels: Sequence[Parcel]) -> None:
        for message, body in parcels:
            self.bodies[message.id] = body.read(0, limit=body.size) if isinstance(body, Spool) else bytes(body)
            if isinstance(body, Spool):
                body.close()
            self.held_now.append(message)
            if self.answers:
                asyncio.get_running_loop().call_soon(self.settle, message)

    def settle(self, message: Message) -> None:
        """Answer for one message."""
        assert self.listener
        if message not in self.held_now:
            return
        self.held_now.remove(message)
        if self.refuses(message):
            self.listener.given_up(message, "refused")
        else:
            self.delivered.append(message)
            self.listener.delivered([message])

    def held(self) -> Iterable[Message]:
        return tuple(self.held_now)

    def health(self, *, now: float) -> SinkHealth:
        del now
        return SinkHealth(held=len(self.held_now))

    def hurry(self) -> None:
        """Nothing waits here."""

    def look(self) -> None:
        """There is nothing to see."""

    def stop(self) -> None:
        """Nothing starts by itself."""

    async def drain(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        self.held_now.clear()
