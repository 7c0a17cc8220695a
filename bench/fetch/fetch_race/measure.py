"""One timed run of a command: what it cost, and how much of the machine others took meanwhile."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
CORES: Final = os.cpu_count() or 1


class FailedError(Exception):
    """A command did not end as it should."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run took."""

    seconds: float
    cpu_seconds: float
    rss_mib: float
    """Of the process itself, at its largest."""
    foreign: float
    """Share of all cores that was used by neither the contestant nor its server and sink."""


def run(command: list[str], *, out: Path, codes: tuple[int, ...], others: Iterable[int], limit: float = 300) -> Run:
    """Run a command to its end; `others` are the processes of server and sink. Raises FailedError with its words."""
    log, others = out / "log", tuple(others)
    environment = installed() | {"TMPDIR": str(out), "HOME": str(out), "USER": "root", "LC_ALL": "C.UTF-8"}
    with log.open("wb") as file:
        busy, used = machine_seconds(), sum(map(tree_seconds, others)) + own_seconds()
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment)
        watch = HighWater(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        cpu = usage.ru_utime + usage.ru_stime
        used = sum(map(tree_seconds, others)) + own_seconds() - used
        foreign = (machine_seconds() - busy - cpu - used) / (seconds * CORES)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        raise FailedError(f"{command} ended with {process.returncode}: {log.read_text()[-2000:]}")
    assert seconds < limit
    return Run(seconds=seconds, cpu_seconds=cpu, rss_mib=watch.kib / 1024, foreign=max(0.0, foreign))


def installed() -> dict[str, str]:
    """Return an environment in which Python keeps compiled modules, as an installed program's are."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "fetch-race-bytecode")}
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH"):
        environment.pop(name, None)
    return environment


def machine_seconds() -> float:
    """Return how long the machine's cores were busy so far."""
    numbers = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(numbers[:3]) + sum(numbers[5:7])) / TICKS


def tree_seconds(pid: int) -> float:
    """Return the CPU time of a process, of its children, and of those that have ended."""
    total = 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(entry)) and str(pid) in (entry.name, fields[1]):
            total += sum(map(int, fields[11:15]))
    return total / TICKS


def own_seconds() -> float:
    """Return the CPU time of this process."""
    times = os.times()
    return times.user + times.system


def rss_mib(pid: int, *, peak: bool = False) -> float:
    """Return the resident memory of a process, now or at its largest."""
    name = "VmHWM" if peak else "VmRSS"
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def _stat(process: Path) -> list[str] | None:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


class HighWater:
    """The largest RSS of a process, looked up while it lives: `ru_maxrss` of a child begins with its parent's own."""

    def __init__(self, pid: int) -> None:
        self.kib = 0
        self._status = Path(f"/proc/{pid}/status")
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(0.05):
            try:
                lines = self._status.read_text().splitlines()
            except OSError:
                return
            self.kib = max([self.kib, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))])
