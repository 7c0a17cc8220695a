"""Sessions against servers that misbehave: canned octets on a real socket."""

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable

import pytest

from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security, TlsOptions
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.imap.session import ImapSession
from mailbox_operator.mail.secret import Secret
from mailbox_operator.mail.smtp import SmtpSession
from support.descriptors import connections_to
from support.kube import until
from support.patience import PATIENCE
from testbed.hostile import garbage, resetting
from testbed.mailserver import MailServer
from testbed.scripted import answering, lines, talking

pytestmark = pytest.mark.integration

PASSWORD = "correct horse"
Session = ImapSession | SmtpSession


def imap(port: int, security: Security = Security.NONE, tls: TlsOptions = TlsOptions()) -> ImapSession:  # noqa: B008 - frozen
    endpoint = Endpoint(protocol=Protocol.IMAP, host="127.0.0.1", port=port, security=security, tls=tls)
    return ImapSession(endpoint, policy=ANYTHING)


def smtp(port: int, security: Security = Security.NONE, tls: TlsOptions = TlsOptions()) -> SmtpSession:  # noqa: B008 - frozen
    endpoint = Endpoint(protocol=Protocol.SMTP, host="127.0.0.1", port=port, security=security, tls=tls)
    return SmtpSession(endpoint, policy=ANYTHING)


async def sign_in(session: Session, *, password: str = PASSWORD, mechanism: str | None = None) -> None:
    try:
        async with asyncio.timeout(40):
            await session.reach()
            await session.secure()
            await session.sign_in(Credential(username="a@b.test", secret=Secret(password), mechanism=mechanism))
    finally:
        await session.close()


async def refused(session: Session, *, password: str = PASSWORD, mechanism: str | None = None) -> MailError:
    with pytest.raises(MailError) as caught:
        await sign_in(session, password=password, mechanism=mechanism)
    return caught.value


IMAP_GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"
IMAP_CAPABILITY = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n% OK done\r\n"
SMTP_GREETING = b"220 mail.test ready\r\n"
BYE = b"221 bye\r\n"


@pytest.mark.parametrize(
    ("listed", "opened"),
    [("Büro".encode(), "Büro".encode()), (b"B&APw-ro", b"B&APw-ro"), (b"", b"B&APw-ro"), (b"Sent", None)],
)
async def test_a_folder_is_opened_by_its_name_however_the_server_spells_it(listed: bytes, opened: bytes | None) -> None:
    greeting = IMAP_GREETING.replace(b"AUTH", b"SASL-IR AUTH")
    answers = {b"CAPABILITY": IMAP_CAPABILITY, b"AUTHENTICATE": b"% OK in\r\n", b"LOGOUT": b"* BYE\r\n"}
    answers |= {b"LIST": (b'* LIST () "/" "%b"\r\n' % listed if listed else b"") + b"% OK done\r\n"}
    if opened is not None:
        answers |= {b'EXAMINE "%b"' % opened: b"* 3 EXISTS\r\n% OK done\r\n"}
    answers |= {b"EXAMINE": b"% NO [NONEXISTENT] no such folder\r\n"}
    heard: list[bytes] = []
    with talking(answering(greeting, answers, heard=heard)) as port:
        session = imap(port)
        try:
            async with asyncio.timeout(40):
                await session.reach()
                await session.secure()
                await session.sign_in(Credential(username="a@b.test", secret=Secret(PASSWORD)))
                if opened is not None:
                    assert await session.open_folders(("Büro",)) == "Büro: 3 messages", heard
                else:
                    with pytest.raises(MailError) as caught:
                        await session.open_folders(("Büro",))
                    assert (caught.value.response_code, caught.value.about) == ("NONEXISTENT", "Büro")
        finally:
            await session.close()


async def test_a_password_that_the_server_echoes_is_not_passed_on() -> None:
    echo = b64encode(f"\0a@b.test\0{PASSWORD}".encode())

    def talk(connection: socket.socket) -> None:
        connection.sendall(IMAP_GREETING)
        tag = b""
        for line in lines(connection):
            if line.strip() == echo:
                connection.sendall(tag + b" NO " + PASSWORD.encode() + b" or " + echo + b" is wrong\r\n")
                continue
            tag = line.partition(b" ")[0]
            connection.sendall(b"+ \r\n" if b"AUTHENTICATE" in line else IMAP_CAPABILITY.replace(b"%", tag))

    with talking(talk) as port:
        error = await refused(imap(port))
    assert error.text == "*** or *** is wrong"


