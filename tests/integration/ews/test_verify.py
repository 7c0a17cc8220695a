"""Verification against the simulated Exchange: what is proven, and each failure with its reason."""

import asyncio
import os
import threading
from dataclasses import replace
from typing import Any

import pytest

from integration.ews.conftest import Post
from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.mail.credential import Credential, CredentialKind
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security, TlsOptions
from mailbox_operator.mail.ews.session import EwsSession
from mailbox_operator.mail.guard import ANYTHING, AddressPolicy, parse_networks
from mailbox_operator.mail.secret import Secret
from mailbox_operator.verification.limits import Limits
from mailbox_operator.verification.model import LoopTest, Report, Retirement, Side, Step, StepResult, Target, Verdict
from mailbox_operator.verification.runner import verify
from support.patience import PATIENCE
from testbed.ews.misbehaving import HTML, RUNTIME_ERROR, answering, at, busy, redirecting
from testbed.ews.server import running_exchange
from testbed.ews.state import Misbehaviour

pytestmark = pytest.mark.integration

NETWORK_BUT_METADATA = AddressPolicy(allowed=parse_networks(("127.0.0.0/8", "::1/128")))


def side(post: Post, *, mechanism: str | None = None, **endpoint: Any) -> Side:
    common: dict[str, Any] = {
        "protocol": Protocol.EWS,
        "host": "localhost",
        "port": post.exchange.port,
        "security": Security.TLS,
        "tls": TlsOptions(ca_pem=post.pki.ca_pem),
        "path": "/EWS/Exchange.asmx",
    }
    credential = Credential(username=post.account.address, secret=Secret(post.account.password), mechanism=mechanism)
    return Side(endpoint=Endpoint(**common | endpoint), credential=credential)


def target(post: Post, **changes: Any) -> Target:
    return replace(Target(address=post.account.address, incoming=side(post), outgoing=None), **changes)


async def prove(asked: Target, policy: AddressPolicy = ANYTHING) -> Report:
    return await verify(asked, policy=policy, limits=Limits())


def by_step(report: Report) -> dict[Step, StepResult]:
    return {one.step: one for one in report.results}


async def first_fault(asked: Target, policy: AddressPolicy = ANYTHING) -> StepResult:
    return next(one for one in (await prove(asked, policy)).results if one.verdict is Verdict.FALSE)


@pytest.mark.parametrize(("offered", "warned"), [(("NTLM", "Basic"), True), (("Basic",), False)])
async def test_a_mechanism_that_the_provider_ends_warns_whom_it_signs_in(
    post: Post, offered: tuple[str, ...], *, warned: bool
) -> None:
    post.exchange.state.schemes = offered
    ending = Retirement(protocol=Protocol.EWS, mechanism="NTLM", date="2027-06-30", note="write mechanism: Basic")
    report = await prove(target(post, provider="corp", retirements=(ending,)))
    said = "MailProvider corp ends the sign-in by NTLM to EWS on 2027-06-30: write mechanism: Basic"
    assert [one.message for one in report.cautions] == ([said] if warned else [])
    assert {one.verdict for one in report.results} == {Verdict.TRUE}


@pytest.mark.parametrize("mechanism", [None, "NTLM", "Basic"])
async def test_a_mailbox_is_proven_whole_and_nothing_of_it_is_left(post: Post, mechanism: str | None) -> None:
    one = side(post, mechanism=mechanism)
    post.account.path("Projects/Alpha")
    asked = target(
        post,
        incoming=one,
        outgoing=one,
        folders=("INBOX", "projects/alpha", r"\Sent"),
        test=LoopTest(token="0" * 32, is_sent=False),
    )
    found = by_step(await prove(asked))
    assert {one.verdict for one in found.values()} == {Verdict.TRUE}, found
    assert found[Step.INCOMING_SECURED].message.startswith("TLSv1.3, certificate issued by Mailbox Test CA")
    assert found[Step.FOLDERS_ACCESSIBLE].message.startswith("INBOX: 5 messages, Projects/Alpha: 0 messages")
    assert "Microsoft Exchange Server 2016 (15.1.2507.61)" in found[Step.FOLDERS_ACCESSIBLE].message
    assert [len(folder.items) for folder in post.account.folders.values() if folder.items] == [5]
    assert {scheme for scheme, _, _ in post.exchange.state.sign_ins} == {mechanism or "NTLM"}


