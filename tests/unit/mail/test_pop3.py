"""Whatever a server says, a POP3 session answers with what it understood or with MailError."""

import asyncio
import socket

from hypothesis import given, settings
from hypothesis import strategies as st

from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.pop3.session import Pop3Session
from mailbox_operator.mail.secret import Secret
from testbed.scripted import talking

PASSWORD = "s3cret-canary"
PARTS = (
    *(b"+OK", b"-ERR", b"+", b" ", b"\r\n", b"\n", b".\r\n", b"..", b"1", b"2 40", b"abc", b"USER", b"UIDL", b"TOP"),
    *(b"SASL PLAIN", b"X-Test: 1\r\n", b"Date: Tue, 99 Foo", b"[IN-USE]", b"[AUTH]", b"\xff\x00", b"9" * 30, b"="),
)
ANSWERS = st.lists(
    st.one_of(
        st.lists(st.sampled_from(PARTS), max_size=8).map(lambda words: b"".join(words) + b"\r\n"),
        st.sampled_from([b"+OK\r\n", b"+OK 1 1\r\n", b"+OK\r\n.\r\n", b"+OK\r\n1 abc\r\n2 abd\r\n.\r\n", b"+ \r\n"]),
        st.binary(max_size=60),
    ),
    max_size=14,
)


@given(ANSWERS)
@settings(max_examples=150, deadline=None)
def test_any_answers_end_in_a_result_or_in_a_mail_error(answers: list[bytes]) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"".join(answers))
        connection.shutdown(socket.SHUT_WR)

    with talking(talk) as port:
        error = asyncio.run(failure(port))
    if error:
        assert error.text.isprintable()
        assert len(error.text) < 1024
        assert PASSWORD not in str(error)


async def failure(port: int) -> MailError | None:
    endpoint = Endpoint(protocol=Protocol.POP3, host="127.0.0.1", port=port, security=Security.NONE)
    session = Pop3Session(endpoint, policy=ANYTHING)
    try:
        await session.reach()
        await session.sign_in(Credential(username="u", secret=Secret(PASSWORD)))
        await session.open_folders(("INBOX",))
        await session.delete(await session.find("X-Test", ""))
    except MailError as error:
        return error
    finally:
        await session.close()
    return None
