"""Verification against a real Dovecot and a real Postfix."""

import os
from dataclasses import replace
from email.message import EmailMessage

import pytest

from integration.conftest import Account
from integration.verification.targets import asked, by_step, changed, incoming, outgoing, prove, receiving
from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.mail.endpoint import Security
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.mailbox_name import encode_mailbox_name
from mailbox_operator.verification.limits import Limits
from mailbox_operator.verification.loop import HEADER, render_message
from mailbox_operator.verification.model import Step, StepResult, Target, Verdict
from mailbox_operator.verification.runner import verify
from testbed.mailserver import MailServer, free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


@pytest.mark.parametrize("security", [Security.TLS, Security.START_TLS])
async def test_all_steps_hold_and_nothing_is_left_behind(
    server: MailServer, account: Account, security: Security
) -> None:
    told: list[StepResult] = []
    target = Target(
        address=account.address,
        incoming=incoming(server, account, security),
        outgoing=outgoing(server, account, security),
        test=asked(),
    )
    report = await verify(target, policy=ANYTHING, limits=Limits(), listener=told.append)
    assert [result.step for result in report.results] == list(Step)
    assert [(r.step, r.verdict, r.message) for r in report.results if r.verdict is not Verdict.TRUE] == []
    assert "TLSv1.3, certificate issued by Mailbox Test CA" in by_step(report)[Step.INCOMING_SECURED].message
    assert by_step(report)[Step.FOLDERS_ACCESSIBLE].message == "INBOX: 0 messages"
    assert {result.step for result in told} == set(Step)
    assert report.cautions == ()
    assert server.dovecot.count(account.address) == 0


async def test_plain_text_is_done_where_it_is_asked_for_and_warned_about(server: MailServer, account: Account) -> None:
    report = await prove(replace(receiving(server, account), incoming=incoming(server, account, Security.NONE)))
    assert by_step(report)[Step.INCOMING_SECURED].reason == "NotApplicable"
    assert by_step(report)[Step.FOLDERS_ACCESSIBLE].verdict is Verdict.TRUE
    assert [caution.type for caution in report.cautions] == ["PlaintextTransport"]


async def test_what_both_sides_are_warned_about_is_told_of_both(server: MailServer, account: Account) -> None:
    sends = changed(outgoing(server, account, Security.NONE), host="127.0.0.1")
    plain = replace(receiving(server, account), incoming=incoming(server, account, Security.NONE), outgoing=sends)
    [caution] = (await prove(plain)).cautions
    assert caution.message.index("to localhost in plain text") < caution.message.index("to 127.0.0.1 in plain text")


async def test_a_test_message_left_behind_is_swept_and_nothing_else(server: MailServer, account: Account) -> None:
    left, young, named = (render_message(account.address, token=token * 32) for token in "abc")
    named.replace_header(HEADER, "a person's")
    kept = EmailMessage()
    kept["Subject"] = "a person's"
    server.dovecot.seed(account.address, [one.as_bytes() for one in (left, named, kept)])
    for path in (server.dovecot.maildir(account.address) / "new").iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    server.dovecot.seed(account.address, [young.as_bytes()])
    target = Target(
        address=account.address,
        incoming=incoming(server, account),
        outgoing=outgoing(server, account),
        test=asked(),
    )
    report = await prove(target)
    assert by_step(report)[Step.TEST_MESSAGE_DELIVERED].verdict is Verdict.TRUE
    maildir = server.dovecot.maildir(account.address)
    texts = [path.read_text() for name in ("cur", "new") for path in (maildir / name).iterdir()]
    assert not any("a" * 32 in text for text in texts)
    assert len(texts) == 3


async def test_a_wrong_password_stops_the_chain_and_not_the_other(server: MailServer, account: Account) -> None:
    wrong = Account(address=account.address, password="not-it")
    target = Target(
        address=account.address,
        incoming=incoming(server, wrong),
        outgoing=outgoing(server, account),
        test=asked(),
    )
    found = by_step(await prove(target))
    refused = found[Step.INCOMING_AUTHENTICATED]
    assert (refused.verdict, refused.reason, refused.retry) == (Verdict.FALSE, "CredentialsInvalid", Retry.NO)
    assert "[AUTHENTICATIONFAILED]" in refused.message
    assert found[Step.FOLDERS_ACCESSIBLE].reason == "BlockedByEarlierStep"
    assert found[Step.OUTGOING_AUTHENTICATED].verdict is Verdict.TRUE
    assert found[Step.TEST_MESSAGE_DELIVERED].reason == "BlockedByEarlierStep"
    assert server.dovecot.refused_logins(account.address, least=1) == 1, "tried once"


async def test_a_wrong_password_for_sending_is_tried_once(server: MailServer, account: Account) -> None:
    wrong = Account(address=account.address, password="not-it")
    target = Target(address=account.address, incoming=incoming(server, account), outgoing=outgoing(server, wrong))
    found = by_step(await prove(target))[Step.OUTGOING_AUTHENTICATED]
    assert (found.reason, found.retry) == ("CredentialsInvalid", Retry.NO)
    assert server.dovecot.refused_logins(account.address, least=1) == 1


async def test_sending_as_somebody_else_is_found_out_without_sending(server: MailServer, account: Account) -> None:
    target = Target(address="boss@peers.test", incoming=incoming(server, account), outgoing=outgoing(server, account))
    found = by_step(await prove(target))[Step.OUTGOING_AUTHENTICATED]
    assert (found.verdict, found.reason) == (Verdict.FALSE, "SendAsDenied")


