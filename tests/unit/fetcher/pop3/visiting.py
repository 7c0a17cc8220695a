"""Visits to a maildrop on a small server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from conformance.source import EVERYTHING, Rig
from mailbox_operator.diagnosis.finding import Finding
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.plan import Source as SourcePlan
from mailbox_operator.mail.endpoint import Protocol, Security
from unit.fetcher.peer import playing
from unit.fetcher.pop3_server import Pop3Server


@asynccontextmanager
async def serving(server: Pop3Server, folder: Path) -> AsyncIterator[SourcePlan]:
    (folder / "password").write_text("right")
    async with playing(server.script) as peer:
        yield SourcePlan(
            protocol=Protocol.POP3,
            host="127.0.0.1",
            port=peer.port,
            security=Security.NONE,
            username="a",
            password_file=str(folder / "password"),
        )


async def fetch(server: Pop3Server, folder: Path, what: Fetch = EVERYTHING, *, checkpoint: str | None = None) -> Rig:
    """Fetch once, all of it."""
    rig, finding = await try_to_fetch(server, folder, what, checkpoint=checkpoint)
    assert finding is None, finding
    return rig


async def try_to_fetch(
    server: Pop3Server, folder: Path, what: Fetch = EVERYTHING, *, checkpoint: str | None = None
) -> tuple[Rig, Finding | None]:
    async with serving(server, folder) as plan:
        rig = Rig(plan, fetch=what, checkpoint=checkpoint)
        return rig, await rig.once()
