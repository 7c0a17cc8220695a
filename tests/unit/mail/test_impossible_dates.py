"""A date that no clock can show stops nobody: a message's is written by whoever sends it, the rest by a server."""

from datetime import UTC, datetime, timedelta

import pytest

from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.imap.session import ImapSession
from mailbox_operator.mail.pop3.session import Pop3Session
from mailbox_operator.mail.secret import Secret
from mailbox_operator.mail.session import Found, IncomingSession
from testbed.scripted import answering, talking


async def found(session: IncomingSession) -> Found:
    try:
        await session.reach()
        await session.sign_in(Credential(username="u", secret=Secret("p")))
        await session.open_folders(("INBOX",))
        [one] = await session.find("X-Test", "")
        return one
    finally:
        await session.close()


def endpoint(protocol: Protocol, port: int) -> Endpoint:
    return Endpoint(protocol=protocol, host="127.0.0.1", port=port, security=Security.NONE)


def is_about_now(moment: datetime) -> bool:
    return abs(moment - datetime.now(UTC)) < timedelta(minutes=5)


async def test_a_date_in_a_message_read_by_pop3() -> None:
    message = b"+OK\r\nX-Test: 1\r\nDate: Fri, 31 Dec 9999 23:59:59 -2300\r\n\r\n.\r\n"
    answers = {
        b"CAPA": b"-ERR\r\n",
        b"USER": b"+OK\r\n",
        b"PASS": b"+OK\r\n",
        b"STAT": b"+OK 1 100\r\n",
        b"UIDL 1": b"+OK 1 abc\r\n",
        b"UIDL": b"+OK\r\n1 abc\r\n.\r\n",
        b"LIST": b"+OK 1 100\r\n",
        b"RETR": message,
        b"QUIT": b"+OK\r\n",
    }
    with talking(answering(b"+OK\r\n", answers)) as port:
        one = await found(Pop3Session(endpoint(Protocol.POP3, port), policy=ANYTHING))
    assert one.value == "1"
    assert is_about_now(one.received)


@pytest.mark.parametrize("date", [b"01-Jan-2026 00:00:00 +9999", b"31-Dec-9999 23:59:59 -2300"])
async def test_a_date_that_an_imap_server_tells(date: bytes) -> None:
    header = b"X-Test: 1\r\n\r\n"
    fetched = b'* 1 FETCH (UID 1 INTERNALDATE "' + date + b'" BODY[HEADER.FIELDS (X-TEST)] {13}\r\n' + header + b")\r\n"
    answers = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n% OK x\r\n",
        b"LOGIN": b"% OK x\r\n",
        b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n% OK [READ-ONLY] x\r\n",
        b"NOOP": b"% OK x\r\n",
        b"SEARCH": b"* SEARCH 1\r\n% OK x\r\n",
        b"FETCH": fetched + b"% OK x\r\n",
        b"LOGOUT": b"* BYE\r\n% OK x\r\n",
    }
    with talking(answering(b"* OK [CAPABILITY IMAP4rev1] x\r\n", answers)) as port:
        one = await found(ImapSession(endpoint(Protocol.IMAP, port), policy=ANYTHING))
    assert one.value == "1"
    assert is_about_now(one.received), "so that it compares with other dates"
