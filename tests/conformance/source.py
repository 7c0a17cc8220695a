"""What every source must do. A subclass gives `server`, small or real, on a real socket."""

import asyncio
from pathlib import Path
from typing import Protocol

import pytest

from mailbox_operator.diagnosis.finding import Finding
from mailbox_operator.fetcher.checkpoint.checkpoint import Checkpoint
from mailbox_operator.fetcher.message import Message
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.plan import Source as SourcePlan
from mailbox_operator.fetcher.source import Source, SourceContext
from mailbox_operator.fetcher.sources import check_source, make_source
from mailbox_operator.fetcher.valve import Reason, Valve
from mailbox_operator.mail.guard import ANYTHING
from unit.fetcher.memory_sink import MemorySink

EVERYTHING = Fetch(since_seconds=None)


class Server(Protocol):
    """A mail server with one account, whose password is `right`; `stop` ends it and its sessions."""

    @property
    def refusals(self) -> int:
        """How often a credential was refused."""

    async def start(self, password_file: Path) -> SourcePlan:
        """Listen, and return how it is reached; what the password file holds is the test's affair."""

    def put(self, octets: bytes) -> None:
        """Let a message arrive in the INBOX."""

    async def stop(self) -> None:
        """End it."""


def octets_of(number: int) -> bytes:
    return b"From: a@example.com\r\nMessage-ID: <%d@x>\r\n\r\nbody %d\r\n" % (number, number)


class Rig:
    """A source between a server and a sink in memory, around one checkpoint."""

    def __init__(self, plan: SourcePlan, *, checkpoint: str | None = None, fetch: Fetch = EVERYTHING) -> None:
        self.plan = plan
        self.valve = Valve()
        self.checkpoint = Checkpoint.from_json(checkpoint) if checkpoint else Checkpoint()
        self.pipeline = Pipeline(
            checkpoint=self.checkpoint, fetch=fetch, meter=Meter(), valve=self.valve, clock=lambda: 1_800_000_000.0
        )
        self.sink = MemorySink(self.pipeline, answers=True)
        self.pipeline.sink = self.sink
        check_source(plan)
        self.source: Source = make_source(
            SourceContext(
                plan=plan,
                policy=ANYTHING,
                spool_folder=Path(),
                pipeline=self.pipeline,
                chance=lambda: 0.0,
                silence=60.0,
            )
        )

    @property
    def bodies(self) -> list[bytes]:
        """What was delivered, in order of arrival, repeats included."""
        return [self.sink.bodies[message.id] for message in self.sink.delivered]

    async def once(self) -> Finding | None:
        async with asyncio.timeout(40):
            return await self.source.run_once()

    async def until_delivered(self, count: int) -> None:
        async with asyncio.timeout(40):
            while len(self.sink.delivered) < count:
                self.source.look()
                await asyncio.sleep(0.02)


