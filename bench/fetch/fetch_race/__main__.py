"""Race our fetcher against mbsync: the same mailbox, interleaved rounds, each message's arrival checked.

python -m fetch_race [--messages 10000] [--rounds 5]
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from fetch_race.contestants import Contestant, Mailbox, Mbsync, OurFetcher
from fetch_race.corpus import fill_maildir
from fetch_race.measure import Run, installed, run
from support.kube import until
from testbed.dovecot import Dovecot
from testbed.mailserver import free_ports
from testbed.pki import Pki

USER: Final = "bench@bench.test"
PASSWORD: Final = "bench"
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - folders in it are made by tempfile
"""Where contestants write: a file system in memory takes fsync out of the race, in mbsync's favour."""


@contextmanager
def mailbox(root: Path, *, messages: int) -> Iterator[Mailbox]:
    """Run a Dovecot with a mailbox full of the corpus, its index warm."""
    pki = Pki.make(root / "pki", "localhost")
    imap, imaps = free_ports(2)
    dovecot = Dovecot.start(root / "dovecot", pki=pki, imap=imap, imaps=imaps)
    try:
        dovecot.set_password(USER, PASSWORD)
        maildir = dovecot.maildir(USER)
        octets = fill_maildir(maildir, count=messages, owner="mail")
        configuration = str(root / "dovecot/dovecot.conf")
        for words in (["index", "-u", USER, "INBOX"], ["fetch", "-u", USER, "size.virtual", "mailbox", "INBOX"]):
            subprocess.run(["doveadm", "-c", configuration, *words], check=True, stdout=subprocess.DEVNULL)
        print(f"{messages:,} messages, {octets / 1e6:,.0f} MB, on a Dovecot of their own", flush=True)
        password_file = root / "password"
        password_file.write_text(PASSWORD)
        yield Mailbox(user=USER, password_file=password_file, ca_file=pki.folder / "ca.pem", imap=imap, imaps=imaps)
    finally:
        dovecot.stop()


@contextmanager
def sink() -> Iterator[int]:
    """Run the webhook in a process of its own and return its port."""
    port = free_ports(1)[0]
    process = subprocess.Popen([sys.executable, "-m", "fetch_race.sink", str(port)])

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ids", timeout=1):
                return True
        except urllib.error.URLError:
            return False

    try:
        until(answers, seconds=10, what="the sink answers")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def race(contestants: dict[str, Contestant], *, messages: int, rounds: int) -> dict[str, list[Run]]:
    """Let each run once a round, in turning order; raise AssertionError where a message was lost or came twice."""
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    subprocess.run([OurFetcher.program(), "fetch", "--help"], check=True, stdout=subprocess.DEVNULL, env=installed())
    names = list(contestants)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            with tempfile.TemporaryDirectory(dir=MEMORY, prefix="fetch-race-") as folder:
                out = Path(folder)
                one = run(contestants[name].prepare(out), out=out)
                arrived = contestants[name].arrived(out)
            assert sorted(arrived) == list(range(messages)), f"{name}: {len(arrived)} arrived, not each once"
            runs[name].append(one)
            print(f"round {number + 1}  {contestants[name].name:40} {one.seconds:6.2f} s", flush=True)
    return runs


def report(contestants: dict[str, Contestant], runs: dict[str, list[Run]], *, messages: int) -> dict[str, Any]:
    """Print the table and return the numbers."""
    ratios = {}
    print(f"\n{'':42}{'median s':>9}{'msg/s':>9}{'CPU s':>8}{'RSS MiB':>9}{'ratio':>7}")
    for name, contestant in contestants.items():
        mine, theirs = runs[name], runs[f"{name.split('_')[0]}_mbsync"]
        seconds = statistics.median(one.seconds for one in mine)
        cpu, rss = statistics.median(one.cpu_seconds for one in mine), max(one.rss_mib for one in mine)
        ratio = statistics.median(b.seconds / a.seconds for a, b in zip(mine, theirs, strict=True))
        ratios[name] = round(ratio, 3)
        print(f"{contestant.name:42}{seconds:9.2f}{messages / seconds:9,.0f}{cpu:8.2f}{rss:9.0f}{ratio:7.2f}")
    print("\nratio: mbsync's time over the contestant's in the same round, median; above 1 is faster than mbsync")
    return {
        "benchmark": "fetch",
        "messages": messages,
        "rounds": len(runs["imaps_mbsync"]),
        "ratios": {name: ratio for name, ratio in ratios.items() if not name.endswith("_mbsync")},
        "seconds": {name: round(statistics.median(one.seconds for one in these), 3) for name, these in runs.items()},
        "rss_mib": {name: round(max(one.rss_mib for one in these)) for name, these in runs.items()},
    }


def main() -> None:
    """Run the race."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="fetch-race-"))
    root.chmod(0o755)  # Dovecot runs as users of its own
    try:
        with mailbox(root, messages=arguments.messages) as box, sink() as port:
            contestants: dict[str, Contestant] = {
                "imaps_webhook": OurFetcher(box, secured=True, webhook_port=port),
                "imaps_mbsync": Mbsync(box, secured=True),
                "imap_webhook": OurFetcher(box, secured=False, webhook_port=port),
                "imap_mbsync": Mbsync(box, secured=False),
            }
            runs = race(contestants, messages=arguments.messages, rounds=arguments.rounds)
            print(json.dumps(report(contestants, runs, messages=arguments.messages)))
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
