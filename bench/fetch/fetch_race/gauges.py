"""What is measured by itself: an idle fetcher, the delay of new mail, one huge message, a huge mailbox."""

import json
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from fetch_race.contestants import command, webhook_plan
from fetch_race.course import PASSWORD, USER, Course, Server
from fetch_race.exchange import exchange
from fetch_race.measure import installed, rss_mib, tree_seconds
from fetch_race.race import Sink
from fetch_race.report import Gauge
from mailbox_operator.fetcher.plan import Plan
from support.kube import until
from testbed.dovecot import Dovecot
from testbed.large_mailbox import large_mailbox
from testbed.mailserver import free_ports
from testbed.pki import Pki

DELIVERIES: Final = 10
IDLE_SECONDS: Final = 20.0
HUGE: Final = 200 * 1000 * 1000
MILLION: Final = 1_000_000


def measure(names: set[str], root: Path, sink: Sink, *, pki: Pki) -> list[Gauge]:
    """Measure those that are named."""
    made: list[Gauge] = []
    if names & {"idle", "memory"}:
        with quiet_server(root / "quiet", pki, webhook_port=sink.port) as (dovecot, course):
            if "idle" in names:
                made += idle(dovecot, course)
            if "memory" in names:
                made += memory(dovecot, course)
    if "million" in names:
        made += million(sink, root, pki=pki)
    if "exchange" in names:
        made += exchange(sink, root, pki=pki)
    for one in made:
        print(f"  {one.title}: {one.value:.4g} {one.unit}", flush=True)
    return made


@contextmanager
def quiet_server(root: Path, pki: Pki, *, webhook_port: int) -> Iterator[tuple[Dovecot, Course]]:
    """Run a Dovecot with an empty mailbox."""
    imap, imaps = free_ports(2)
    dovecot = Dovecot.start(root, pki=pki, imap=imap, imaps=imaps)
    try:
        dovecot.set_password(USER, PASSWORD)
        dovecot.maildir(USER)
        (root / "password").write_text(PASSWORD)
        server = Server(
            ports={"imap": imap, "imaps": imaps},
            ca_file=pki.folder / "ca.pem",
            password_file=root / "password",
            messages=0,
            octets=0,
            process=dovecot.process.pid,
        )
        yield dovecot, Course(server=server, protocol="imaps", webhook_port=webhook_port)
    finally:
        dovecot.kill()  # asked to stop, it waits for those who idle


@contextmanager
def fetcher(plan: Plan, *, idle: bool = True) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run a fetcher as a pod does, and wait until it is idle."""
    with tempfile.TemporaryDirectory(prefix="fetch-race-") as folder:
        out = Path(folder)
        port = free_ports(1)[0]
        words = command(plan, out, "--listen", f"127.0.0.1:{port}", once=False)
        with (out / "log").open("wb") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, env=installed() | {"TMPDIR": folder})
        try:
            progress = out / "state.json.progress"
            if idle:
                until(
                    lambda: progress.exists() and json.loads(progress.read_text())["state"] == "Idle",
                    seconds=20,
                    what=(out / "log").read_text,
                )
            yield process, out
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=15) == 0, (out / "log").read_text()
        finally:
            process.kill()
            process.wait()


def idle(dovecot: Dovecot, course: Course) -> list[Gauge]:
    """Measure an idle fetcher's memory and CPU time, and how soon new mail is delivered once the server tells."""
    with fetcher(webhook_plan(course)) as (process, _):
        used = tree_seconds(process.pid)
        time.sleep(IDLE_SECONDS)
        share = (tree_seconds(process.pid) - used) / IDLE_SECONDS
        rss = rss_mib(process.pid)
        delays = [delay(dovecot, course) for _ in range(DELIVERIES + 1)][1:]
    return [
        Gauge(key="rss_idle_mib", title="resident memory of an idle fetcher", value=rss, unit="MiB", limit=40),
        Gauge(key="cpu_idle_percent", title="CPU of an idle fetcher", value=100 * share, unit="%", limit=0.5),
        Gauge(
            key="idle_ms",
            title=f"from the server's `EXISTS` to the webhook, median of {DELIVERIES}",
            value=1000 * statistics.median(delays),
            unit="ms",
            limit=10,
        ),
    ]


def delay(dovecot: Dovecot, course: Course) -> float:
    """Deliver a message; return the seconds from its announcement to another client until the webhook has it."""
    with watching(course) as heard:
        path = dovecot.maildir(USER) / "tmp" / uuid.uuid4().hex
        path.write_bytes(b"Message-ID: <%b@idle>\r\nX-Bench-Id: 1\r\n\r\nhere\r\n" % path.name.encode())
        shutil.chown(path, "mail", "mail")
        path.rename(path.parents[1] / "new" / f"{int(time.time())}.{path.name}.test")
        told = heard()
        return arrival(course) - told


