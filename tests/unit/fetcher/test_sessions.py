"""How often a source comes again: what fails after the sign-in is a failure like any other."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mailbox_operator.fetcher.checkpoint.checkpoint import Checkpoint
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Fetch, Source
from mailbox_operator.fetcher.sessions import Sessions
from mailbox_operator.fetcher.source import SourceContext
from mailbox_operator.fetcher.valve import Valve
from mailbox_operator.mail.endpoint import Protocol, Security
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.secret import Secret

GONE = MailError("Mailbox doesn't exist", area=Area.IMAP, status="NO", response_code="NONEXISTENT")


class Failing:
    """A session that comes as far as `work`, and fails."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work

    async def run(self, *, once: bool) -> None:
        del once
        self._work()
        raise GONE

    def abort(self, fault: MailError) -> None:
        """Nothing waits."""

    async def close(self) -> None:
        """Nothing is open."""


def nothing(_meter: Meter) -> None:
    """Come no further than to the sign-in."""


def deliver(meter: Meter) -> None:
    """Have a message done with."""
    meter.messages_delivered += 1


async def run(folder: Path, work: Callable[[Meter], None], *, sign_ins: int) -> Sessions:
    """Let a source in so many times; return it as it then is."""
    (folder / "password").write_text("right")
    meter, enough, left = Meter(), asyncio.Event(), iter(range(sign_ins))

    async def open_session(credential: Secret) -> Failing:
        assert credential.reveal() == "right"
        if next(left, None) is None:
            enough.set()
            await asyncio.Event().wait()
        return Failing(lambda: work(meter))

    source = Sessions(
        SourceContext(
            plan=Source(
                protocol=Protocol.IMAP,
                host="mail",
                port=143,
                security=Security.NONE,
                username="a",
                password_file=str(folder / "password"),
            ),
            policy=ANYTHING,
            spool_folder=folder,
            pipeline=Pipeline(checkpoint=Checkpoint(), fetch=Fetch(), meter=meter, valve=Valve(), clock=lambda: 0.0),
            chance=lambda: 0.0,
            silence=60.0,
        ),
        open_session=open_session,
    )
    running = asyncio.ensure_future(source.run())
    async with asyncio.timeout(15):
        await enough.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return source


async def test_what_fails_after_each_sign_in_is_waited_for_longer_each_time_and_said(tmp_path: Path) -> None:
    source = await run(tmp_path, nothing, sign_ins=4)
    assert source.failures == 4
    assert source.fault
    assert source.fault.said == "Mailbox doesn't exist"


async def test_a_session_that_was_done_with_a_message_has_worked(tmp_path: Path) -> None:
    source = await run(tmp_path, deliver, sign_ins=4)
    assert (source.failures, source.fault) == (1, None)
