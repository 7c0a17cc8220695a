"""A contestant's process: its time on the processors, its memory, and when it has come to rest."""

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
PAUSE: Final = 0.5
STILL: Final = 3.0
"""Seconds that a process must be still to be at rest."""
IDLE: Final = 0.02 * STILL
"""CPU seconds that do not count within them."""
BUSY: Final = 0.01
"""CPU seconds within a pause that do."""


class EndedError(Exception):
    """The operator ended by itself; its log says why."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running operator."""

    process: subprocess.Popen[bytes]
    log: Path

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far. Raises EndedError."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_octets(self) -> int:
        """Return the resident memory. Raises EndedError."""
        found = re.search(r"VmRSS:\s+(\d+) kB", self._proc("status"))
        return int(found[1]) * 1024 if found else 0

    async def rest(self, *, at_least: float, at_most: float) -> float:
        """Wait until the process is at rest and return the seconds to its last busy moment. Raises EndedError."""
        started = last_busy = time.monotonic()
        samples = [(started, self.cpu_seconds())]
        while True:
            await asyncio.sleep(PAUSE)
            now, used = time.monotonic(), self.cpu_seconds()
            if used - samples[-1][1] > BUSY:
                last_busy = now
            samples.append((now, used))
            earlier = next((sample for sample in reversed(samples) if now - sample[0] >= STILL), None)
            still = earlier is not None and used - earlier[1] < IDLE
            if (still and now - started >= at_least) or now - started > at_most:
                return last_busy - started

    def _proc(self, name: str) -> str:
        if self.process.poll() is not None:
            raise EndedError(f"the operator ended with {self.process.returncode}; its log: {self.log}")
        return Path(f"/proc/{self.process.pid}/{name}").read_text()


@contextmanager
def running(command: list[str], *, kubeconfig: Path, log: Path) -> Iterator[Process]:
    """Run an operator; it is told to stop (SIGTERM) afterwards, and killed when it has not after 20 s."""
    environment = os.environ | {"KUBECONFIG": str(kubeconfig.resolve()), "PYTHONUNBUFFERED": "1"}
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield Process(process, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
