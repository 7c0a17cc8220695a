"""One contestant's turn: load, restart, refresh."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from operator_race.access import Access
from operator_race.contestants import Contestant
from operator_race.driver import Driver, driving, each
from operator_race.process import Process, running
from operator_race.results import Load, Refresh, Restart, Trial, quantile

NEW: Final = 20
"""Objects created in the midst of a refresh: the p99 of them is their maximum."""
NEW_PAUSE: Final = 0.05
LIMIT: Final = 300.0
"""Seconds that a phase may take; what is not handled by then is reported so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is the same for all."""

    access: Access
    objects: int
    logs: Path


async def run_trial(contestant: Contestant, *, command: list[str], number: int, setting: Setting) -> Trial:
    """Run a contestant through the three phases. Raises EndedError and RefusedError, alone or in a group."""
    log = setting.logs / f"{contestant.name}.log"
    kubeconfig = setting.access.kubeconfig
    async with driving(setting.access, contestant.profile) as driver:
        with running(command, kubeconfig=kubeconfig, log=log) as process:
            await process.rest(at_least=4, at_most=60)
            load = await _load(driver, process, objects=setting.objects)
        before = await driver.served()
        with running(command, kubeconfig=kubeconfig, log=log) as process:
            busy = await process.rest(at_least=5, at_most=LIMIT)
            requests = (await driver.served()) - before
            restart = Restart(requests=requests, cpu_seconds=process.cpu_seconds(), busy_seconds=busy)
            refresh = await _refresh(driver, process, names=[f"b{i}" for i in range(setting.objects)])
    return Trial(contestant=contestant.name, round=number, load=load, restart=restart, refresh=refresh)


async def _load(driver: Driver, process: Process, *, objects: int) -> Load:
    rss, cpu, before = process.rss_octets(), process.cpu_seconds(), await driver.served()
    started = time.monotonic()
    await each((f"b{i}" for i in range(objects)), driver.create)
    await _wait(lambda: len(driver.handled) >= objects, process)
    ended = max(driver.handled.values(), default=time.monotonic())
    await process.rest(at_least=3, at_most=60)
    latencies = [driver.handled[name] - driver.born[name] for name in driver.handled]
    return Load(
        objects=objects,
        handled=len(driver.handled),
        seconds=ended - started,
        median_seconds=quantile(latencies, 0.5),
        p99_seconds=quantile(latencies, 0.99),
        requests=(await driver.served()) - before,
        cpu_seconds=process.cpu_seconds() - cpu,
        rss_before=rss,
        rss_after=process.rss_octets(),
    )


async def _refresh(driver: Driver, process: Process, *, names: list[str]) -> Refresh:
    driver.expected_to_differ = {name: driver.tokens.get(name) for name in names}
    token, new = f"t{time.time_ns()}", [f"n{i}" for i in range(NEW)]
    patched, half = 0, asyncio.Event()

    async def patch(name: str) -> None:
        nonlocal patched
        await driver.refresh(name, token)
        patched += 1
        if patched * 2 >= len(names):
            half.set()

    async def create_new() -> None:
        await half.wait()
        for name in new:
            await driver.create(name)
            await asyncio.sleep(NEW_PAUSE)

    cpu, started = process.cpu_seconds(), time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(each(names, patch))
        tasks.create_task(create_new())
    await _wait(lambda: len(driver.handled_again) >= len(names) and driver.handled.keys() >= set(new), process)
    ended = max(driver.handled_again.values(), default=time.monotonic())
    await process.rest(at_least=3, at_most=60)
    latencies = [driver.handled[name] - driver.born[name] for name in new if name in driver.handled]
    return Refresh(
        handled=len(driver.handled_again),
        new=NEW,
        new_handled=len(latencies),
        seconds=ended - started,
        new_median_seconds=quantile(latencies, 0.5),
        new_p99_seconds=quantile(latencies, 0.99),
        cpu_seconds=process.cpu_seconds() - cpu,
    )


async def _wait(done: Callable[[], bool], process: Process) -> None:
    """Wait until it is done, or LIMIT is over. Raises EndedError when the operator ends meanwhile."""
    deadline = time.monotonic() + LIMIT
    while not done() and time.monotonic() < deadline:
        process.cpu_seconds()
        await asyncio.sleep(0.05)