async def test_a_login_is_not_shown_where_the_server_has_disabled_it() -> None:
    heard: list[bytes] = []
    capability = b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n% OK done\r\n"
    with talking(
        answering(b"* OK ready\r\n", {b"CAPABILITY": capability, b"LOGOUT": b"* BYE\r\n"}, heard=heard)
    ) as port:
        error = await refused(imap(port))
    assert error.response_code == "PRIVACYREQUIRED"
    assert not any(b"LOGIN " in line or b"AUTHENTICATE" in line for line in heard)


async def test_a_mechanism_that_we_do_not_speak_is_said_to_be_so() -> None:
    with talking(answering(IMAP_GREETING, {b"CAPABILITY": IMAP_CAPABILITY})) as port:
        assert "NTLM is not implemented" in (await refused(imap(port), mechanism="NTLM")).text


async def test_login_takes_what_ascii_can_say_and_tells_so() -> None:
    with talking(answering(IMAP_GREETING, {b"CAPABILITY": IMAP_CAPABILITY})) as port:
        assert "ASCII only" in (await refused(imap(port), password="pässwörd", mechanism="Login")).text


async def test_a_literal_longer_than_anything_we_need_is_not_read() -> None:
    with talking(answering(b"* OK ready\r\n", {b"CAPABILITY": b"* CAPABILITY {99999999}\r\n"})) as port:
        assert "a literal of 99999999 octets" in (await refused(imap(port))).text


async def test_the_good_bye_leaves_with_the_last_folder_where_nothing_follows() -> None:
    writes: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        connection.sendall(IMAP_GREETING.replace(b"AUTH=PLAIN", b"AUTH=PLAIN SASL-IR"))
        while octets := connection.recv(4096):
            writes.append(octets)
            for line in octets.splitlines():
                tag, _, command = line.partition(b" ")
                bye = b"* BYE see you\r\n" if command == b"LOGOUT" else b""
                connection.sendall(bye + b"* 7 EXISTS\r\n" + tag + b" OK [CAPABILITY IMAP4rev1 ID] done\r\n")

    with talking(talk) as port:
        session = imap(port)
        async with asyncio.timeout(40):
            await session.reach()
            await session.sign_in(Credential(username="a@b.test", secret=Secret(PASSWORD)))
            assert await session.open_folders(["INBOX", "Sent"], leaving=True) == "INBOX: 7 messages, Sent: 7 messages"
            await session.close()
    said = [[line.partition(b" ")[2].split()[0] for line in write.splitlines()] for write in writes]
    assert said == [[b"AUTHENTICATE"], [b"ID", b"EXAMINE"], [b"EXAMINE", b"LOGOUT"]]


async def test_a_folder_that_is_refused_is_told_though_the_good_bye_left_with_it() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(IMAP_GREETING.replace(b"AUTH=PLAIN", b"AUTH=PLAIN SASL-IR"))
        for line in lines(connection):
            tag, _, command = line.partition(b" ")
            match command.split()[0]:
                case b"EXAMINE":
                    connection.sendall(tag + b" NO [NONEXISTENT] no such folder here\r\n")
                case b"LOGOUT":
                    connection.sendall(b"* BYE see you\r\n" + tag + b" OK done\r\n")
                    return
                case _:
                    connection.sendall(tag + b" OK [CAPABILITY IMAP4rev1] done\r\n")

    with talking(talk) as port:
        session = imap(port)
        async with asyncio.timeout(40):
            await session.reach()
            await session.sign_in(Credential(username="a@b.test", secret=Secret(PASSWORD)))
            with pytest.raises(MailError) as caught:
                await session.open_folders(["Lost"], leaving=True)
            await session.close()
    error = caught.value
    assert (error.command, error.status, error.response_code, error.about) == ("EXAMINE", "NO", "NONEXISTENT", "Lost")


async def test_a_reply_without_end_is_left() -> None:
    with talking(lambda connection: connection.sendall(b"220-hello\r\n" * 200_000)) as port:
        assert "more than 1048576 octets" in (await refused(smtp(port))).text


@pytest.mark.parametrize(
    "greeting", [b"\xff\xfe\x00\r\n", b"* OK {3}\r\nab", b"HTTP/1.1 400 Bad\r\n\r\n", b"\r\n", b""]
)
@pytest.mark.parametrize("open_session", [imap, smtp])
async def test_a_greeting_of_rubbish_is_a_mail_error(greeting: bytes, open_session: Callable[[int], Session]) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(greeting)
        connection.shutdown(socket.SHUT_WR)

    with talking(talk) as port:
        assert (await refused(open_session(port))).text