async def test_folders_are_meant_as_the_fetcher_means_them(post: Post) -> None:
    for folder in ("Projects/Alpha", "Projects/Beta"):
        post.account.path(folder)
    one = side(post)
    asked = target(post, folders=("Projects/*",), exclude=("*/beta",), incoming=one, outgoing=one)
    found = by_step(await prove(replace(asked, test=LoopTest(token="0" * 32, is_sent=False))))
    assert found[Step.FOLDERS_ACCESSIBLE].message.startswith("Projects/Alpha: 0 messages; "), found
    assert found[Step.TEST_MESSAGE_DELIVERED].verdict is Verdict.TRUE, "it comes into INBOX, which is not fetched"
    assert [len(folder.items) for folder in post.account.folders.values() if folder.items] == [5]


async def test_the_test_message_of_a_killed_run_is_found_in_the_junk_too(post: Post) -> None:
    token = "ab" * 16
    post.account.deliver(
        f"From: a@b.test\r\nSubject: Test of this mailbox ({token})\r\nX-Mailbox-Operator-Test: {token}\r\n\r\nx".encode(),
        folder="Junk Email",
    )
    found = by_step(await prove(target(post, outgoing=side(post), test=LoopTest(token=token, is_sent=False))))
    assert found[Step.TEST_MESSAGE_DELIVERED].verdict is Verdict.TRUE
    assert [len(folder.items) for folder in post.account.folders.values() if folder.items] == [5]
    assert "CreateItem" not in post.exchange.state.operations


async def test_a_bearer_token_signs_in(post: Post) -> None:
    post.exchange.state.tokens["a-token"] = post.account.address
    credential = Credential(username=post.account.address, secret=Secret("a-token"), kind=CredentialKind.TOKEN)
    found = by_step(await prove(target(post, incoming=replace(side(post), credential=credential))))
    assert found[Step.INCOMING_AUTHENTICATED].verdict is Verdict.TRUE
    assert {scheme for scheme, _, _ in post.exchange.state.sign_ins} == {"Bearer"}


async def test_a_delegate_opens_a_shared_mailbox_and_nobody_else_does(post: Post) -> None:
    shared = post.exchange.add_account("info@peers.test", "nobody signs in as it")
    asked = replace(target(post), address=shared.address)
    refused = await first_fault(asked)
    assert (refused.step, refused.reason) == (Step.INCOMING_AUTHENTICATED, "PermissionMissing")
    shared.delegates.add(post.account.address)
    shared.deliver(b"Subject: shared\r\n\r\nhello\r\n")
    found = by_step(await prove(asked))
    assert found[Step.FOLDERS_ACCESSIBLE].message.startswith("INBOX: 1 messages")


async def test_plain_http_is_told_of(post: Post) -> None:
    with running_exchange(pki=None) as exchange:
        account = exchange.add_account("plain@peers.test", "password")
        report = await prove(
            target(
                Post(exchange, account, post.pki),
                incoming=side(Post(exchange, account, post.pki), security=Security.NONE),
            )
        )
    assert by_step(report)[Step.INCOMING_SECURED].reason == "NotApplicable"
    assert [one.type for one in report.cautions] == ["PlaintextTransport"]


@pytest.mark.parametrize("mechanism", ["NTLM", "Basic"])
@pytest.mark.parametrize("who", ["password", "username"])
async def test_a_wrong_password_and_an_unknown_user_are_shown_once(post: Post, mechanism: str, who: str) -> None:
    one = side(post, mechanism=mechanism)
    wrong = {"secret": Secret("w-r-o-n-g")} if who == "password" else {"username": "nobody@peers.test"}
    one = replace(one, credential=replace(one.credential, **wrong))
    found = await first_fault(target(post, incoming=one, outgoing=one))
    assert (found.step, found.reason, found.retry) == (Step.INCOMING_AUTHENTICATED, "CredentialsInvalid", Retry.NO)
    assert [accepted for _, _, accepted in post.exchange.state.sign_ins] == [False]


