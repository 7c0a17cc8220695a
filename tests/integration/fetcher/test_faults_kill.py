"""Killed at random moments: the fetcher, and its mail server."""

import contextlib
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.tally import Record, message_ids, messages, tally
from support.kube import until
from testbed.dovecot import Dovecot
from testbed.mailserver import MailServer, free_ports, servers_folder

pytestmark = pytest.mark.integration

MESSAGES = 3_000
KILLS = 50


@pytest.mark.timeout(180)
def test_killed_at_fifty_random_moments_nothing_is_lost_and_repeats_are_recognised(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher, record_property: Record
) -> None:
    chance = random.Random(5)  # noqa: S311 - the same moments each time
    server.dovecot.seed(account.address, messages(MESSAGES, octets=2_000))
    receiver.delay = 0.05
    for _ in range(KILLS):
        before = len(receiver.events)
        process = fetcher.run_in_background()
        # Some are killed while they start, some while they sign in, most while mail flows.
        more = chance.choice((0, 1, 5, 20, 50))
        until(lambda least=before + more: len(receiver.events) >= least, seconds=20, what=fetcher.log, pause=0.002)  # type: ignore[misc]
        threading.Event().wait(chance.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    receiver.delay = 0
    assert fetcher.once() == 0, fetcher.log()[-2000:]
    count = tally(receiver, message_ids(MESSAGES))
    record_property("tally", f"{KILLS} kills: {count}")
    assert (count.lost, count.strange) == (0, 0), count
    # What was answered since the last write (one a second) comes again: a kill repeats little.
    assert count.repeats < MESSAGES, count


@dataclass(kw_only=True)
class RestartableDovecot:
    """A Dovecot that may be killed and started on the same mail."""

    root: Path
    server: MailServer
    ports: tuple[int, int]
    running: Dovecot

    @classmethod
    def start(cls, root: Path, server: MailServer) -> "RestartableDovecot":
        imap, imaps = free_ports(2)
        running = Dovecot.start(root, pki=server.pki, imap=imap, imaps=imaps)
        return cls(root=root, server=server, ports=(imap, imaps), running=running)

    def restart(self, *, index_survives: bool = True) -> None:
        """Kill all of it, those who serve a session too, and start it anew; without its index it numbers messages anew."""
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if process.name.isdigit() and str(self.root) in (process / "environ").read_text(errors="replace"):
                    os.kill(int(process.name), signal.SIGKILL)
        self.running.kill()
        for folder in ("log", "run"):  # sockets that a killed master leaves behind
            shutil.rmtree(self.root / folder)
        if not index_survives:
            second = int(time.time())
            until(lambda: int(time.time()) > second, seconds=3, what="another second, hence another UIDVALIDITY")
            for path in self.root.glob("mail/*/Maildir/dovecot*"):
                path.unlink()
        imap, imaps = self.ports
        self.running = Dovecot.start(self.root, pki=self.server.pki, imap=imap, imaps=imaps)


@pytest.fixture
def own_dovecot(server: MailServer) -> Iterator[RestartableDovecot]:
    with servers_folder() as root:
        made = RestartableDovecot.start(root, server)
        yield made
        made.running.kill()


@pytest.mark.timeout(60)
def test_a_mail_server_killed_under_load_costs_nothing(
    own_dovecot: RestartableDovecot, account: Account, receiver: Receiver, fetcher: Fetcher, record_property: Record
) -> None:
    kills, count = 4, 2_000
    own_dovecot.running.set_password(account.address, account.password)
    own_dovecot.running.seed(account.address, messages(count, octets=20_000))
    fetcher.write_plan(replace(fetcher.plan, source=replace(fetcher.plan.source, port=own_dovecot.ports[1])))
    receiver.delay = 0.01
    fetcher.start()
    for kill in range(kills):
        receiver.wait_accepted((kill + 1) * count // (kills + 2), seconds=20)
        own_dovecot.restart()
    receiver.delay = 0
    fetcher.wait_state("Idle", seconds=20)
    receiver.wait_accepted(count, seconds=20)
    found = tally(receiver, message_ids(count))
    record_property("tally", f"{kills} kills of Dovecot: {found}")
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found
    assert fetcher.metric("reconnects_total") >= 1


@pytest.mark.timeout(60)
def test_a_mail_server_that_comes_back_with_other_uids_loses_nothing_and_each_repeat_says_so(
    own_dovecot: RestartableDovecot, account: Account, receiver: Receiver, fetcher: Fetcher, record_property: Record
) -> None:
    count = 2_000
    own_dovecot.running.set_password(account.address, account.password)
    own_dovecot.running.seed(account.address, messages(count, octets=20_000))
    fetcher.change_source(port=own_dovecot.ports[1])
    receiver.delay = 0.02
    fetcher.start()
    receiver.wait_accepted(count // 10, seconds=20)
    before = fetcher.saved()["folders"]["INBOX"]["uidvalidity"]
    own_dovecot.restart(index_survives=False)
    receiver.delay = 0
    until(lambda: tally(receiver, message_ids(count)).lost == 0, seconds=30, what=fetcher.log)
    fetcher.wait_state("Idle", seconds=20)
    assert fetcher.saved()["folders"]["INBOX"]["uidvalidity"] != before
    found = tally(receiver, message_ids(count))
    record_property("tally", f"other UIDs under load: {found}")
    came = set[str]()
    for event in receiver.accepted:
        assert event.fields["ce-messageid"] not in came or event.fields.get("ce-mayrepeat") == "true"
        came.add(event.fields["ce-messageid"])
    assert found.lost == 0, found