@pytest.mark.parametrize("open_session", [imap, smtp])
async def test_a_wire_that_is_cut_is_the_networks_word(open_session: Callable[[int], Session]) -> None:
    with talking(resetting) as port:
        error = await refused(open_session(port))
    assert (error.area, error.command) == ("tcp", "GREETING")
    assert "Connection reset by peer" in error.text


async def test_what_greets_in_no_protocol_is_said_to_be_none() -> None:
    with talking(garbage) as port:
        error = await refused(imap(port))
    assert error.text.startswith("not IMAP: it greets with ")


async def test_no_login_here_is_no_success() -> None:
    """Postfix answers so on port 25, and smtplib takes 503 for "signed in before"."""
    answers = {
        b"ehlo": b"250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n",
        b"AUTH": b"503 5.5.1 Error: authentication not enabled\r\n",
        b"quit": BYE,
    }
    with talking(answering(SMTP_GREETING, answers)) as port:
        error = await refused(smtp(port))
    assert (error.status, error.enhanced_code) == ("503", "5.5.1")


async def test_a_server_without_auth_is_not_shown_the_password() -> None:
    with talking(answering(SMTP_GREETING, {b"ehlo": b"250 mail.test\r\n", b"quit": BYE})) as port:
        assert (await refused(smtp(port))).text == "AUTH not advertised"


@pytest.mark.parametrize("mechanism", [None, "Login"])
@pytest.mark.parametrize("password", ["pässwörd ☂", "x" * 700])
async def test_any_password_is_written_in_utf_8_and_in_lines_that_servers_take(
    mechanism: str | None, password: str
) -> None:
    heard: list[bytes] = []
    answers = {
        b"ehlo": b"250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n",
        b64encode(b"\0a@b.test\0" + password.encode()): b"235 2.7.0 welcome\r\n",
        b64encode(password.encode()): b"235 2.7.0 welcome\r\n",
        b"quit": BYE,
        b"": b"334 \r\n",
    }
    with talking(answering(SMTP_GREETING, answers, heard=heard)) as port:
        await sign_in(smtp(port), password=password, mechanism=mechanism)
    assert all(len(line) <= 510 for line in heard if line.startswith(b"AUTH"))


async def test_what_was_sent_before_tls_does_not_count_after_it(server: MailServer) -> None:
    """Command injection (CVE-2011-0411 and its kin): a capability slipped in with the answer to STARTTLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.pki.certificate(), server.pki.key())

    def talk(connection: socket.socket) -> None:
        connection.sendall(SMTP_GREETING)
        connection.recv(4096)
        connection.sendall(b"250-mail.test\r\n250 STARTTLS\r\n")
        connection.recv(4096)
        connection.sendall(b"220 go\r\n250-mail.test\r\n250 AUTH PLAIN\r\n")
        with context.wrap_socket(connection.dup(), server_side=True) as secured:
            answering(b"", {b"quit": BYE, b"": b"250 mail.test\r\n"})(secured)

    with talking(talk) as port:
        error = await refused(smtp(port, Security.START_TLS, TlsOptions(ca_pem=server.ca_pem)))
    assert error.text == "AUTH not advertised"


@pytest.mark.parametrize("security", [Security.TLS, Security.NONE])
@pytest.mark.parametrize("open_session", [imap, smtp])
async def test_a_deadline_frees_thread_and_socket_at_once(
    open_session: Callable[[int, Security], Session], security: Security
) -> None:
    async def open_it(session: Session) -> None:
        async with asyncio.timeout(0.3):
            await session.reach()
            await session.secure()

    with talking(lambda _connection: None) as port:  # neither a greeting nor a ServerHello
        session = open_session(port, security)
        with pytest.raises(TimeoutError):
            await open_it(session)
        async with asyncio.timeout(PATIENCE):
            await session.close()
        if isinstance(session, SmtpSession):  # by a library, in a thread
            assert session._wire._calls is not None
            assert session._wire._calls._last is not None
            until(session._wire._calls._last.done, seconds=2, what="the thread is free")
        async with asyncio.timeout(10 * PATIENCE):
            while connections_to(port):  # noqa: ASYNC110 - asyncio closes a transport in one of its next rounds
                await asyncio.sleep(0.01)
