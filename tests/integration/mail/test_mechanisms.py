"""Every mechanism against a real Dovecot, and through Postfix."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mailbox_operator.fetcher.imap.sign_in import Door, open_imap
from mailbox_operator.fetcher.plan import Source
from mailbox_operator.fetcher.source import LoginRefusedError
from mailbox_operator.mail.credential import Credential, CredentialKind
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security, TlsOptions
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.imap.session import ImapSession
from mailbox_operator.mail.pop3.login import Pop3Login
from mailbox_operator.mail.pop3.session import Pop3Session
from mailbox_operator.mail.secret import Secret
from mailbox_operator.mail.session import Session
from mailbox_operator.mail.smtp import SmtpSession
from support.descriptors import connections_to
from support.kube import until
from testbed.dovecot import Dovecot
from testbed.introspection import dovecot_settings, introspecting
from testbed.mailserver import free_ports, servers_folder
from testbed.pki import Pki
from testbed.postfix import Postfix

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

ADA = "ada@peers.test"
PASSWORD = "pässwörd ☂, and long"
TOKEN = "a.token." + "x" * 1500
"""As long as Microsoft's."""
PROVING = [("CRAMMD5", "CRAM-MD5"), ("SCRAM", "SCRAM-SHA-256")]
SHOWING = [("Plain", "PLAIN"), ("Login", "LOGIN"), (None, "PLAIN")]
BEARING = [("XOAUTH2", "XOAUTH2"), ("OAUTHBEARER", "OAUTHBEARER"), (None, "XOAUTH2")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    dovecot: Dovecot
    postfix: Postfix
    ca_pem: str


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    ports = free_ports(6)
    with servers_folder() as root:
        pki = Pki.make(root / "pki", "localhost")
        with introspecting({TOKEN: ADA}) as url:
            settings = dovecot_settings(root, url=url) + "auth_verbose = yes\n"
            dovecot = Dovecot.start(
                root / "dovecot", pki=pki, imap=ports[0], imaps=ports[1], pop3s=ports[5], settings=settings
            )
            try:
                dovecot.set_password(ADA, PASSWORD)
                postfix = Postfix.start(
                    root / "postfix",
                    dovecot=dovecot,
                    pki=pki,
                    domain="peers.test",
                    smtp=ports[2],
                    submission=ports[3],
                    submissions=ports[4],
                )
                try:
                    yield Peers(dovecot=dovecot, postfix=postfix, ca_pem=pki.ca_pem)
                finally:
                    postfix.stop()
            finally:
                dovecot.stop()


def session(peers: Peers, protocol: Protocol, security: Security = Security.TLS) -> Session:
    ports = {
        (Protocol.IMAP, Security.TLS): peers.dovecot.imaps,
        (Protocol.IMAP, Security.NONE): peers.dovecot.imap,
        (Protocol.POP3, Security.TLS): peers.dovecot.pop3s,
        (Protocol.SMTP, Security.TLS): peers.postfix.submissions,
    }
    port, tls = ports[protocol, security], TlsOptions(ca_pem=peers.ca_pem)
    endpoint = Endpoint(protocol=protocol, host="localhost", port=port, security=security, tls=tls)
    kinds: dict[Protocol, type[ImapSession | Pop3Session | SmtpSession]] = {
        Protocol.IMAP: ImapSession,
        Protocol.POP3: Pop3Session,
        Protocol.SMTP: SmtpSession,
    }
    return kinds[protocol](endpoint, policy=ANYTHING)


async def sign_in(session: Session, credential: Credential) -> str:
    """Return by what the session says it has signed in, as the API has it."""
    try:
        async with asyncio.timeout(40):
            await session.reach()
            await session.secure()
            return await session.sign_in(credential)
    finally:
        await session.close()


def password(mechanism: str | None, secret: str = PASSWORD) -> Credential:
    return Credential(username=ADA, secret=Secret(secret), mechanism=mechanism)


def token(mechanism: str | None, secret: str = TOKEN) -> Credential:
    return Credential(username=ADA, secret=Secret(secret), kind=CredentialKind.TOKEN, mechanism=mechanism)


def used(peers: Peers) -> str:
    """Return the mechanism of the last login that Dovecot tells of."""
    return peers.dovecot.log().rpartition("method=")[2].partition(",")[0]


@pytest.mark.parametrize(("mechanism", "name"), [*PROVING, *SHOWING])
@pytest.mark.parametrize("protocol", [Protocol.IMAP, Protocol.SMTP])
async def test_a_password_signs_in(peers: Peers, protocol: Protocol, mechanism: str | None, name: str) -> None:
    assert await sign_in(session(peers, protocol), password(mechanism)) == (mechanism or "Plain")
    if protocol is Protocol.IMAP:
        until(lambda: used(peers) == name, seconds=5, what=f"a login by {name}")


async def test_a_dovecot_says_nothing_of_utf8_by_pop3_and_takes_it(peers: Peers) -> None:
    """So the command of RFC 6856 goes only where it is offered, and the octets in any case."""
    assert await sign_in(session(peers, Protocol.POP3), password(None)) == "Plain"
    until(lambda: used(peers) == "PLAIN", seconds=5, what="a login by AUTH")
    tls = TlsOptions(ca_pem=peers.ca_pem)
    where = Endpoint(protocol=Protocol.POP3, host="localhost", port=peers.dovecot.pop3s, security=Security.TLS, tls=tls)
    login = Pop3Login(where, policy=ANYTHING)
    try:
        async with asyncio.timeout(40):
            await login.connect()
            await login.secure()
            assert not (await login.capabilities()).utf8
            with pytest.raises(MailError, match="-ERR"):
                await login.ask("UTF8")
            await login.ask(f"USER {ADA}")
            await login.ask(f"PASS {PASSWORD}")
    finally:
        await login.close()


async def test_on_a_plain_wire_the_password_is_proven_and_not_shown(peers: Peers) -> None:
    assert await sign_in(session(peers, Protocol.IMAP, Security.NONE), password(None)) == "SCRAM"
    until(lambda: used(peers) == "SCRAM-SHA-256", seconds=5, what="a login by SCRAM")


@pytest.mark.parametrize(("mechanism", "name"), BEARING)
@pytest.mark.parametrize("protocol", [Protocol.IMAP, Protocol.SMTP])
async def test_a_long_token_signs_in(peers: Peers, protocol: Protocol, mechanism: str | None, name: str) -> None:
    assert await sign_in(session(peers, protocol), token(mechanism)) == (mechanism or "XOAUTH2")
    if protocol is Protocol.IMAP:
        until(lambda: used(peers) == name, seconds=5, what=f"a login by {name}")


@pytest.mark.parametrize("mechanism", [mechanism for mechanism, _ in (*PROVING, *SHOWING)])
@pytest.mark.parametrize("protocol", [Protocol.IMAP, Protocol.SMTP])
async def test_a_wrong_password_is_refused_in_the_servers_words(
    peers: Peers, protocol: Protocol, mechanism: str | None
) -> None:
    with pytest.raises(MailError) as caught:
        await sign_in(session(peers, protocol), password(mechanism, "another"))
    error = caught.value
    assert (error.response_code or error.enhanced_code) in {"AUTHENTICATIONFAILED", "5.7.8"}
    assert "another" not in error.text


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("protocol", [Protocol.IMAP, Protocol.SMTP])
async def test_a_refused_token_comes_with_the_servers_json(peers: Peers, protocol: Protocol, mechanism: str) -> None:
    with pytest.raises(MailError) as caught:
        await sign_in(session(peers, protocol), token(mechanism, "b.token." + "y" * 1500))
    error = caught.value
    assert (error.response_code or error.enhanced_code) in {"AUTHENTICATIONFAILED", "5.7.8"}
    assert '"openid-configuration":"https://login.test/' in error.text
    assert "yyyyyyyyyyyy" not in error.text


def source(peers: Peers, mechanism: str | None) -> Source:
    return Source(
        protocol=Protocol.IMAP,
        host="localhost",
        port=peers.dovecot.imaps,
        security=Security.TLS,
        username=ADA,
        password_file="",
        mechanism=mechanism,
    )


def door(source: Source, folder: Path) -> Door:
    return Door(source=source, policy=ANYTHING, max_message=1000, spool_folder=folder)


@pytest.mark.parametrize(
    ("mechanism", "secret"),
    [
        *((name, PASSWORD) for name in ("Plain", "Login", "CRAMMD5", "SCRAM", None)),
        ("XOAUTH2", TOKEN),
        ("OAUTHBEARER", TOKEN),
    ],
)
async def test_the_fetcher_signs_in_by_the_same(
    peers: Peers, tmp_path: Path, mechanism: str | None, secret: str
) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(peers.ca_pem)
    where = replace(source(peers, mechanism), ca_file=str(ca_file))
    async with asyncio.timeout(40):
        connection, offered = await open_imap(door(where, tmp_path), Secret(secret))
        assert "IDLE" in offered
        connection.log_out()
        connection.close()
        await connection.wait_closed()


@pytest.mark.parametrize("mechanism", [None, "SCRAM", "XOAUTH2"])
async def test_the_fetcher_is_refused_in_the_same_words(peers: Peers, tmp_path: Path, mechanism: str | None) -> None:
    where = replace(source(peers, mechanism), port=peers.dovecot.imap, security=Security.NONE)
    before = connections_to(where.port)
    async with asyncio.timeout(40):
        with pytest.raises(LoginRefusedError) as caught:
            await open_imap(door(where, tmp_path), Secret("another" * 30))
        assert not connections_to(where.port) - before
    assert caught.value.response_code == "AUTHENTICATIONFAILED"
    assert ("openid-configuration" in caught.value.text) is (mechanism == "XOAUTH2")
