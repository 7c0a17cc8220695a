"""A fetcher as a process of its own, between a real Dovecot and a webhook that answers as it is told."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Account
from integration.fetcher.hang_up import HangUp
from mailbox_operator.fetcher.plan import Fetch, Identity, Plan, Source, Webhook
from mailbox_operator.fetcher.progress import Progress
from mailbox_operator.mail.endpoint import Protocol, Security
from support.kube import until
from support.patience import PATIENCE
from testbed.mailserver import MailServer, free_ports


@dataclass(frozen=True, kw_only=True)
class Event:
    """What the webhook was sent, once."""

    fields: dict[str, str]
    body: bytes
    answered: int

    @property
    def id(self) -> str:
        return self.fields["ce-id"]


@dataclass(kw_only=True)
class Receiver:
    """A webhook; `answer` says what it answers to an event."""

    port: int
    events: list[Event] = field(default_factory=list)
    answer: Callable[[dict[str, str], bytes], int | tuple[int, dict[str, str]]] = lambda _fields, _body: 204
    delay: float = 0.0
    hang_up: Callable[[], HangUp] = lambda: HangUp.NEVER

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?team=support"

    @property
    def accepted(self) -> list[Event]:
        return [event for event in list(self.events) if event.answered < 300]

    def wait_accepted(self, count: int, *, seconds: float = 10) -> list[Event]:
        """Wait until so many events were accepted."""
        until(
            lambda: len(self.accepted) >= count,
            seconds=seconds,
            what=lambda: f"{count} events accepted; {len(self.accepted)} of {len(self.events)} were",
            pause=0.01,
        )
        return self.accepted


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook on a port of its own."""
    with receiving() as made:
        yield made


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a webhook on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            hangs_up = made.hang_up()
            self.close_connection = hangs_up is not HangUp.NEVER
            if hangs_up is HangUp.UNREAD:
                return
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fields = {name.lower(): value for name, value in self.headers.items()}
            if made.delay:
                time.sleep(made.delay)
            answer = made.answer(fields, body)
            status, more = answer if isinstance(answer, tuple) else (answer, {})
            made.events.append(Event(fields=fields, body=body, answered=status))
            if hangs_up is HangUp.UNANSWERED:
                return
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            if status not in {204, 304}:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_args: object) -> None:
            """A client that was killed is no error of ours."""

    server = Server(("127.0.0.1", 0), Handler)
    made = Receiver(port=server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(kw_only=True)
class Fetcher:
    """The program, started and killed as often as a test likes."""

    folder: Path
    plan: Plan
    port: int
    process: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def password_file(self) -> Path:
        return self.folder / "secret/password"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "state.json"

    def write_password(self, password: str) -> None:
        """Put a password in place as the kubelet does: a new folder, a link swapped by rename."""
        data = self.folder / "secret" / f"..{time.monotonic_ns()}"
        data.mkdir(parents=True)
        (data / "password").write_text(password)
        link = self.folder / "secret/..data.new"
        link.symlink_to(data.name)
        link.rename(self.folder / "secret/..data")
        if not self.password_file.is_symlink():
            self.password_file.symlink_to("..data/password")

    def write_plan(self, plan: Plan) -> None:
        """Put a plan in place."""
        self.plan = plan
        new = self.folder / "plan.new"
        new.write_text(plan.to_json())
        new.rename(self.folder / "plan.json")

    def change(self, **fetch: Any) -> None:
        """Change details of the plan's `fetch`."""
        self.write_plan(replace(self.plan, fetch=replace(self.plan.fetch, **fetch)))

    def change_source(self, **source: Any) -> None:
        """Change details of the plan's source."""
        self.write_plan(replace(self.plan, source=replace(self.plan.source, **source)))

    def change_webhook(self, **webhook: Any) -> None:
        """Change details of the plan's webhook."""
        assert isinstance(self.plan.delivery, Webhook)
        self.write_plan(replace(self.plan, delivery=replace(self.plan.delivery, **webhook)))

    def command(self, *more: str) -> list[str]:
        """Return the command line."""
        return [
            sys.executable,
            "-m",
            "mailbox_operator",
            "fetch",
            "--plan",
            str(self.folder / "plan.json"),
            "--checkpoint",
            f"file:{self.checkpoint}",
            "--allow-loopback",
            *self.options,
            *more,
        ]

    def run_in_background(self, *more: str) -> subprocess.Popen[bytes]:
        """Start it, and do not wait for anything."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command("--listen", f"127.0.0.1:{self.port}", *more),
                stderr=log,
                env=os.environ | {"TMPDIR": str(self.folder)} | self.environment,
            )
        return self.process

    def start(self, *more: str) -> None:
        """Start it."""
        self.run_in_background(*more)
        until(self.answers, seconds=10, what=lambda: f"it listens\n{self.log()}", pause=0.02)

    def answers(self) -> bool:
        """Whether it serves its probes yet."""
        with contextlib.suppress(OSError):
            return self.get("/healthz") == "ok\n"
        return False

    def once(self) -> int:
        """Run it with `--once` and return the exit code."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.run(self.command("--once"), stderr=log, timeout=120, check=False).returncode

    def kill(self) -> None:
        """Kill -9."""
        assert self.process
        self.process.kill()
        self.process.wait(timeout=60)

    def stop(self) -> int:
        """Ask it to leave and return the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def get(self, path: str) -> str:
        """Return what it serves."""
        with contextlib.closing(
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5 * PATIENCE)
        ) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float:
        """Return one of its metrics."""
        for line in self.get("/metrics").splitlines():
            if line.startswith((f"mailbox_fetcher_{name} ", f"{name} ")):
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"no metric {name}")

    def wait_metric(self, name: str, value: float, *, seconds: float = 10) -> None:
        """Wait until a metric has reached a value."""
        until(
            lambda: self.metric(name) >= value,
            seconds=seconds,
            what=lambda: f"{name} {value}\n{self.log()}",
            pause=0.05,
        )

    def progress(self) -> Progress:
        """Return the progress it last wrote."""
        return Progress.from_json(Path(f"{self.checkpoint}.progress").read_text())

    def wait_state(self, state: str, *, seconds: float = 10) -> Progress:
        """Wait for a state in the progress it writes."""

        def reached() -> Progress | None:
            with contextlib.suppress(FileNotFoundError):
                found = self.progress()
                return found if found.state.value == state else None
            return None

        return until(reached, seconds=seconds, what=lambda: f"state {state}\n{self.log()}", pause=0.05)

    def saved(self) -> dict[str, Any]:
        """Return the checkpoint it last wrote."""
        found: dict[str, Any] = json.loads(self.checkpoint.read_text())
        return found

    def save(self, checkpoint: dict[str, Any]) -> None:
        """Put another checkpoint in place, while it does not run."""
        self.checkpoint.write_text(json.dumps(checkpoint))


@pytest.fixture
def fetcher(server: MailServer, account: Account, receiver: Receiver, tmp_path: Path) -> Iterator[Fetcher]:
    """A fetcher for the account, not started yet."""
    made = Fetcher(
        folder=tmp_path,
        port=free_ports(1)[0],
        plan=Plan(
            mailbox=Identity(uid="5d1c", namespace="mail", name="support", address=account.address),
            source=Source(
                protocol=Protocol.IMAP,
                host="localhost",
                port=server.dovecot.imaps,
                security=Security.TLS,
                username=account.address,
                password_file=str(tmp_path / "secret/password"),
                ca_file=str(server.pki.folder / "ca.pem"),
            ),
            fetch=Fetch(since_seconds=None, interval_seconds=60),
            delivery=Webhook(url=receiver.url, timeout_seconds=10 * PATIENCE),
        ),
    )
    made.write_password(account.password)
    made.write_plan(made.plan)
    yield made
    if made.process and made.process.poll() is None:
        made.kill()
