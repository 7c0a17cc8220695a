"""Sessions before servers that say anything: an outcome or a MailError, soon, and the password in none of it."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from typing import Final

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.imap.session import ImapSession
from mailbox_operator.mail.pop3.session import Pop3Session
from mailbox_operator.mail.secret import Secret
from mailbox_operator.mail.session import IncomingSession, OutgoingSession
from mailbox_operator.mail.smtp import SmtpSession
from mailbox_operator.verification.judging import MOST, run_step
from mailbox_operator.verification.model import Step

PASSWORD: Final = "correct horse battery staple"
PATIENCE: Final = 0.02
HEADER: Final = "X-Mailbox-Operator-Test"
IMAP_WORDS: Final = (
    b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN UIDPLUS SPECIAL-USE ID] ready",
    b"* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=SCRAM-SHA-256 ID UIDPLUS",
    b"% OK done",
    b"% OK [READ-ONLY] done",
    b"% NO [AUTHENTICATIONFAILED] no",
    b"% BAD what",
    b"* BYE",
    b"+ ",
    b"+ cj0x",
    b"* 3 EXISTS",
    b"* -1 EXISTS",
    b"* OK [UIDVALIDITY 7] x",
    b"* OK [UIDVALIDITY x] x",
    b"* SEARCH 1 2 3",
    b"* SEARCH x",
    b'* LIST (\\Junk) "/" Junk',
    b"* LIST (",
    b'* 1 FETCH (UID 1 INTERNALDATE "17-Jul-2026 02:44:25 +0000" BODY[HEADER.FIELDS (X-A)] {6}\r\nX-A: 1)',
    b"* 1 FETCH (UID x INTERNALDATE 5",
    b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (X-A)] NIL)",
    b"* {99999999999}",
)
POP3_WORDS: Final = (
    b"+OK ready <1@x>",
    b"+OK",
    b"-ERR [AUTH] no",
    b"+ ",
    b"CAPA",
    b"SASL PLAIN",
    b"UIDL",
    b"TOP",
    b".",
    b"1 abc",
    b"+OK 2 320",
    b"+OK 1 99999999999999999999",
    b"X-Mailbox-Operator-Test: 1",
)
SMTP_WORDS: Final = (
    b"220 mail.test ready",
    b"220-mail.test",
    b"250-mail.test\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n250 SIZE 1",
    b"250 ok",
    b"334 ",
    b"334 VXNlcm5hbWU6",
    b"235 2.7.0 in",
    b"535 5.7.8 no",
    b"99999 x",
    b"abc",
    b"221 bye",
    b"354 go on",
)


def saying(words: tuple[bytes, ...]) -> st.SearchStrategy[list[bytes]]:
    """Answers, each of lines that the protocol has, of those that it has not, and of octets."""
    line = st.one_of(st.sampled_from(words), st.binary(max_size=40), st.just(PASSWORD.encode()))
    answer = st.lists(line, min_size=1, max_size=4).map(lambda lines: b"\r\n".join(lines) + b"\r\n")
    return st.lists(answer, max_size=14)


@asynccontextmanager
async def answering(answers: list[bytes]) -> AsyncIterator[int]:
    """Greet by the first answer, give each line that comes the next, and leave; `%` stands for the line's first word."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tag = b"*"
        try:
            for answer in answers:
                writer.write(answer.replace(b"%", tag))
                await writer.drain()
                with suppress(TimeoutError):  # the client waits for more of an answer
                    async with asyncio.timeout(PATIENCE):
                        tag = (await reader.readline()).partition(b" ")[0].strip()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def endpoint(protocol: Protocol, port: int) -> Endpoint:
    return Endpoint(protocol=protocol, host="127.0.0.1", port=port, security=Security.NONE)


async def receive(session: IncomingSession) -> None:
    await session.open_folders(("INBOX",))
    await session.delete(await session.find(HEADER, ""))


async def send(session: OutgoingSession) -> None:
    await session.judge_sender("b@b.test", recipient="a@b.test")
    message = EmailMessage()
    message["Subject"] = "x"
    await session.send(message, sender="a@b.test", recipient="a@b.test")


async def tell(session: IncomingSession | OutgoingSession, *, then: Callable[[], Awaitable[None]]) -> None:
    """Go through a session as a step does, and look at what it tells."""
    credential = Credential(username="a@b.test", secret=Secret(PASSWORD))

    async def probe() -> str:
        await session.reach()
        await session.secure()
        await session.sign_in(credential)
        await then()
        return "well"

    try:
        async with asyncio.timeout(40):
            result = await run_step(
                Step.INCOMING_AUTHENTICATED, probe, seconds=24, provider="", credentials=[credential]
            )
    finally:
        await session.close()
    assert result.reason != "ServerSilent", "the server has left, and that was not noticed"
    assert PASSWORD not in result.message
    assert result.message
    assert len(result.message) <= MOST
    assert not any(unicodedata.category(one) in {"Cc", "Zl", "Zp"} for one in result.message), repr(result.message)


def imap(answers: list[bytes]) -> None:
    async def run() -> None:
        async with answering(answers) as port:
            session = ImapSession(endpoint(Protocol.IMAP, port), policy=ANYTHING)
            await tell(session, then=lambda: receive(session))

    asyncio.run(run())


def pop3(answers: list[bytes]) -> None:
    async def run() -> None:
        async with answering(answers) as port:
            session = Pop3Session(endpoint(Protocol.POP3, port), policy=ANYTHING)
            await tell(session, then=lambda: receive(session))

    asyncio.run(run())


def smtp(answers: list[bytes]) -> None:
    async def run() -> None:
        async with answering(answers) as port:
            session = SmtpSession(endpoint(Protocol.SMTP, port), policy=ANYTHING)
            await tell(session, then=lambda: send(session))

    asyncio.run(run())


fuzzed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@fuzzed
@given(saying(IMAP_WORDS))
@example([IMAP_WORDS[0] + b"\r\n", b"+ \r\n", PASSWORD.encode() + b"\r\n"])
def test_an_imap_server_may_say_anything(answers: list[bytes]) -> None:
    imap(answers)


@fuzzed
@given(saying(POP3_WORDS))
def test_a_pop3_server_may_say_anything(answers: list[bytes]) -> None:
    pop3(answers)


@fuzzed
@given(saying(SMTP_WORDS))
@example([b"220 x\r\n", b"250-x\r\n250 AUTH PLAIN\r\n", b"535 5.7.8 " + PASSWORD.encode() + b"\r\n"])
def test_an_smtp_server_may_say_anything(answers: list[bytes]) -> None:
    smtp(answers)