async def test_a_mechanism_that_is_not_offered_is_not_tried(post: Post) -> None:
    post.exchange.state.schemes = ("Negotiate", "Basic")
    found = await first_fault(target(post, incoming=side(post, mechanism="NTLM")))
    assert (found.step, found.reason) == (Step.INCOMING_AUTHENTICATED, "AuthMechanismUnsupported")
    assert "negotiate, basic" in found.message
    assert post.exchange.state.sign_ins == []


async def test_the_authorities_of_the_environment_have_no_say(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setitem(os.environ, name, str(post.pki.folder / "ca.pem"))
    monkeypatch.setitem(os.environ, "HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setitem(os.environ, "https_proxy", "http://127.0.0.1:1")
    other = (post.pki.folder / "otherca.pem").read_text()
    found = await first_fault(target(post, incoming=side(post, tls=TlsOptions(ca_pem=other))))
    assert (found.step, found.reason) == (Step.INCOMING_SECURED, "TLSCertificateUntrusted")
    assert by_step(await prove(target(post)))[Step.FOLDERS_ACCESSIBLE].verdict is Verdict.TRUE


@pytest.mark.parametrize(
    ("certificate", "reason"), [("wronghost", "TLSHostnameMismatch"), ("expired", "TLSCertificateExpired")]
)
async def test_bad_certificates_are_named(post: Post, certificate: str, reason: str) -> None:
    with running_exchange(pki=post.pki, certificate=certificate) as exchange:
        found = await first_fault(target(Post(exchange, post.account, post.pki)))
    assert (found.step, found.reason) == (Step.INCOMING_SECURED, reason)


@pytest.mark.parametrize(
    ("misbehaviour", "step", "reason", "retry"),
    [
        (at("", answering(404)), Step.INCOMING_REACHABLE, "WrongEndpoint", Retry.NO),
        (at("", answering(503)), Step.INCOMING_REACHABLE, "ServerUnavailable", Retry.BACKOFF),
        (
            at("", answering(500, body=RUNTIME_ERROR, headers=HTML)),
            Step.INCOMING_REACHABLE,
            "ServerUnavailable",
            Retry.BACKOFF,
        ),
        (
            at("", answering(200, body=b"<title>Outlook</title>", headers=HTML)),
            Step.INCOMING_REACHABLE,
            "WrongProtocol",
            Retry.NO,
        ),
        (
            at("GetFolder", answering(200, body=b"<html/>", headers=HTML)),
            Step.INCOMING_AUTHENTICATED,
            "WrongProtocol",
            Retry.NO,
        ),
        (at("GetFolder", answering(200, body=b"<a>")), Step.INCOMING_AUTHENTICATED, "WrongProtocol", Retry.NO),
        (
            at("GetFolder", answering(200, body=b"<?xml version='1.0'?><a/>")),
            Step.INCOMING_AUTHENTICATED,
            "WrongProtocol",
            Retry.NO,
        ),
        (redirecting("https://localhost:1/elsewhere"), Step.INCOMING_REACHABLE, "WrongEndpoint", Retry.NO),
        (redirecting("http://169.254.169.254/latest/meta-data"), Step.INCOMING_REACHABLE, "ForbiddenAddress", Retry.NO),
    ],
)
async def test_faults_of_http_are_named(
    post: Post, misbehaviour: Misbehaviour, step: Step, reason: str, retry: Retry
) -> None:
    post.exchange.state.misbehaviours.append(misbehaviour)
    found = await first_fault(target(post), NETWORK_BUT_METADATA)
    assert (found.step, found.reason, found.retry) == (step, reason, retry), found.message


async def test_a_bare_403_is_a_missing_permission_whatever_else_it_may_be(post: Post) -> None:
    post.exchange.state.misbehaviours.append(at("", answering(403)))
    found = await first_fault(target(post))
    assert (found.step, found.retry) == (Step.INCOMING_REACHABLE, Retry.NO)
    assert found.reason.startswith("PermissionMissing"), found.message


@pytest.mark.parametrize(
    ("misbehaviour", "seconds"),
    [
        (at("", answering(429, headers={"Retry-After": "7"})), 7.0),
        (at("GetFolder", busy(4500)), 4.5),
    ],
)
async def test_the_named_pause_is_kept(post: Post, misbehaviour: Misbehaviour, seconds: float) -> None:
    post.exchange.state.misbehaviours.append(misbehaviour)
    found = await first_fault(target(post))
    assert (found.reason, found.retry, found.retry_after_seconds) == ("Throttled", Retry.AFTER, seconds), found.message


async def test_a_missing_folder_and_a_missing_mailbox_are_named(post: Post) -> None:
    found = await first_fault(target(post, folders=("INBOX", "Projects/Nowhere")))
    assert (found.step, found.reason) == (Step.FOLDERS_ACCESSIBLE, "FolderNotFound")
    assert "Projects/Nowhere" in found.message
    found = await first_fault(replace(target(post), address="nobody@peers.test"))
    assert (found.step, found.reason) == (Step.INCOMING_AUTHENTICATED, "MailboxNotFound")


async def test_sending_as_somebody_else_shows_when_it_is_tried(post: Post) -> None:
    boss = post.exchange.add_account("boss@peers.test", "nobody signs in as it")
    boss.delegates.add(post.account.address)
    one = side(post)
    asked = Target(address=boss.address, incoming=one, outgoing=one, test=LoopTest(token="0" * 32, is_sent=False))
    assert by_step(await prove(asked))[Step.TEST_MESSAGE_DELIVERED].verdict is Verdict.TRUE
    boss.may_be_sent_as = False
    found = by_step(await prove(asked))[Step.TEST_MESSAGE_DELIVERED]
    assert (found.verdict, found.reason) == (Verdict.FALSE, "SendAsDenied")


async def test_a_loopback_address_is_not_dialled_for_anybody(post: Post) -> None:
    found = await first_fault(target(post), AddressPolicy())
    assert (found.step, found.reason) == (Step.INCOMING_REACHABLE, "ForbiddenAddress")


async def test_a_server_is_found_by_an_address_of_ipv6(post: Post) -> None:
    tls = TlsOptions(ca_pem=post.pki.ca_pem, server_name="localhost")
    report = await prove(target(post, incoming=side(post, host="::ffff:127.0.0.1", tls=tls)))
    assert {one.verdict for one in report.results} == {Verdict.TRUE}


async def test_an_answer_without_end_is_left(post: Post) -> None:
    post.exchange.state.misbehaviours.append(at("", answering(404, body=b"x" * 9_000_000)))
    found = await first_fault(target(post))
    assert found.reason == "ServerSentTooMuch"


async def test_a_silent_server_holds_neither_us_nor_a_thread(post: Post) -> None:
    silence = threading.Event()

    def stay_silent(*_: object) -> bool:
        silence.wait(10)
        return False

    post.exchange.state.misbehaviours.append(stay_silent)
    session = EwsSession(side(post).endpoint, policy=ANYTHING, address=post.account.address)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):  # the libraries are loaded meanwhile
                await session.reach()
        async with asyncio.timeout(2 * PATIENCE):
            while session._wire._calls:  # noqa: ASYNC110 - the thread's end sets no event of the loop's
                await asyncio.sleep(0.02)
    finally:
        silence.set()
        await session.close()


async def test_the_password_is_nowhere(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    one = side(post, mechanism="Basic")
    for misbehaviour in (at("GetFolder", answering(500)), at("ConvertId", answering(200, body=b"<a>"))):
        post.exchange.state.misbehaviours.append(misbehaviour)
        report = await prove(target(post, incoming=one))
        assert post.account.password not in repr(report)
        post.exchange.state.misbehaviours.clear()
    assert post.account.password not in caplog.text
    assert "exchangelib" not in {record.name.partition(".")[0] for record in caplog.records}
