"""A connection sorts what a server says: replies to their commands, data for whoever asks, literals in their place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mailbox_operator.mail.connection import connect
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.imap.connection import MAX_LITERAL, ImapConnection, parse_exists, parse_reply, with_literal
from unit.fetcher.peer import dialogue, playing


@asynccontextmanager
async def connected(*turns: tuple[bytes, bytes]) -> AsyncIterator[ImapConnection]:
    """Yield a greeted connection to a server with this dialogue."""
    async with playing(dialogue(*turns, greeting=b"* OK hello\r\n")) as peer, asyncio.timeout(40):
        endpoint = Endpoint(protocol=Protocol.IMAP, host="127.0.0.1", port=peer.port, security=Security.NONE)
        connection = await connect(ImapConnection, endpoint, policy=ANYTHING)
        try:
            await connection.greeting()
            yield connection
        finally:
            connection.close()
            await connection.wait_closed()


def test_what_a_server_says_of_a_folder_is_read() -> None:
    assert parse_exists(b"* 23 EXISTS") == 23
    assert parse_exists(b"* 23 EXPUNGE") is None


def test_a_failed_reply_is_told_in_the_servers_words() -> None:
    error = parse_reply(b"NO [badcharset (UTF-8)] not in this one").failed()
    assert (error.status, error.response_code) == ("NO", "BADCHARSET")
    assert error.text == "[badcharset (UTF-8)] not in this one"


def test_a_literal_becomes_a_quoted_string() -> None:
    assert with_literal(b'* LIST () "/" {3}', b'a"b') == b'* LIST () "/" "a\\"b"'


async def test_a_response_with_literals_is_one_line() -> None:
    said = b'* LIST () "/" {4}\r\nOne \r\n* 2 EXISTS\r\n* LIST () {1}\r\n/ {0}\r\n x\r\nTAG OK done\r\n'
    async with connected((b"LIST", said)) as connection:
        assert (await connection.send(b"LIST")).status == "OK"
        assert connection.take_untagged() == [b'* LIST () "/" "One "', b'* LIST () "/" "" x']
        assert connection.exists == 2


@pytest.mark.parametrize("said", [b"* LIST {%d}\r\n" % (MAX_LITERAL + 1), b"* X {60000}\r\n" + b"x" * 60000])
async def test_what_is_longer_than_any_name_is_not_kept(said: bytes) -> None:
    async with connected((b"LIST", said * 20)) as connection:
        with pytest.raises(MailError, match="not IMAP"):
            await connection.send(b"LIST")
