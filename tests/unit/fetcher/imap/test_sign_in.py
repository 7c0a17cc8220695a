"""Signing in, against servers of every kind, canned."""

import asyncio
import hmac
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from mailbox_operator.fetcher.imap.sign_in import Door, open_imap
from mailbox_operator.fetcher.plan import Source
from mailbox_operator.fetcher.source import LoginRefusedError
from mailbox_operator.mail.endpoint import Protocol, Security
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.imap.sign_in import quoted
from mailbox_operator.mail.secret import Secret
from unit.fetcher.peer import dialogue, playing

OK = b"TAG OK done\r\n"
PLAIN = b"AUTHENTICATE PLAIN AGFkYQBzZWNyZXQ="


def door(port: int, tmp_path: Path, *, security: Security = Security.NONE, mechanism: str | None = None) -> Door:
    source = Source(
        protocol=Protocol.IMAP,
        host="127.0.0.1",
        port=port,
        security=security,
        username="ada",
        password_file="",
        mechanism=mechanism,
    )
    return Door(source=source, policy=ANYTHING, max_message=1000, spool_folder=tmp_path)


async def sign_in(
    tmp_path: Path,
    *turns: tuple[bytes, bytes],
    greeting: bytes,
    security: Security = Security.NONE,
    mechanism: str | None = None,
) -> frozenset[str]:
    """Sign in to a server with this dialogue and return what it offers."""
    async with playing(dialogue(*turns, greeting=greeting)) as peer, asyncio.timeout(40):
        where = door(peer.port, tmp_path, security=security, mechanism=mechanism)
        connection, offered = await open_imap(where, Secret("secret"))
        connection.close()
        await connection.wait_closed()
        return offered


async def test_capabilities_in_greeting_and_reply_save_round_trips(tmp_path: Path) -> None:
    offered = await sign_in(
        tmp_path,
        (PLAIN, b"TAG OK [CAPABILITY IMAP4rev1 IDLE] in\r\n"),
        greeting=b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n",
    )
    assert offered == {"IMAP4REV1", "IDLE"}


async def test_a_terse_server_is_asked(tmp_path: Path) -> None:
    offered = await sign_in(
        tmp_path,
        (b"CAPABILITY", b"* CAPABILITY IMAP4rev1\r\n" + OK),
        (b'LOGIN "ada" "secret"', OK),
        (b"CAPABILITY", b"* CAPABILITY IMAP4rev1 ID\r\n" + OK),
        (b'ID ("name" "mailbox-operator" "vendor" "mailbox-operator")', b"* ID NIL\r\n" + OK),
        greeting=b"* OK hello\r\n",
    )
    assert "ID" in offered


async def test_what_was_asked_ahead_is_kept_while_capabilities_are_asked(tmp_path: Path) -> None:
    opening, told = b'EXAMINE "INBOX"', b"* OK [UIDVALIDITY 7] valid"
    turns = (
        (PLAIN, b"TAG OK in\r\n"),
        (opening, b""),  # takes its time
        (b"CAPABILITY", told + b"\r\nm2 OK open\r\n* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK done\r\n"),
    )
    greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n"
    async with playing(dialogue(*turns, greeting=greeting)) as peer, asyncio.timeout(40):
        where = replace(door(peer.port, tmp_path), ahead=(opening,))
        connection, offered = await open_imap(where, Secret("secret"))
        early = connection.take_ahead(opening)
        assert early is not None
        assert (await early).status == "OK"
        assert offered == {"IMAP4REV1", "IDLE"}
        assert connection.take_untagged() == [told]
        connection.close()
        await connection.wait_closed()


async def test_without_sasl_ir_the_credential_waits_for_the_server(tmp_path: Path) -> None:
    await sign_in(
        tmp_path,
        (b"AUTHENTICATE PLAIN", b"+ \r\n"),
        (b"AGFkYQBzZWNyZXQ=", b"* CAPABILITY IMAP4rev1\r\nm1 OK in\r\n"),
        greeting=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n",
    )


@pytest.mark.parametrize("code", [b"", b"[AUTHENTICATIONFAILED] ", b"[EXPIRED] "])
async def test_no_is_a_refused_login(code: bytes, tmp_path: Path) -> None:
    with pytest.raises(LoginRefusedError, match="Invalid") as caught:
        await sign_in(
            tmp_path,
            (PLAIN, b"TAG NO " + code + b"Invalid credentials\r\n"),
            greeting=b"* OK [CAPABILITY SASL-IR AUTH=PLAIN] hello\r\n",
        )
    assert caught.value.status == "NO"


@pytest.mark.parametrize("answer", [b"NO [UNAVAILABLE] later", b"NO [INUSE] busy", b"BAD what", b"NO [LIMIT] many"])
async def test_not_now_is_no_refused_login(answer: bytes, tmp_path: Path) -> None:
    with pytest.raises(MailError) as caught:
        await sign_in(
            tmp_path,
            (PLAIN, b"TAG " + answer + b"\r\n"),
            greeting=b"* OK [CAPABILITY SASL-IR AUTH=PLAIN] hello\r\n",
        )
    assert not isinstance(caught.value, LoginRefusedError)


@pytest.mark.parametrize("greeting", [b"* BYE too many connections\r\n", b"* PREAUTH you are root\r\n"])
async def test_other_greetings_are_refused(greeting: bytes, tmp_path: Path) -> None:
    with pytest.raises(MailError):
        await sign_in(tmp_path, greeting=greeting)