class SourceSuite:
    """Inherit, and define a fixture `server` that is not started yet."""

    @pytest.fixture
    def password_file(self, tmp_path: Path) -> Path:
        path = tmp_path / "password"
        path.write_text("right\n")
        return path

    async def test_every_message_comes_once_and_as_it_is(self, server: Server, password_file: Path) -> None:
        sent = [octets_of(number) for number in range(1, 130)]
        for octets in sent:
            server.put(octets)
        rig = Rig(await server.start(password_file))
        assert await rig.once() is None
        assert sorted(rig.bodies) == sorted(sent)
        assert rig.source.signed_in
        assert all(ledger.pending == 0 for ledger in rig.checkpoint.folders.values())
        await server.stop()

    async def test_a_process_that_begins_at_the_checkpoint_fetches_what_is_new(
        self, server: Server, password_file: Path
    ) -> None:
        server.put(octets_of(1))
        plan = await server.start(password_file)
        first = Rig(plan)
        await first.once()
        server.put(octets_of(2))
        second = Rig(plan, checkpoint=first.checkpoint.to_json())
        await second.once()
        assert second.bodies == [octets_of(2)]
        await server.stop()

    async def test_a_process_that_lost_a_while_repeats_messages_under_the_same_key(
        self, server: Server, password_file: Path
    ) -> None:
        for number in range(1, 20):
            server.put(octets_of(number))
        plan = await server.start(password_file)
        first, second = Rig(plan), Rig(plan)
        await first.once()
        await second.once()
        assert {message.key: first.sink.bodies[message.id] for message in first.sink.delivered} == {
            message.key: second.sink.bodies[message.id] for message in second.sink.delivered
        }
        await server.stop()

    async def test_a_message_that_is_given_up_does_not_come_again(self, server: Server, password_file: Path) -> None:
        for number in range(1, 6):
            server.put(octets_of(number))
        plan = await server.start(password_file)
        first = Rig(plan)
        first.sink.refuses = lambda message: message.message_id == b"<3@x>"
        await first.once()
        assert sorted(first.bodies) == [octets_of(number) for number in (1, 2, 4, 5)]
        assert first.checkpoint.quarantine.count == 1
        second = Rig(plan, checkpoint=first.checkpoint.to_json())
        await second.once()
        assert second.bodies == []
        await server.stop()

    async def test_of_copies_that_come_together_one_is_handed_over(self, server: Server, password_file: Path) -> None:
        for _ in range(4):
            server.put(octets_of(1))
        rig = Rig(await server.start(password_file))
        refused: list[Message] = []

        def refuses(message: Message) -> bool:
            refused.append(message)
            return len(refused) == 1

        rig.sink.refuses = refuses
        assert await rig.once() is None
        assert (rig.bodies, rig.checkpoint.quarantine.count) == ([octets_of(1)], 1)
        assert len(refused) == 2, "the first, and after its refusal the second"
        assert all(ledger.pending == 0 for ledger in rig.checkpoint.folders.values())
        second = Rig(rig.plan, checkpoint=rig.checkpoint.to_json())
        await second.once()
        assert second.bodies == []
        await server.stop()

    async def test_only_new_mail_where_that_is_asked(self, server: Server, password_file: Path) -> None:
        server.put(octets_of(1))
        plan, fetch = await server.start(password_file), Fetch(since_seconds=0.0)
        first = Rig(plan, fetch=fetch)
        await first.once()
        assert first.bodies == []
        server.put(octets_of(2))
        second = Rig(plan, checkpoint=first.checkpoint.to_json(), fetch=fetch)
        await second.once()
        assert second.bodies == [octets_of(2)]
        await server.stop()

    async def test_a_refused_credential_is_shown_once_and_again_when_it_changes(
        self, server: Server, password_file: Path
    ) -> None:
        password_file.write_text("wrong")
        server.put(octets_of(1))
        rig = Rig(await server.start(password_file))
        running = asyncio.ensure_future(rig.source.run())
        async with asyncio.timeout(40):
            while rig.source.refused is None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        rig.source.look()
        await asyncio.sleep(0.2)
        assert server.refusals == 1
        password_file.write_text("right")
        await rig.until_delivered(1)
        assert rig.source.refused is None
        running.cancel()
        await asyncio.wait((running,))
        await server.stop()

    async def test_a_server_that_is_away_is_a_fault_and_no_end(self, server: Server, password_file: Path) -> None:
        plan = await server.start(password_file)
        await server.stop()
        rig = Rig(plan)
        assert await rig.once() is not None
        assert rig.source.refused is None
        assert not rig.source.signed_in

    async def test_a_closed_valve_holds_everything_back_until_it_opens(
        self, server: Server, password_file: Path
    ) -> None:
        server.put(octets_of(1))
        rig = Rig(await server.start(password_file))
        rig.valve.set(Reason.SINK_FULL, closed=True)
        running = asyncio.ensure_future(rig.source.run())
        await asyncio.sleep(0.2)
        assert rig.bodies == []
        rig.valve.set(Reason.SINK_FULL, closed=False)
        await rig.until_delivered(1)
        running.cancel()
        await asyncio.wait((running,))
        await server.stop()

    async def test_mail_that_comes_while_it_runs_is_delivered(self, server: Server, password_file: Path) -> None:
        plan = await server.start(password_file)
        rig = Rig(plan, fetch=Fetch(since_seconds=None, push=False, interval_seconds=0.2))
        running = asyncio.ensure_future(rig.source.run())
        async with asyncio.timeout(40):
            while not rig.source.signed_in:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        server.put(octets_of(1))
        await rig.until_delivered(1)
        server.put(octets_of(2))
        await rig.until_delivered(2)
        running.cancel()
        await asyncio.wait((running,))
        await server.stop()
