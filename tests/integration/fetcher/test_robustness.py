"""Kills, lost connections, changed passwords, folders that begin anew: nothing is lost, nobody knocks twice."""

import os
import shutil
import subprocess
import time
from dataclasses import replace

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.test_delivery import numbered
from mailbox_operator.mail.endpoint import Security
from support.kube import until
from support.patience import PATIENCE
from testbed.dovecot import Dovecot
from testbed.mailserver import MailServer, free_ports, servers_folder

pytestmark = pytest.mark.integration


def test_a_changed_password_is_picked_up_within_five_seconds(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fetcher.start()
    until(lambda: server.dovecot.logins(account.address) == 1, seconds=10, what="signed in")
    server.dovecot.set_password(account.address, "second")
    fetcher.write_password("second\n")
    until(lambda: server.dovecot.logins(account.address) == 2, seconds=5, what="signed in anew")
    until(lambda: fetcher.metric("credential_reloads_total") == 1, seconds=2, what="counted")
    server.dovecot.seed(account.address, numbered(1))
    receiver.wait_accepted(1)


def test_a_refused_login_is_tried_once_until_the_password_changes(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fetcher.write_password("not-this-one")
    fetcher.start()
    progress = fetcher.wait_state("LoginRefused")
    assert "not-this-one" not in progress.message + fetcher.log()
    assert progress.reason == "CredentialsInvalid"
    time_passes = time.monotonic() + 3
    until(lambda: time.monotonic() > time_passes, seconds=5, what="three seconds in which it could try again")
    assert server.dovecot.refused_logins(account.address, least=1) == 1
    fetcher.write_password(account.password)
    fetcher.wait_state("Idle")
    server.dovecot.seed(account.address, numbered(1))
    receiver.wait_accepted(1)


def test_a_refused_login_is_tried_again_when_the_operator_was_let_in(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    """A server can refuse what it takes a moment later: the password stays as it is, and the plan changes."""
    server.dovecot.set_password(account.address, "second")
    fetcher.start()
    fetcher.wait_state("LoginRefused")
    server.dovecot.set_password(account.address, account.password)
    fetcher.write_plan(replace(fetcher.plan, admitted_at="2026-01-02T03:04:05Z"))
    fetcher.wait_state("Idle")
    server.dovecot.seed(account.address, numbered(1))
    receiver.wait_accepted(1)
    assert server.dovecot.refused_logins(account.address, least=1) == 1


@pytest.mark.parametrize("security", [Security.START_TLS, Security.NONE])
def test_other_kinds_of_security(
    security: Security, server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    source = replace(fetcher.plan.source, security=security, port=server.dovecot.imap)
    fetcher.write_plan(replace(fetcher.plan, source=source))
    server.dovecot.seed(account.address, numbered(2))
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 2
    tls = [line for line in server.dovecot.log().splitlines() if f"Login: user=<{account.address}>" in line]
    assert ("TLS" in tls[-1]) is (security is Security.START_TLS)


def test_an_untrusted_certificate_shows_the_password_to_nobody(
    server: MailServer, account: Account, fetcher: Fetcher
) -> None:
    fetcher.write_plan(replace(fetcher.plan, source=replace(fetcher.plan.source, ca_file=None)))
    assert fetcher.once() == 1
    assert server.dovecot.logins(account.address) == 0


def test_loopback_is_refused_unless_allowed(server: MailServer, account: Account, fetcher: Fetcher) -> None:
    command = [word for word in fetcher.command("--once") if word != "--allow-loopback"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "loopback" in done.stderr
    assert server.dovecot.logins(account.address) == 0


def test_only_new_mail_where_that_is_asked(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(3))
    fetcher.change(since_seconds=0)
    assert fetcher.once() == 0
    assert not receiver.events
    server.dovecot.seed(account.address, numbered(1, first=4))
    assert fetcher.once() == 0
    assert [event.fields["ce-messageid"] for event in receiver.events] == ["<4@x>"]


def test_the_first_sync_reaches_back_as_far_as_asked(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    maildir = server.dovecot.maildir(account.address)
    for age, name in ((0, "a"), (2 * 3600, "b"), (4 * 3600, "c"), (9 * 86_400, "d")):
        path = maildir / f"new/{int(time.time()) - age}.{name}.test"
        path.write_bytes(f"Message-ID: <{name}@x>\r\n\r\n".encode())
        shutil.chown(path, "mail", "mail")
        os.utime(path, (time.time() - age, time.time() - age))
    fetcher.change(since_seconds=3 * 3600)
    assert fetcher.once() == 0
    assert sorted(event.fields["ce-messageid"] for event in receiver.events) == ["<a@x>", "<b@x>"]


def test_a_folder_that_begins_anew_is_read_again_without_repeats(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(3))
    assert fetcher.once() == 0
    before = fetcher.saved()["folders"]["INBOX"]["uidvalidity"]
    maildir = server.dovecot.maildir(account.address)
    for path in maildir.glob("dovecot*"):
        path.unlink()
    server.dovecot.seed(account.address, numbered(1, first=9))
    until(lambda: int(time.time()) > before, seconds=3, what="another second, hence another UIDVALIDITY")
    assert fetcher.once() == 0
    assert fetcher.saved()["folders"]["INBOX"]["uidvalidity"] != before
    came = sorted(event.fields["ce-messageid"] for event in receiver.accepted)
    assert came == ["<1@x>", "<2@x>", "<3@x>", "<9@x>"]


def test_two_fetchers_of_one_checkpoint_do_not_both_run(
    account: Account, receiver: Receiver, server: MailServer, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(1))
    fetcher.start()
    receiver.wait_accepted(1)
    assert fetcher.once() == 3


@pytest.mark.timeout(80)
def test_a_server_that_restarts_is_found_again(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    imap, imaps = free_ports(2)
    with servers_folder() as root:

        def start() -> Dovecot:
            return Dovecot.start(root, pki=server.pki, imap=imap, imaps=imaps)

        own = start()
        try:
            own.set_password(account.address, account.password)
            own.maildir(account.address)
            fetcher.write_plan(replace(fetcher.plan, source=replace(fetcher.plan.source, port=imaps)))
            fetcher.start()
            fetcher.wait_state("Idle")
            own.kill()  # asked to stop, Dovecot 2.3 lets those who idle idle on for some ten seconds
            until(lambda: "session failed" in fetcher.log(), seconds=5, what="the loss is noticed")
            shutil.rmtree(root / "log")
            shutil.rmtree(root / "run")  # sockets that a killed master leaves behind
            own = start()
            own.seed(account.address, numbered(1))
            receiver.wait_accepted(1, seconds=60)  # a busy machine takes its time to authenticate again
            assert fetcher.metric("reconnects_total") >= 1
        finally:
            own.stop()


def test_it_leaves_at_once_and_loses_nothing(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    server.dovecot.seed(account.address, numbered(300))
    receiver.delay = 0.05
    fetcher.start()
    receiver.wait_accepted(20)
    asked = time.monotonic()
    assert fetcher.stop() == 0
    assert time.monotonic() - asked < 10 * PATIENCE
    receiver.delay = 0
    delivered = len(receiver.accepted)
    assert fetcher.once() == 0
    assert len(receiver.accepted) == 300, f"{delivered} before it left, each once"


def test_new_mail_is_delivered_as_soon_as_the_server_tells(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    fetcher.change(mark_seen=False)
    fetcher.start()
    fetcher.wait_state("Idle")
    took = []
    for number in range(1, 6):
        server.dovecot.seed(account.address, numbered(1, first=number))
        seeded = time.monotonic()
        receiver.wait_accepted(number)
        took.append(time.monotonic() - seeded)
    assert sorted(took)[2] < 1.5 * PATIENCE, f"Dovecot tells after up to half a second and a bit; it took {took}"
