"""POP3 sessions against servers that misbehave: canned octets on a real socket."""

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping

import pytest

from mailbox_operator.diagnosis.evidence import evidence_of
from mailbox_operator.diagnosis.matcher import diagnose
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security, TlsOptions
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.pop3.session import Pop3Session
from mailbox_operator.mail.secret import Secret
from support.descriptors import connections_to
from support.kube import until
from support.patience import PATIENCE
from testbed.mailserver import MailServer
from testbed.scripted import answering, lines, talking

pytestmark = pytest.mark.integration

PASSWORD = "correct horse"
GREETING = b"+OK ready\r\n"
OK = b"+OK\r\n"
CAPA = b"+OK\r\nUSER\r\nUIDL\r\nTOP\r\nSASL PLAIN\r\n.\r\n"


def pop3(port: int, security: Security = Security.NONE, tls: TlsOptions = TlsOptions()) -> Pop3Session:  # noqa: B008 - frozen
    endpoint = Endpoint(protocol=Protocol.POP3, host="127.0.0.1", port=port, security=security, tls=tls)
    return Pop3Session(endpoint, policy=ANYTHING)


async def open_inbox(
    session: Pop3Session, *, mechanism: str | None = None, username: str = "a@b.test", password: str = PASSWORD
) -> str:
    try:
        async with asyncio.timeout(40):
            await session.reach()
            await session.secure()
            await session.sign_in(Credential(username=username, secret=Secret(password), mechanism=mechanism))
            return await session.open_folders(("INBOX",))
    finally:
        await session.close()


async def refused(session: Pop3Session, *, mechanism: str | None = None) -> MailError:
    with pytest.raises(MailError) as caught:
        await open_inbox(session, mechanism=mechanism)
    return caught.value


def plain(**more: bytes) -> Mapping[bytes, bytes]:
    """Answers of a server that knows RFC 1939 alone."""
    usual = {"CAPA": b"-ERR what?\r\n", "USER": OK, "PASS": OK, "STAT": b"+OK 2 320\r\n", "QUIT": OK}
    return {name.encode(): answer for name, answer in {**usual, **more}.items()}


async def test_a_server_without_capa_is_tried_out() -> None:
    heard: list[bytes] = []
    with talking(answering(GREETING, plain(UIDL=b"+OK 1 abc\r\n"), heard=heard)) as port:
        assert await open_inbox(pop3(port)) == "INBOX: 2 messages"
    assert b"USER a@b.test" in heard
    assert b"PASS correct horse" in heard


@pytest.mark.parametrize(
    ("capa", "answer", "said"),
    [
        (b"UTF8 USER", OK, [b"UTF8"]),
        (b"UTF8", b"-ERR not now\r\n", [b"UTF8"]),
        (b"TOP", b"-ERR what?\r\n", []),
    ],
)
async def test_a_name_beyond_ascii_is_announced_where_the_server_knows_how(
    capa: bytes, answer: bytes, said: list[bytes]
) -> None:
    """RFC 6856; where the server does not, or changes its mind, it still gets to see UTF-8."""
    heard: list[bytes] = []
    answers = plain(CAPA=b"+OK\r\nUSER\r\n%b\r\n.\r\n" % capa, UTF8=answer, UIDL=b"+OK 1 abc\r\n")
    with talking(answering(GREETING, answers, heard=heard)) as port:
        told = await open_inbox(pop3(port), username="jürgen@b.test", password="pässword")
    assert told.startswith("INBOX: 2 messages")
    login = heard[1 : heard.index("PASS pässword".encode()) + 1]
    assert login == [*said, "USER jürgen@b.test".encode(), "PASS pässword".encode()]


async def test_a_name_within_ascii_has_the_server_change_nothing() -> None:
    heard: list[bytes] = []
    answers = plain(CAPA=b"+OK\r\nUSER\r\nUTF8 USER\r\n.\r\n", UIDL=b"+OK 1 abc\r\n")
    with talking(answering(GREETING, answers, heard=heard)) as port:
        await open_inbox(pop3(port))
    assert b"UTF8" not in heard


async def test_a_server_without_uidl_is_refused_and_says_so() -> None:
    with talking(answering(GREETING, plain(UIDL=b"-ERR Unknown command\r\n"))) as port:
        error = await refused(pop3(port))
    assert error.text == "UIDL not supported: -ERR Unknown command"


