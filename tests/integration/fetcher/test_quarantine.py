"""Messages that were given up come once more when somebody asks; a lost checkpoint loses nothing and is told."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.test_delivery import numbered
from support.kube import until
from testbed.mailserver import MailServer

pytestmark = pytest.mark.integration


def command(fetcher: Fetcher, *words: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "mailbox_operator", "quarantine", *words]
    options = ["--checkpoint", f"file:{fetcher.checkpoint}"]
    return subprocess.run([*arguments, *options], capture_output=True, text=True, timeout=120, check=False)


def refuse(receiver: Receiver, *ids: str) -> None:
    receiver.answer = lambda fields, _body: 422 if fields["ce-messageid"] in ids else 204


def test_a_request_in_the_plan_is_obeyed_once_while_it_runs(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    refuse(receiver, "<2@x>", "<3@x>")
    server.dovecot.seed(account.address, numbered(4))
    fetcher.start()
    fetcher.wait_metric("quarantined", 2, seconds=15)
    progress = fetcher.wait_state("Idle")
    assert (progress.quarantined, "The sink answered 422" in progress.last_quarantined) == (2, True)
    validity = fetcher.saved()["folders"]["INBOX"]["uidvalidity"]
    refuse(receiver, "<3@x>")
    request = f"retry INBOX/{validity}/2 first"
    fetcher.write_plan(replace(fetcher.plan, quarantine_request=request))
    events = receiver.wait_accepted(3)
    assert events[-1].fields["ce-messageid"] == "<2@x>"
    assert len({event.id for event in receiver.events if event.fields["ce-messageid"] == "<2@x>"}) == 1
    until(lambda: fetcher.saved()["quarantined"] == 1, seconds=5, what="one is left")
    refuse(receiver)
    fetcher.stop()
    fetcher.start()  # the request stands where it stood
    fetcher.wait_state("Idle")
    assert len(receiver.accepted) == 3
    fetcher.write_plan(replace(fetcher.plan, quarantine_request="retry all second"))
    receiver.wait_accepted(4)
    until(lambda: fetcher.saved()["quarantined"] == 0, seconds=5, what="nothing is left")
    until(lambda: server.dovecot.flags(account.address) == ["S"] * 4, seconds=5, what="marked like the others")


def test_from_a_terminal(server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher) -> None:
    refuse(receiver, "<1@x>", "<2@x>")
    server.dovecot.seed(account.address, numbered(2))
    assert fetcher.once() == 0, "what is in quarantine is done with"
    listed = [line.split("\t") for line in command(fetcher, "list").stdout.splitlines()]
    assert sorted((line[2], line[3]) for line in listed) == [
        ("<1@x>", "The sink answered 422"),
        ("<2@x>", "The sink answered 422"),
    ]
    key = next(line[0] for line in listed if line[2] == "<2@x>")
    refuse(receiver)
    assert command(fetcher, "retry", key).returncode == 0
    assert fetcher.once() == 0
    assert [event.fields["ce-messageid"] for event in receiver.accepted] == ["<2@x>"]
    assert command(fetcher, "drop", "--all").returncode == 0
    assert command(fetcher, "list").stdout == ""
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 1
    assert command(fetcher, "retry").returncode == 2, "one KEY, or --all"


def test_a_lost_checkpoint_is_noticed_and_what_may_repeat_is_marked(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(2))
    assert fetcher.once() == 0
    fetcher.write_plan(replace(fetcher.plan, resumes=True))
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 2, "it is there, and goes on"
    fetcher.checkpoint.unlink()
    server.dovecot.seed(account.address, numbered(1, first=3))
    fetcher.start()
    receiver.wait_accepted(5)
    assert "lost" in fetcher.log()
    assert all(event.fields.get("ce-mayrepeat") == "true" for event in receiver.accepted[2:])
    assert len({event.id for event in receiver.accepted}) == 3, "the same ids as before"
    with server.dovecot.session(account.address, account.password) as imap:
        until(lambda: fetcher.progress().rescan_time, seconds=5, what="told")
        second = int(time.time())
        until(lambda: int(time.time()) > second + 1, seconds=3, what="a later second, by the server's clock too")
        imap.append("INBOX", "", "", numbered(1, first=4)[0])
    last = receiver.wait_accepted(6)[-1]
    assert "ce-mayrepeat" not in last.fields, "what came later is new"
