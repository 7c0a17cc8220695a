"""Verification of a POP3 side against a real Dovecot, sending through a real Postfix."""

import os
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage

import pytest

from integration.conftest import Account
from integration.verification.targets import asked, by_step, changed, outgoing, prove
from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security, TlsOptions
from mailbox_operator.mail.secret import Secret
from mailbox_operator.verification.loop import HEADER, render_message
from mailbox_operator.verification.model import Side, Step, Target, Timeouts, Verdict
from testbed.mailserver import MailServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

PORTS: dict[Security, Callable[[MailServer], int]] = {
    Security.TLS: lambda server: server.dovecot.pop3s,
    Security.START_TLS: lambda server: server.dovecot.pop3,
    Security.NONE: lambda server: server.dovecot.pop3,
}


def incoming(
    server: MailServer, account: Account, security: Security = Security.TLS, *, mechanism: str | None = None
) -> Side:
    endpoint = Endpoint(
        protocol=Protocol.POP3,
        host="localhost",
        port=PORTS[security](server),
        security=security,
        tls=TlsOptions(ca_pem=server.ca_pem),
    )
    credential = Credential(username=account.address, secret=Secret(account.password), mechanism=mechanism)
    return Side(endpoint=endpoint, credential=credential)


def receiving(server: MailServer, account: Account) -> Target:
    return Target(
        address=account.address,
        incoming=incoming(server, account),
        outgoing=None,
        timeouts=Timeouts(connect=15, authenticate=15, step=30),
    )


@pytest.mark.parametrize("security", [Security.TLS, Security.START_TLS])
async def test_all_steps_hold_and_nothing_is_left_behind(
    server: MailServer, account: Account, security: Security
) -> None:
    target = Target(
        address=account.address,
        incoming=incoming(server, account, security),
        outgoing=outgoing(server, account, security),
        test=asked(),
    )
    report = await prove(target)
    assert [result.step for result in report.results] == list(Step)
    assert [(r.step, r.verdict, r.message) for r in report.results if r.verdict is not Verdict.TRUE] == []
    assert "TLSv1.3, certificate issued by Mailbox Test CA" in by_step(report)[Step.INCOMING_SECURED].message
    assert by_step(report)[Step.FOLDERS_ACCESSIBLE].message == "INBOX: 0 messages"
    assert report.cautions == ()
    assert server.dovecot.count(account.address) == 0


@pytest.mark.parametrize("mechanism", ["Plain", "Login"])
async def test_each_mechanism_signs_in(server: MailServer, account: Account, mechanism: str) -> None:
    target = replace(receiving(server, account), incoming=incoming(server, account, mechanism=mechanism))
    assert by_step(await prove(target))[Step.INCOMING_AUTHENTICATED].verdict is Verdict.TRUE


async def test_plain_text_is_done_where_it_is_asked_for_and_warned_about(server: MailServer, account: Account) -> None:
    report = await prove(replace(receiving(server, account), incoming=incoming(server, account, Security.NONE)))
    assert by_step(report)[Step.INCOMING_SECURED].reason == "NotApplicable"
    assert by_step(report)[Step.FOLDERS_ACCESSIBLE].verdict is Verdict.TRUE
    assert [caution.type for caution in report.cautions] == ["PlaintextTransport"]


async def test_a_test_message_left_behind_is_swept_and_nothing_else(server: MailServer, account: Account) -> None:
    left, young, named = (render_message(account.address, token=token * 32) for token in "abc")
    named.replace_header(HEADER, "a person's")
    for old in (left, named):
        old.replace_header("Date", "Tue, 14 Nov 2023 22:13:20 +0000")
    kept = EmailMessage()
    kept["Subject"] = "a person's"
    server.dovecot.seed(account.address, [one.as_bytes() for one in (left, named, kept, young)])
    report = await prove(
        Target(
            address=account.address,
            incoming=incoming(server, account),
            outgoing=outgoing(server, account),
            test=asked(),
        )
    )
    assert by_step(report)[Step.TEST_MESSAGE_DELIVERED].verdict is Verdict.TRUE
    maildir = server.dovecot.maildir(account.address)
    texts = [path.read_text() for name in ("cur", "new") for path in (maildir / name).iterdir()]
    assert not any("a" * 32 in text for text in texts)
    assert len(texts) == 3


async def test_a_wrong_password_is_tried_once_and_stops_the_chain(server: MailServer, account: Account) -> None:
    wrong = Account(address=account.address, password="not-it")
    found = by_step(await prove(replace(receiving(server, account), incoming=incoming(server, wrong))))
    refused = found[Step.INCOMING_AUTHENTICATED]
    assert (refused.verdict, refused.reason, refused.retry) == (Verdict.FALSE, "CredentialsInvalid", Retry.NO)
    assert "[AUTH]" in refused.message
    assert found[Step.FOLDERS_ACCESSIBLE].reason == "BlockedByEarlierStep"
    assert server.dovecot.refused_logins(account.address, least=1) == 1


@pytest.mark.parametrize(
    ("port", "security", "step", "reason"),
    [
        ("pop3", Security.TLS, Step.INCOMING_SECURED, "TLSModeMismatch"),
        ("pop3s", Security.START_TLS, Step.INCOMING_REACHABLE, "ServerSilent"),
        ("imap", Security.START_TLS, Step.INCOMING_REACHABLE, "WrongProtocol"),
        ("imaps", Security.TLS, Step.INCOMING_SECURED, "WrongProtocol"),
    ],
)
async def test_a_wrong_port_is_told_from_a_wrong_mode(
    server: MailServer, account: Account, port: str, security: Security, step: Step, reason: str
) -> None:
    target = receiving(server, account)
    if reason == "ServerSilent":
        target = replace(target, timeouts=Timeouts(connect=1))
    side = changed(target.incoming, port=getattr(server.dovecot, port), security=security)
    found = by_step(await prove(replace(target, incoming=side)))[step]
    assert (found.verdict, found.reason) == (Verdict.FALSE, reason)


async def test_an_smtp_server_on_the_port_is_recognised(server: MailServer, account: Account) -> None:
    target = receiving(server, account)
    side = changed(target.incoming, port=server.postfix.smtp, security=Security.START_TLS)
    found = by_step(await prove(replace(target, incoming=side)))[Step.INCOMING_REACHABLE]
    assert (found.reason, found.retry) == ("WrongProtocol", Retry.NO)
    assert "220 " in found.message


async def test_old_messages_do_not_hide_the_test_message(server: MailServer, account: Account) -> None:
    note = EmailMessage()
    note["Subject"] = "x" * 5000  # longer than the lines that poplib takes
    note.set_content("1\n.\n..2\n")
    server.dovecot.seed(account.address, [note.as_bytes()] * 60)
    for path in (server.dovecot.maildir(account.address) / "new").iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    report = await prove(
        Target(
            address=account.address,
            incoming=incoming(server, account),
            outgoing=outgoing(server, account),
            test=asked(),
        )
    )
    assert by_step(report)[Step.TEST_MESSAGE_DELIVERED].verdict is Verdict.TRUE
    assert server.dovecot.count(account.address) == 60