async def test_a_server_that_cannot_list_just_now_is_not_taken_for_one_without_uidl() -> None:
    with talking(answering(GREETING, plain(UIDL=b"-ERR [SYS/TEMP] index locked\r\n"))) as port:
        error = await refused(pop3(port))
    assert (error.response_code, error.command) == ("SYS/TEMP", "UIDL")
    assert error.text == "-ERR [SYS/TEMP] index locked"


async def test_what_the_server_lacks_is_said() -> None:
    capa = b"+OK\r\nUSER\r\nUIDL\r\nEXPIRE 0\r\n.\r\n"
    with talking(answering(GREETING, plain(CAPA=capa, UIDL=b"+OK 1 abc\r\n"))) as port:
        said = await open_inbox(pop3(port))
    assert "no TOP" in said
    assert "EXPIRE 0" in said


async def test_no_message_is_read_where_that_removes_it() -> None:
    """Without TOP a header costs the whole message, which such a server deletes at QUIT (RFC 2449 section 6.7)."""
    heard: list[bytes] = []
    capa = b"+OK\r\nUSER\r\nUIDL\r\nEXPIRE 0\r\n.\r\n"
    with talking(answering(GREETING, plain(CAPA=capa, UIDL=b"+OK 1 abc\r\n"), heard=heard)) as port:
        session = pop3(port)
        try:
            await session.reach()
            await session.sign_in(Credential(username="a@b.test", secret=Secret(PASSWORD)))
            await session.open_folders(("INBOX",))
            with pytest.raises(MailError, match="EXPIRE 0") as caught:
                await session.find("X-Test", "")
        finally:
            await session.close()
    assert not any(line.startswith(b"RETR") for line in heard)
    assert diagnose(evidence_of(caught.value, step="TestMessageDelivered")).reason == "TestMessageImpossible"


@pytest.mark.parametrize("code", ["IN-USE", "LOGIN-DELAY", "SYS/TEMP", "SYS/PERM", "AUTH"])
async def test_response_codes_are_evidence(code: str) -> None:
    answer = f"-ERR [{code}] not now\r\n".encode()
    with talking(answering(GREETING, plain(PASS=answer))) as port:
        error = await refused(pop3(port))
    assert (error.area, error.status, error.response_code, error.command) == (Area.POP3, "-ERR", code, "AUTHENTICATE")
    assert error.text == answer.decode().strip()


async def test_a_password_that_the_server_echoes_is_not_passed_on() -> None:
    echo = b64encode(f"\0a@b.test\0{PASSWORD}".encode())
    answers = {b"CAPA": CAPA, b"AUTH": b"+ \r\n", echo: b"-ERR %s and %s are wrong\r\n" % (PASSWORD.encode(), echo)}
    with talking(answering(GREETING, answers)) as port:
        assert (await refused(pop3(port))).text == "-ERR *** and *** are wrong"


async def test_no_login_is_shown_where_none_is_taken_without_tls() -> None:
    heard: list[bytes] = []
    answers = {b"CAPA": b"+OK\r\nSTLS\r\nSASL\r\n.\r\n", b"QUIT": OK}
    with talking(answering(GREETING, answers, heard=heard)) as port:
        assert (await refused(pop3(port))).response_code == "PRIVACYREQUIRED"
    assert heard == [b"CAPA", b"QUIT"]


async def test_a_mechanism_that_is_not_offered_is_not_tried() -> None:
    heard: list[bytes] = []
    with talking(answering(GREETING, {b"CAPA": CAPA, b"QUIT": OK}, heard=heard)) as port:
        assert "CRAM-MD5 is not offered" in (await refused(pop3(port), mechanism="CRAMMD5")).text
    assert heard == [b"CAPA", b"QUIT"]


async def test_cram_md5_is_what_rfc_2195_says() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        for line in lines(connection):
            if line.startswith(b"CAPA"):
                connection.sendall(b"+OK\r\nUIDL\r\nTOP\r\nSASL CRAM-MD5\r\n.\r\n")
            elif line.startswith(b"AUTH CRAM-MD5"):
                connection.sendall(b"+ " + b64encode(b"<1896.697170952@postoffice.reston.mci.net>") + b"\r\n")
            elif line.startswith(b"STAT"):
                connection.sendall(b"+OK 0 0\r\n")
            elif line.startswith(b"UIDL"):
                connection.sendall(b"+OK\r\n.\r\n")
            else:
                connection.sendall(OK)
                heard.append(line.strip())

    heard: list[bytes] = []
    with talking(talk) as port:
        session = pop3(port)
        try:
            await session.reach()
            await session.secure()
            await session.sign_in(Credential(username="tim", secret=Secret("tanstaaftanstaaf"), mechanism="CRAMMD5"))
        finally:
            await session.close()
    assert heard[0] == b64encode(b"tim b913a602c7eda7a495b4e6e7334d3890")


