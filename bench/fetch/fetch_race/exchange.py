"""Exchange Web Services, against the simulator of the tests: what a message costs us. There is no peer to race."""

import statistics
import tempfile
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Final

from fetch_race.contestants import command, webhook_plan
from fetch_race.corpus import Corpus
from fetch_race.course import PASSWORD, USER, Course, Server
from fetch_race.measure import run
from fetch_race.race import Sink
from fetch_race.report import Gauge
from mailbox_operator.mail.endpoint import Protocol, Security
from testbed.ews.server import running_exchange
from testbed.pki import Pki

MESSAGES: Final = 500
ROUNDS: Final = 3


def exchange(sink: Sink, root: Path, *, pki: Pki) -> list[Gauge]:
    """Measure a first sync to the webhook: CPU time of the fetcher, and wall time, which is the simulator's for the most part."""
    password_file, corpus = root / "exchange-password", Corpus()
    password_file.write_text(PASSWORD)
    with running_exchange(pki=pki) as server, tempfile.TemporaryDirectory(prefix="fetch-race-") as folder:
        account = server.add_account(USER, PASSWORD)
        for number in range(MESSAGES):
            account.deliver(corpus.message(number)[0].replace(b"\n", b"\r\n"), as_is=True)
        there = Server(
            ports={"imaps": server.port},
            ca_file=pki.folder / "ca.pem",
            password_file=password_file,
            messages=MESSAGES,
            octets=0,
            process=0,
        )
        plan = webhook_plan(Course(server=there, protocol="imaps", webhook_port=sink.port))
        source = replace(
            plan.source, protocol=Protocol.EWS, security=Security.TLS, path="/EWS/Exchange.asmx", address=USER
        )
        arrivals(sink)  # of what was measured before
        runs = []
        for number in range(ROUNDS):
            out = Path(folder) / str(number)
            out.mkdir()
            words = command(replace(plan, source=source), out)
            runs.append(run(words, out=out, codes=(0,), others=(sink.process,)))
            arrived = sorted(arrivals(sink))
            assert arrived == list(range(MESSAGES)), f"{len(arrived)} of {MESSAGES} arrived"
    title = f"Exchange (simulator), {MESSAGES} mixed messages to the webhook"
    return [
        Gauge(
            key="ews_cpu_ms",
            title=f"{title}: the fetcher's CPU time a message, start included",
            value=1000 * statistics.median(one.cpu_seconds for one in runs) / MESSAGES,
            unit="ms",
            limit=10,
        ),
        Gauge(
            key="ews_seconds",
            title="the time it took",
            value=statistics.median(one.seconds for one in runs),
            unit="s",
            limit=20,
        ),
    ]


def arrivals(sink: Sink) -> list[int]:
    """Return the numbers of the messages that came since this was last asked."""
    with urllib.request.urlopen(f"http://127.0.0.1:{sink.port}/ids", timeout=10) as answer:
        return [int(number) for number in answer.read().split()]
