"""One timed run of a command, and what it cost."""

import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run took."""

    seconds: float
    cpu_seconds: float
    rss_mib: float
    """Of the process itself, at its largest."""


def run(command: list[str], *, out: Path, limit: float = 300) -> Run:
    """Run a command to its end. Raises AssertionError with its words when it fails."""
    log = out / "log"
    with log.open("wb") as file:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=installed() | {"TMPDIR": str(out)}
        )
        watch = HighWater(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command[0]} ended with {process.returncode}: {log.read_text()[-2000:]}"
    assert seconds < limit
    return Run(seconds=seconds, cpu_seconds=usage.ru_utime + usage.ru_stime, rss_mib=watch.kib / 1024)


def installed() -> dict[str, str]:
    """Return an environment in which Python keeps compiled modules, as an installed program's are."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "fetch-race-bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


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
