"""One wave: every mailbox is due at the same moment, and new ones come in the midst of it."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from operator_race.requests import Request
from operator_race.results import quantile

from apiserver.controller.operator_process import Operator
from reverify_race.mailboxes import Mailboxes
from reverify_race.server import Server

START_SECONDS: Final = 20.0
"""In which an operator has started and come to rest."""
NEW_PAUSE: Final = 0.3
LOOK_PAUSE: Final = 0.02
LIMIT: Final = 300.0
OLD: Final = re.compile(rb" imap(?:\(b\d+@\S+)?: Info: Disconnected: Logged out")
"""A session of one that is not new, at its end. Of one in some ten thousand Dovecot's log process has forgotten whose it is."""
STATUS: Final = ("mailboxes", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """What a wave came to."""

    mailboxes: int
    seconds: float
    """From the moment at which all were due to the last one proven."""
    cpu_seconds: float
    """Of the operator."""
    status_writes: int
    """Without those of the new mailboxes."""
    api_requests: int
    """Without those for the new mailboxes, as far as they can be told."""
    told_p50: float
    """Seconds from a new mailbox's creation to its first conditions."""
    told_p99: float
    proven_p50: float
    """Seconds from a new mailbox's creation until it is Ready."""
    proven_p99: float


def start_operator(kubeconfig: Path, log: Path, *, parallel: int) -> Operator:
    """Start the operator; so many mailboxes are proven at once, at one host too."""
    options = (f"--verifications-per-host={parallel}", f"--verifications={max(parallel, 32)}", "--log-level=warning")
    found = Operator(kubeconfig=kubeconfig, log=log, options=options)
    found.start()
    return found


async def run_wave(
    mailboxes: Mailboxes, server: Server, names: list[str], new: list[str], *, start: Callable[[], Operator]
) -> Wave:
    """Stop at nothing but the end of the wave, or LIMIT."""
    for name in new:
        server.account(name)
    patching = len(names) / 66  # and listing them after the start
    due = (datetime.now(UTC) + timedelta(seconds=patching + START_SECONDS)).replace(microsecond=0)
    await mailboxes.set_due(names, due)
    operator = await asyncio.to_thread(start)
    try:
        await asyncio.to_thread(operator.wait_idle)
        left = (due - datetime.now(UTC)).total_seconds()
        if left < 0.5:
            raise SystemExit(f"the operator came to rest {0.5 - left:.1f} s late: the machine is too busy")
        before, cpu = await mailboxes.served(), operator.cpu_seconds()
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
        began, offset = time.monotonic(), server.log.stat().st_size
        async with asyncio.TaskGroup() as tasks:
            creating = tasks.create_task(_create(mailboxes, new))
            ended = await _end(server, count=len(names), offset=offset)
            used = operator.cpu_seconds() - cpu
            await creating
        await asyncio.to_thread(operator.wait_idle)
        served = (await mailboxes.served()) - before
        proven_well = operator.metric("mailbox_operator_verifications_total", reason="Succeeded")
        if proven_well < len(names) + len(new):
            raise SystemExit(f"only {proven_well:g} mailboxes were found well: {operator.text()[-2000:]}")
    finally:
        await asyncio.to_thread(operator.stop)
    told = [mailboxes.told.get(name, ended + LIMIT) - mailboxes.born[name] for name in new]
    proven = [mailboxes.proven.get(name, ended + LIMIT) - mailboxes.born[name] for name in new]
    writes = served[Request("APPLY", *STATUS)] + served[Request("PATCH", *STATUS)] + served[Request("PUT", *STATUS)]
    return Wave(
        mailboxes=len(names),
        seconds=ended - began,
        cpu_seconds=used,
        status_writes=writes - 2 * len(new),
        api_requests=sum(served.values()),
        told_p50=quantile(told, 0.5),
        told_p99=quantile(told, 0.99),
        proven_p50=quantile(proven, 0.5),
        proven_p99=quantile(proven, 0.99),
    )


async def _create(mailboxes: Mailboxes, new: list[str]) -> None:
    for name in new:
        await mailboxes.create(name)
        await asyncio.sleep(NEW_PAUSE)


async def _end(server: Server, *, count: int, offset: int) -> float:
    """Wait until the server has seen so many old ones' sessions end and return when that was; its log is cheaper than /metrics."""
    seen, rest = 0, b""
    with server.log.open("rb") as log:
        log.seek(offset)
        async with asyncio.timeout(LIMIT):
            while seen < count:
                await asyncio.sleep(LOOK_PAUSE)
                whole, _, rest = (rest + log.read()).rpartition(b"\n")
                seen += len(OLD.findall(whole))
    return time.monotonic()