async def test_each_further_identity_is_proven_and_a_refused_one_named(server: MailServer, account: Account) -> None:
    own = account.address.replace("@", "+sales@")
    target = Target(
        address=account.address,
        incoming=incoming(server, account),
        outgoing=outgoing(server, account),
        identities=(own,),
    )
    found = by_step(await prove(target))[Step.OUTGOING_AUTHENTICATED]
    assert found.message == f"Signed in as {account.address}, may send as {account.address}, {own}"
    found = by_step(await prove(replace(target, identities=(own, "boss@peers.test"))))[Step.OUTGOING_AUTHENTICATED]
    assert (found.verdict, found.reason) == (Verdict.FALSE, "SendAsDenied")
    assert found.message.startswith("boss@peers.test: ")
    assert server.dovecot.count(account.address) == 0


async def test_a_credential_that_is_refused_is_not_shown_to_the_other_side(
    server: MailServer, account: Account
) -> None:
    wrong = Account(address=account.address, password="not-it")
    target = Target(address=account.address, incoming=incoming(server, wrong), outgoing=outgoing(server, wrong))
    found = by_step(await prove(target))
    assert found[Step.INCOMING_AUTHENTICATED].reason == "CredentialsInvalid"
    assert found[Step.OUTGOING_SECURED].verdict is Verdict.TRUE
    other = found[Step.OUTGOING_AUTHENTICATED]
    assert (other.verdict, other.reason) == (Verdict.UNKNOWN, "BlockedByEarlierStep")
    assert "the incoming side has refused the same credential" in other.message
    assert server.dovecot.refused_logins(account.address, least=1) == 1


async def test_where_the_incoming_side_cannot_tell_the_outgoing_is_tried(server: MailServer, account: Account) -> None:
    gone = changed(incoming(server, account), port=free_ports(1)[0])
    target = Target(address=account.address, incoming=gone, outgoing=outgoing(server, account))
    assert by_step(await prove(target))[Step.OUTGOING_AUTHENTICATED].verdict is Verdict.TRUE


async def test_a_test_message_that_was_sent_before_is_only_looked_for(server: MailServer, account: Account) -> None:
    target = Target(
        address=account.address,
        incoming=incoming(server, account),
        outgoing=outgoing(server, account),
        test=asked(is_sent=True),
    )
    found = by_step(await prove(target))[Step.TEST_MESSAGE_DELIVERED]
    assert (found.verdict, found.reason) == (Verdict.FALSE, "TestMessageNotReceived")
    server.dovecot.seed(account.address, [render_message(account.address, token="f" * 32).as_bytes()])
    found = by_step(await prove(target))[Step.TEST_MESSAGE_DELIVERED]
    assert found.verdict is Verdict.TRUE, "it came late"
    assert server.dovecot.count(account.address) == 0


async def test_a_missing_folder_is_named(server: MailServer, account: Account) -> None:
    found = by_step(await prove(replace(receiving(server, account), folders=("Nowhere",))))[Step.FOLDERS_ACCESSIBLE]
    assert (found.reason, found.retry) == ("FolderNotFound", Retry.NO)
    assert found.message.startswith("Nowhere: ")


async def test_folders_are_chosen_by_special_use_and_glob_and_in_any_script(
    server: MailServer, account: Account
) -> None:
    for name in ("Büro/neu", "Büro/alt", "日本語"):
        on_disk = encode_mailbox_name(name).decode().replace("/", ".")
        server.dovecot.seed(account.address, [b"Subject: x\r\n\r\n"], folder=on_disk)
    chosen = replace(receiving(server, account), folders=("INBOX", r"\Junk", "Büro/*", "日本語"), exclude=("*/alt",))
    found = by_step(await prove(chosen))[Step.FOLDERS_ACCESSIBLE]
    assert found.message == "INBOX: 0 messages, Büro/neu: 1 messages, Junk: 0 messages, 日本語: 1 messages"
    assert by_step(await prove(replace(chosen, folders=("日本語",))))[Step.FOLDERS_ACCESSIBLE].verdict is Verdict.TRUE
    missing = by_step(await prove(replace(chosen, folders=("INBOX", r"\Archive"))))[Step.FOLDERS_ACCESSIBLE]
    assert (missing.reason, missing.message.partition(":")[0]) == ("FolderNotFound", r"\Archive")
    nothing = by_step(await prove(replace(chosen, folders=("Nothing/*",))))[Step.FOLDERS_ACCESSIBLE]
    assert (nothing.reason, nothing.message.partition(":")[0]) == ("FolderNotFound", "Nothing/*")


async def test_a_test_message_that_was_filed_as_junk_is_found_and_removed(server: MailServer, account: Account) -> None:
    server.dovecot.seed(account.address, [render_message(account.address, token="f" * 32).as_bytes()], folder="Junk")
    target = Target(
        address=account.address,
        incoming=incoming(server, account),
        outgoing=outgoing(server, account),
        test=asked(is_sent=True),
    )
    found = by_step(await prove(target))[Step.TEST_MESSAGE_DELIVERED]
    assert found.message == f"A message to {account.address} came back into Junk and was removed"
    assert (
        by_step(await prove(replace(target, folders=("Junk",))))[Step.FOLDERS_ACCESSIBLE].message == "Junk: 0 messages"
    )
