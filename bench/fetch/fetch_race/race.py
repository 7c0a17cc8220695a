"""A heat: each contestant once a round, in turning order, each message's arrival checked."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from fetch_race.contestants import CONTESTANTS, OURS
from fetch_race.course import Course
from fetch_race.heats import Heat
from fetch_race.measure import FailedError, Run, installed, machine_seconds, run
from fetch_race.servers import Servers
from support.kube import until
from testbed.mailserver import free_ports

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - folders in it are made by tempfile
DISK: Final = Path(tempfile.gettempdir())
MOST_FOREIGN: Final = 0.10
"""A run during which others took more of the machine is repeated."""
SETTLE: Final = 1.2
"""Seconds: mbsync waits out a Maildir that changed within the last second, and is not charged for that."""


@dataclass(frozen=True, kw_only=True)
class Sink:
    """The webhook, a process of its own."""

    port: int
    process: int


@contextmanager
def sink() -> Iterator[Sink]:
    """Run the webhook."""
    port = free_ports(1)[0]
    with helper("sink", str(port)) as process:
        yield Sink(port=port, process=process)


@contextmanager
def helper(module: str, port: str, *words: str) -> Iterator[int]:
    """Run a module of this package as a process of its own that listens on `port`; yields its id."""
    process = subprocess.Popen([sys.executable, "-m", f"fetch_race.{module}", port, *words])
    try:
        until(lambda: _listens(int(port)), seconds=10, what=f"{module} listens")
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def course(heat: Heat, servers: Servers, sink: Sink) -> Iterator[Course]:
    """Make ready what a heat runs on."""
    server = servers.get(heat.corpus, messages=heat.messages, compressing=heat.compressing)
    drop = servers.drop() if heat.by_lmtp else None
    made = Course(
        server=server,
        protocol=heat.protocol,
        on_disk=heat.on_disk,
        nothing_new=heat.nothing_new,
        webhook_port=sink.port,
        lmtp=drop,
        helpers=(sink.process, *((drop.process,) if drop else ())),
    )
    if not heat.round_trip:
        yield made
        return
    port = free_ports(1)[0]
    with helper("wan", str(port), str(made.port), str(heat.round_trip)) as process:
        yield made.through(port, helper=process)


def race(heat: Heat, course: Course, *, rounds: int, retries: int) -> dict[str, list[Run]]:
    """Return each contestant's runs, by round; none of a peer that did not finish one.

    Raises AssertionError where a message was lost or came twice, FailedError where ours does not finish.
    """
    names = list(heat.contestants)
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with folders(names, course) as outs:
        if course.nothing_new:
            for name in names:
                once(name, replace(course, nothing_new=False), outs[name])
        for number in range(rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                if name not in runs:
                    continue
                try:
                    one = best(name, course, outs[name], retries=retries)
                except FailedError as error:
                    if name in OURS:
                        raise
                    del runs[name]
                    print(f"  {name} is out: {error}", flush=True)
                    continue
                runs[name].append(one)
                print(f"  round {number + 1}  {name:12} {one.seconds:7.2f} s  foreign {one.foreign:.0%}", flush=True)
    return runs


@contextmanager
def folders(names: list[str], course: Course) -> Iterator[dict[str, Path]]:
    """Make a folder for each contestant."""
    with tempfile.TemporaryDirectory(dir=DISK if course.on_disk else MEMORY, prefix="fetch-race-") as folder:
        Path(folder).chmod(0o755)  # getmail runs as a user of its own
        outs = {name: Path(folder) / name for name in names}
        for out in outs.values():
            out.mkdir()
        yield outs


def best(name: str, course: Course, out: Path, *, retries: int) -> Run:
    """Run until the machine was quiet; else return the run with the least noise."""
    tries = []
    for _ in range(1 + retries):
        wait_quiet(seconds=5 if retries else 0.5)
        tries.append(patiently(name, course, out))
        if tries[-1].foreign <= MOST_FOREIGN:
            break
    return min(tries, key=lambda one: one.foreign)


def patiently(name: str, course: Course, out: Path) -> Run:
    """Let a contestant fetch; one that is known to fail now and then may try again."""
    for _ in range(CONTESTANTS[name].tries - 1):
        try:
            return once(name, course, out)
        except FailedError as error:
            print(f"  again: {error}", flush=True)
    return once(name, course, out)


def once(name: str, course: Course, out: Path) -> Run:
    """Let a contestant fetch, from nothing or, with `nothing_new`, again."""
    contestant = CONTESTANTS[name]
    if course.nothing_new:
        time.sleep(SETTLE)
    else:
        shutil.rmtree(out)
        out.mkdir()
    command = contestant.prepare(course, out)
    one = run(command, out=out, codes=contestant.codes, others=(course.server.process, *course.helpers))
    if course.nothing_new:
        return one
    try:
        arrived = sorted(contestant.arrived(course, out))
    except OSError as error:
        raise FailedError(f"{name}: {error}\n{(out / 'log').read_text()[-2000:]}") from error
    lost = course.server.messages - len(set(arrived))
    assert arrived == list(range(course.server.messages)), (
        f"{name}: {lost} lost, {len(arrived) - len(set(arrived))} twice"
    )
    return one


def wait_quiet(*, seconds: float, share: float = 0.05) -> None:
    """Wait until others leave the machine alone, but not for ever."""
    until_then = time.monotonic() + seconds
    while time.monotonic() < until_then:
        busy, started = machine_seconds(), time.monotonic()
        time.sleep(0.3)
        if (machine_seconds() - busy) / (time.monotonic() - started) < share:
            return


def warm_up(command: list[str]) -> None:
    """Have Python compile what it will import."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=installed())
