"""The operator as a process of its own, as a pod or a person would run it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from support.kube import until
from support.patience import PATIENCE
from testbed.mailserver import free_ports

COMMAND: Final = Path(__file__).resolve().parents[3] / ".venv/bin/mailbox-operator"
BUSY: Final = (
    "mailbox_operator_queue_depth",
    "mailbox_operator_visits_running",
    "mailbox_operator_verifications_running",
)
"""What is 0 while there is nothing to do."""


def total(metrics: str, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that carry these labels."""
    found = 0.0
    for line in metrics.splitlines():
        if re.match(rf"{name}(\{{|\s)", line) and all(f'{key}="{value}"' in line for key, value in labels.items()):
            found += float(line.rsplit(" ", 1)[1])
    return found


@dataclass(slots=True, kw_only=True)
class Operator:
    """`mailbox-operator run`, started and ended at will."""

    kubeconfig: Path
    log: Path
    options: Sequence[str] = ()
    port: int = field(default_factory=lambda: free_ports(1)[0])
    _process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: bool = True) -> None:
        """Start it; by default, wait until it is ready."""
        command = [str(COMMAND), "run", "--listen-host=127.0.0.1", f"--listen-port={self.port}", *self.options]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env={"KUBECONFIG": str(self.kubeconfig), "LOGNAME": "tests"}, stdout=output, stderr=output
            )
        if ready:
            until(lambda: self.ask("readyz")[0] == 200, seconds=20, what=lambda: f"it is ready\n{self.text()}")

    def stop(self) -> tuple[int, float]:
        """Ask it to leave (SIGTERM). Returns its exit code and how many seconds it took."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill -9 it."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> tuple[int, float]:
        process, self._process = self._process, None
        if process is None:
            return 0, 0.0
        began = time.monotonic()
        process.send_signal(number)
        try:
            return process.wait(timeout=60), time.monotonic() - began
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def cpu_seconds(self) -> float:
        """Return the CPU time that it has used."""
        assert self._process is not None, "it runs"
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, path: str) -> tuple[int, str]:
        """Return status and text of an answer of its HTTP server; 0: there was none."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=5 * PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (URLError, OSError):
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that carry these labels."""
        return total(self.metrics(), name, **labels)

    def metrics(self) -> str:
        """Return all metrics, once it answers."""

        def told() -> str | None:
            status, text = self.ask("metrics")
            return text if status == 200 else None

        return until(told, seconds=20, what=lambda: f"it tells its metrics\n{self.text()}")

    def wait_idle(self) -> None:
        """Wait until nothing waits, is visited or is being proven, for a moment."""
        calm = 0

        def idle() -> bool:
            nonlocal calm
            text = self.metrics()
            calm = 0 if any(total(text, name) for name in BUSY) else calm + 1
            return calm > 4

        until(idle, seconds=30, what=lambda: f"it has nothing to do\n{self.text()}")

    def text(self) -> str:
        """Return its log."""
        return self.log.read_text(errors="replace")
