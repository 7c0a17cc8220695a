"""What becomes of messages on a connection that the server ends."""

import asyncio

from mailbox_operator.fetcher.lmtp.connection import Errand, LmtpConnection
from mailbox_operator.fetcher.lmtp.opening import LmtpServer, open_lmtp
from mailbox_operator.fetcher.webhook.answer import Answer, Verdict
from mailbox_operator.mail.endpoint import Security
from mailbox_operator.mail.guard import ANYTHING
from unit.fetcher.peer import playing


async def say_goodbye_and_stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer MAIL with 421, and leave it to the client to close."""
    writer.write(b"220 small LMTP\r\n")
    await reader.readline()
    writer.write(b"250-small\r\n250 PIPELINING\r\n")
    await reader.readline()
    writer.write(b"421 4.3.2 going down\r\n")
    while await reader.read(4096):
        pass


async def test_a_goodbye_ends_a_message_at_once_and_in_the_words_of_the_server() -> None:
    answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
    freed: list[LmtpConnection] = []
    async with playing(say_goodbye_and_stay) as peer, asyncio.timeout(10):
        server = LmtpServer(
            host="127.0.0.1",
            port=peer.port,
            recipient="a@x",
            security=Security.NONE,
            ssl_context=None,
            policy=ANYTHING,
        )
        connection = await open_lmtp(server, freed=freed.append)
        connection.begin(Errand(b"\r\nhi\r\n", spool=None, deadline=1e9, done=answer.set_result))
        found = await answer
    assert found
    assert (found.verdict, found.is_transport) == (Verdict.AGAIN, True)
    assert "421 4.3.2 going down" in found.said
    assert set(freed) == {connection}
    assert not connection.room
