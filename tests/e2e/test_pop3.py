"""A Mailbox that comes in by POP3: proven with a test message, fetched, removed; what is wrong with others is named beside it."""

from collections.abc import Iterator

import pytest

from e2e.conftest import Team
from e2e.mailserver import MailServer
from support.kube import until
from testbed.hostile import hostile_server
from testbed.scripted import answering

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

WITHOUT_UIDL = 1110
"""A port of the mail server where a server of 1994 answers (RFC 1725 made UIDL, and left it optional)."""
RECEIVES_ONLY = {"protocol": "None", "host": None, "security": None}


@pytest.fixture
def old_server(mail: MailServer) -> Iterator[None]:
    answers = {b"USER": b"+OK\r\n", b"PASS": b"+OK\r\n", b"STAT": b"+OK 1 99\r\n", b"QUIT": b"+OK\r\n"}
    talk = answering(b"+OK ready\r\n", {**answers, b"": b"-ERR Unknown command\r\n"})
    with hostile_server(mail.host, {WITHOUT_UIDL: talk}):
        yield


@pytest.mark.usefixtures("old_server")
def test_mail_comes_in_by_pop3_and_what_is_wrong_is_named(team: Team) -> None:
    removing = {"mode": "Poll", "interval": "10s", "afterFetch": {"leaveOnServer": False}}
    team.mailbox("legacy", incoming={"protocol": "POP3"}, fetch=removing)
    team.account("wrong")
    team.password("wrong", "not-the-password")
    team.mailbox("wrong", with_secret=False, incoming={"protocol": "POP3"}, outgoing=RECEIVES_ONLY)
    old = {"protocol": "POP3", "port": WITHOUT_UIDL, "security": "None"}
    team.mailbox("old", incoming=old, outgoing=RECEIVES_ONLY)

    team.kube.wait_condition("legacy", "Ready")
    conditions = team.kube.conditions("legacy")
    assert {one["status"] for one in conditions.values()} == {"True"}
    assert conditions["FoldersAccessible"]["message"] == "INBOX: 0 messages"
    assert conditions["TestMessageDelivered"]["reason"] == "Succeeded"
    team.send("legacy", [f"Subject: number {n}\r\n\r\nhello {n}\r\n".encode() for n in range(3)])
    events = team.receiver.wait_events(3, seconds=25)
    assert len({event["ce-id"] for event in events}) == len(events) == 3
    until(lambda: team.mail.count(team.address("legacy")) == 0, seconds=25, what="what was handed over is removed")

    refused = team.kube.wait_condition("wrong", "IncomingAuthenticated", "False", reason="CredentialsInvalid")
    assert "[AUTH]" in refused["message"]
    lacking = team.kube.wait_condition("old", "FoldersAccessible", "False", reason="UIDLUnsupported")
    assert "IMAP" in lacking["message"]
    team.kube.wait_condition("old", "PlaintextTransport")
