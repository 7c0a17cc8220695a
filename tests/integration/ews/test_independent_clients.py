"""The simulated Exchange, tried by clients that the project has not written. Each violation of the schemas fails a test."""

import imaplib
import json
import os
import smtplib
import subprocess
from pathlib import Path

import pytest

from support.bootstrap import EWS_CLIENTS
from support.patience import PATIENCE
from testbed.ews.clients.davmail import running_davmail
from testbed.ews.server import Exchange, running_exchange
from testbed.ews.world import Account
from testbed.pki import Pki

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

SCENARIO = Path(__file__).parents[2] / "testbed/ews/clients/scenario.mjs"


def furnish(exchange: Exchange) -> tuple[Account, Account]:
    """Seven messages and small pages."""
    exchange.state.page = 3
    support = exchange.add_account("support@peers.test", "correct horse")
    for number in range(7):
        support.deliver(
            b"From: someone@elsewhere.test\r\nTo: support@peers.test\r\nSubject: number %d\r\n\r\nhello\r\n" % number
        )
    return support, exchange.add_account("boss@peers.test", "battery staple")


def subjects(account: Account, folder: str = "inbox") -> set[str]:
    found = account.named(folder)
    assert found is not None
    return {str(item.headers["Subject"]) for item in found.items.values()}


def test_ews_javascript_api_finds_reads_synchronises_sends_moves_and_deletes(tmp_path: Path) -> None:
    pki = Pki.make(tmp_path / "pki", "localhost")
    with running_exchange(pki=pki) as exchange:
        support, boss = furnish(exchange)
        environment = os.environ | {
            "EWS_CLIENTS": str(EWS_CLIENTS),
            "NODE_EXTRA_CA_CERTS": str(pki.folder / "ca.pem"),
            "NODE_NO_WARNINGS": "1",
        }
        command = ["node", str(SCENARIO), exchange.url(), support.address, support.password, boss.address]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["subjects"] == [f"number {number}" for number in range(7)]
        assert (found["inbox"], found["searched"], found["synchronised"]) == ("Inbox", 1, 7)
        assert found["mime"]
        assert found["moved"]
        assert "401" in found["refused"]
        assert "From JavaScript" in subjects(boss) & subjects(support, "sentitems")
        assert (len(subjects(support)), len(subjects(support, "deleteditems"))) == (5, 1)


def test_davmail_lists_reads_marks_and_sends(tmp_path: Path) -> None:
    with running_exchange(pki=None) as exchange:
        support, boss = furnish(exchange)
        with running_davmail(tmp_path, url=exchange.url()) as gateway:
            imap = imaplib.IMAP4("127.0.0.1", gateway.imap, timeout=10 * PATIENCE)
            imap.login(support.address, support.password)
            assert imap.select("INBOX") == ("OK", [b"7"])
            uids = imap.uid("search", None, "ALL")[1][0].split()  # type: ignore[arg-type,unused-ignore]  # as imaplib wants it
            octets = imap.uid("fetch", uids[0].decode(), "(BODY.PEEK[])")[1][0][1]
            assert b"Subject: number 0" in octets
            imap.uid("store", uids[0].decode(), "+FLAGS", r"(\Seen)")
            imap.logout()
            with smtplib.SMTP("127.0.0.1", gateway.smtp, timeout=10 * PATIENCE) as smtp:
                smtp.login(support.address, support.password)
                letter = f"From: {support.address}\r\nTo: {boss.address}\r\nSubject: From Java\r\n\r\nhello\r\n"
                smtp.sendmail(support.address, [boss.address], letter)
            with (
                imaplib.IMAP4("127.0.0.1", gateway.imap, timeout=10 * PATIENCE) as refused,
                pytest.raises(imaplib.IMAP4.error),
            ):
                refused.login(support.address, "wrong")
        assert subjects(boss) == {"From Java"}
        inbox = support.named("inbox")
        assert inbox is not None
        assert sum(item.is_read for item in inbox.items.values()) == 1