async def test_a_server_that_challenges_without_end_is_left() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        for line in lines(connection):
            connection.sendall(CAPA if line.startswith(b"CAPA") else b"+ \r\n")

    with talking(talk) as port:
        assert "asks more of PLAIN" in (await refused(pop3(port))).text


async def test_an_answer_without_end_is_left() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(GREETING + b"+OK\r\n")
        while True:
            connection.sendall((b"X" * 8_000 + b"\r\n") * 100)

    with talking(talk) as port:
        assert "more than 16777216 octets" in (await refused(pop3(port))).text


@pytest.mark.parametrize(
    "greeting", [b"\xff\xfe\x00\r\n", b"* OK hi\r\n", b"HTTP/1.1 400 Bad\r\n\r\n", b"\r\n", b"220 a\r\n"]
)
async def test_a_greeting_of_rubbish_is_told_as_what_it_is(greeting: bytes) -> None:
    with talking(lambda connection: connection.sendall(greeting)) as port:
        error = await refused(pop3(port))
    assert error.text.startswith("no POP3 response")
    assert error.command == "GREETING"


@pytest.mark.parametrize("greeting", [b"", b"+O"])
async def test_a_connection_that_ends_is_an_error_of_the_network_or_of_the_greeting(greeting: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(greeting)
        connection.shutdown(socket.SHUT_WR)

    with talking(talk) as port:
        assert (await refused(pop3(port))).text


async def test_what_was_sent_before_tls_does_not_count_after_it(server: MailServer) -> None:
    """Command injection (CVE-2011-0411 and its kin): an answer slipped in with that to STLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.pki.certificate(), server.pki.key())

    def talk(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        connection.recv(4096)
        connection.sendall(b"+OK\r\nSTLS\r\n.\r\n")
        connection.recv(4096)
        connection.sendall(b"+OK go\r\n+OK\r\nUSER\r\n.\r\n")
        with context.wrap_socket(connection.dup(), server_side=True) as secured:
            answering(b"", {b"CAPA": b"+OK\r\nSASL NONE\r\n.\r\n", b"QUIT": OK})(secured)

    with talking(talk) as port:
        error = await refused(pop3(port, Security.START_TLS, TlsOptions(ca_pem=server.ca_pem)))
    assert "the server offers NONE" in error.text


async def test_stls_that_is_not_offered_is_never_done_without() -> None:
    with talking(answering(GREETING, {b"CAPA": CAPA, b"QUIT": OK})) as port:
        error = await refused(pop3(port, Security.START_TLS))
    assert error.area is Area.STARTTLS


async def test_a_server_that_makes_one_wait_says_so_before_anything_is_sent() -> None:
    capa = b"+OK\r\nUSER\r\nUIDL\r\nTOP\r\nLOGIN-DELAY 900\r\n.\r\n"
    with talking(answering(GREETING, plain(CAPA=capa, UIDL=b"+OK 1 abc\r\n"))) as port:
        session = pop3(port)
        await session.reach()
        await session.sign_in(Credential(username="a@b.test", secret=Secret(PASSWORD)))
        await session.open_folders(("INBOX",))
        with pytest.raises(MailError, match="within 900 s"):
            await session.find("X-Test", "")
        await session.close()


@pytest.mark.parametrize("security", [Security.TLS, Security.NONE])
async def test_a_deadline_frees_thread_and_socket_at_once(security: Security) -> None:
    async def open_it(session: Pop3Session) -> None:
        async with asyncio.timeout(0.3):
            await session.reach()
            await session.secure()

    with talking(lambda _connection: None) as port:  # neither a greeting nor a ServerHello
        session = pop3(port, security)
        with pytest.raises(TimeoutError):
            await open_it(session)
        async with asyncio.timeout(PATIENCE):
            await session.close()
        until(lambda: not connections_to(port), seconds=2, what="the socket is closed")