@contextmanager
def watching(course: Course) -> Iterator[Callable[[], float]]:
    """Have a bare client idle on the mailbox; what is yielded waits for EXISTS and returns when it came."""
    context = ssl.create_default_context(cafile=course.server.ca_file)
    with (
        socket.create_connection(("127.0.0.1", course.port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as secured,
        secured.makefile("rb") as lines,
    ):
        for text in (f"LOGIN {USER} {PASSWORD}", "SELECT INBOX"):
            secured.sendall(f"a {text}\r\n".encode())
            while not lines.readline().startswith(b"a OK"):
                pass
        secured.sendall(b"a IDLE\r\n")
        while not lines.readline().startswith(b"+"):
            pass

        def heard() -> float:
            while b" EXISTS" not in lines.readline():
                pass
            return time.time()

        yield heard


def arrival(course: Course) -> float:
    """Wait until the webhook has got something, and return when it did."""

    def came() -> float | None:
        with urllib.request.urlopen(f"http://127.0.0.1:{course.webhook_port}/last", timeout=5) as answer:
            return float(answer.read()) or None

    return until(came, seconds=10, what="the message arrives", pause=0.02)


def memory(dovecot: Dovecot, course: Course) -> list[Gauge]:
    """Measure by how much a message of 200 MB raises the resident memory."""
    plan = webhook_plan(course)
    plan = replace(plan, fetch=replace(plan.fetch, max_message_size=2 * HUGE, since_seconds=0))
    with fetcher(plan) as (process, _):
        delay(dovecot, course)
        before = rss_mib(process.pid, peak=True)
        line = b"x" * 78 + b"\n"
        path = dovecot.maildir(USER) / "tmp/huge"
        with path.open("wb") as file:
            file.write(b"Message-ID: <huge@idle>\nX-Bench-Id: 2\n\n")
            file.writelines(line for _ in range(HUGE // len(line)))
        shutil.chown(path, "mail", "mail")
        arrived = time.perf_counter()
        path.rename(path.parents[1] / "new" / f"{int(time.time())}.huge.test")
        until(lambda: arrival(course), seconds=60, what="the huge message arrives")
        seconds = time.perf_counter() - arrived
        rise = rss_mib(process.pid, peak=True) - before
    return [
        Gauge(
            key="rss_200mb_rise_mib",
            title="rise of the resident memory by a message of 200 MB to the webhook",
            value=rise,
            unit="MiB",
            limit=16,
        ),
        Gauge(
            key="seconds_200mb",
            title="and the time it took, the server's delay included",
            value=seconds,
            unit="s",
            limit=10,
        ),
    ]


def million(sink: Sink, root: Path, *, pki: Pki) -> list[Gauge]:
    """Measure the first sync of a week out of a mailbox with a million messages, one each five minutes."""
    (root / "million-password").write_text("any")
    with large_mailbox(messages=MILLION, seconds_between=300) as mailbox:
        server = Server(
            ports={"imap": mailbox.port},
            ca_file=pki.folder / "ca.pem",
            password_file=root / "million-password",
            messages=MILLION,
            octets=0,
            process=0,
        )
        plan = webhook_plan(Course(server=server, protocol="imap", webhook_port=sink.port))
        plan = replace(plan, fetch=replace(plan.fetch, since_seconds=7 * 86_400.0))
        started = time.perf_counter()
        with fetcher(plan) as (process, out):
            wanted = 7 * 86_400 // 300
            until(lambda: mailbox.handed_out >= wanted, seconds=60, what=lambda: f"{wanted} handed out: {mailbox}")
            seconds, peak = time.perf_counter() - started, rss_mib(process.pid, peak=True)
            progress = out / "state.json.progress"
            until(
                lambda: f'"messages_delivered": {wanted}' in progress.read_text(), seconds=10, what=progress.read_text
            )
            size = (out / "state.json").stat().st_size
    return [
        Gauge(
            key="million_listed",
            title="1,000,000 messages, first sync of 7 days: listed",
            value=mailbox.listed,
            unit="messages",
            limit=5_000,
        ),
        Gauge(key="million_seconds", title="the time it took", value=seconds, unit="s", limit=20),
        Gauge(key="million_rss_mib", title="the resident memory at its largest", value=peak, unit="MiB", limit=64),
        Gauge(key="million_checkpoint_kib", title="the checkpoint", value=size / 1024, unit="KiB", limit=64),
    ]