async def test_starttls_is_never_left_out(tmp_path: Path) -> None:
    with pytest.raises(MailError, match="STARTTLS not advertised") as caught:
        await sign_in(
            tmp_path, greeting=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n", security=Security.START_TLS
        )
    assert caught.value.area is Area.STARTTLS


async def test_a_refused_starttls_ends_the_session(tmp_path: Path) -> None:
    with pytest.raises(MailError, match="not today"):
        await sign_in(
            tmp_path,
            (b"STARTTLS", b"TAG NO not today\r\n"),
            greeting=b"* OK [CAPABILITY STARTTLS AUTH=PLAIN] hello\r\n",
            security=Security.START_TLS,
        )


async def test_what_is_sent_before_tls_does_not_count_as_sent_within(tmp_path: Path) -> None:
    with pytest.raises(MailError, match="more than the reply to STARTTLS"):
        await sign_in(
            tmp_path,
            (b"STARTTLS", b"TAG OK begin\r\n* CAPABILITY injec"),
            greeting=b"* OK [CAPABILITY STARTTLS AUTH=PLAIN] hello\r\n",
            security=Security.START_TLS,
        )


async def test_logindisabled_is_heeded(tmp_path: Path) -> None:
    with pytest.raises(MailError, match="LOGINDISABLED") as caught:
        await sign_in(tmp_path, greeting=b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello\r\n")
    assert not isinstance(caught.value, LoginRefusedError)


async def test_a_mechanism_that_is_asked_for_is_used(tmp_path: Path) -> None:
    await sign_in(
        tmp_path,
        (b'LOGIN "ada" "secret"', b"TAG OK [CAPABILITY IMAP4rev1] in\r\n"),
        greeting=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n",
        mechanism="Login",
    )
    with pytest.raises(MailError, match="CRAM-MD5 is not offered: the server offers LOGIN, PLAIN") as caught:
        await sign_in(tmp_path, greeting=b"* OK [CAPABILITY AUTH=PLAIN] hello\r\n", mechanism="CRAMMD5")
    assert caught.value.area is Area.POLICY


async def test_a_challenge_is_answered(tmp_path: Path) -> None:
    await sign_in(
        tmp_path,
        (b"AUTHENTICATE CRAM-MD5", b"+ " + b64encode(b"<1@x>") + b"\r\n"),
        (
            b64encode(b"ada " + hmac.new(b"secret", b"<1@x>", "md5").hexdigest().encode()),
            b"m1 OK [CAPABILITY IDLE] in\r\n",
        ),
        greeting=b"* OK [CAPABILITY AUTH=PLAIN AUTH=CRAM-MD5] hello\r\n",
    )


async def test_a_token_that_is_refused_comes_with_what_the_server_told(tmp_path: Path) -> None:
    reason = b'{"status":"400","schemes":"Bearer","scope":"mail"}'
    with pytest.raises(LoginRefusedError) as caught:
        await sign_in(
            tmp_path,
            (b"AUTHENTICATE XOAUTH2 dXNlcj1hZGEBYXV0aD1CZWFyZXIgc2VjcmV0AQE=", b"+ " + b64encode(reason) + b"\r\n"),
            (b"", b"m1 NO [AUTHENTICATIONFAILED] no\r\n"),
            greeting=b"* OK [CAPABILITY SASL-IR AUTH=XOAUTH2] hello\r\n",
            mechanism="XOAUTH2",
        )
    assert caught.value.text == f"[AUTHENTICATIONFAILED] no: {reason.decode()}"
    assert caught.value.response_code == "AUTHENTICATIONFAILED"


async def test_an_exchange_that_makes_no_sense_is_broken_off(tmp_path: Path) -> None:
    with pytest.raises(MailError, match="no SCRAM") as caught:
        await sign_in(
            tmp_path,
            (b"AUTHENTICATE SCRAM-SHA-256", b"+ \r\n"),
            (b"*", b"+ " + b64encode(b"nonsense") + b"\r\n"),
            (b"*", b"m1 BAD cancelled\r\n"),
            greeting=b"* OK [CAPABILITY AUTH=SCRAM-SHA-256 AUTH=PLAIN] hello\r\n",
        )
    assert not isinstance(caught.value, LoginRefusedError)


@pytest.mark.parametrize(
    "garbage",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x46\r\n", b"+OK POP3 ready\r\n", b"x" * 600_000],
)
async def test_another_protocol_is_no_imap(garbage: bytes, tmp_path: Path) -> None:
    with pytest.raises(MailError, match="not IMAP"):
        await sign_in(tmp_path, greeting=garbage)


async def test_the_password_is_in_no_error(tmp_path: Path) -> None:
    with pytest.raises(MailError) as caught:
        await sign_in(
            tmp_path,
            (b'LOGIN "ada" "secret"', b"TAG BAD syntax\r\n"),
            greeting=b"* OK [CAPABILITY IMAP4rev1] hello\r\n",
        )
    assert "secret" not in f"{caught.value!r} {caught.value.text}"


def test_a_quoted_string_escapes_and_refuses() -> None:
    assert quoted('a"b\\c') == b'"a\\"b\\\\c"'
    for text in ("ü", "a\r\nb", "a\0"):
        with pytest.raises(MailError):
            quoted(text)
