"""Whatever a POP3 server says to a fetcher, the fetch ends, in a result or in a finding."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.source import Rig
from mailbox_operator.fetcher.plan import Source as SourcePlan
from mailbox_operator.fetcher.pop3.connection import Answer, Handed, Pop3Connection
from mailbox_operator.mail.endpoint import Protocol, Security
from mailbox_operator.mail.errors import MailError
from unit.fetcher.peer import playing

PARTS = st.sampled_from(
    [
        *(b"+OK\r\n", b"-ERR\r\n", b"+ \r\n", b"\r\n", b".\r\n", b"+OK\r\n.\r\n", b"+OK\r\n1 a\r\n.\r\n"),
        *(
            b"+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n",
            b"+OK\r\n1 99999999999999999999\r\n.\r\n",
            b"+OK x\r\n\r\n.\r\n",
        ),
        *(b"-ERR [IN-USE]\r\n", b"\x00\xff", b"+OK\r\nA: b\r\n\r\n..c\r\n.\r\n", b"1 a\r\n", b"a" * 9000),
    ]
)


@pytest.fixture(scope="module")
def password_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("credential") / "password"
    path.write_text("right")
    return path


@given(st.lists(PARTS, max_size=12))
@settings(max_examples=30, deadline=None)
def test_any_answers_end_in_a_result_or_in_a_finding(password_file: Path, answers: list[bytes]) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n" + b"".join(answers))
        writer.write_eof()
        await reader.read()

    async def run() -> None:
        async with playing(script) as peer:
            plan = SourcePlan(
                protocol=Protocol.POP3,
                host="127.0.0.1",
                port=peer.port,
                security=Security.NONE,
                username="a",
                password_file=str(password_file),
            )
            rig = Rig(plan)
            finding = await rig.once()
            assert finding is None or finding.message.isprintable()

    asyncio.run(run())


class Noted:
    """Notes what it is given, as it is given."""

    def __init__(self) -> None:
        self.together: list[list[tuple[int, bytes]]] = []
        self.failed: list[int] = []

    def messages(self, handed: Sequence[Handed]) -> None:
        self.together.append([(one.number, bytes(one.body)) for one in handed if isinstance(one.body, memoryview)])

    def no_message(self, number: int, answer: Answer) -> None:
        del answer
        self.failed.append(number)


def hear(connection: Pop3Connection, octets: bytes) -> None:
    connection.get_buffer(-1)[: len(octets)] = octets
    connection.buffer_updated(len(octets))


async def test_messages_that_come_together_are_handed_over_together_whatever_comes_behind_them() -> None:
    connection, noted = Pop3Connection(max_message=1000, spool_folder=Path("/nonexistent")), Noted()
    hear(connection, b"+OK hello\r\n")
    connection.receiver = noted
    connection.ask_messages(b"RETR %d", [4, 5, 6, 7, 8])
    hear(connection, b"+OK\r\na\r\n.\r\n-ERR gone\r\n+OK\r\nb\r\n..\r\n.\r\n+OK\r\nc")
    hear(connection, b"\r\n.\r\nno answer\r\n")
    assert noted.together == [[(4, b"a\r\n"), (6, b"b\r\n.\r\n")], [(7, b"c\r\n")]]
    assert noted.failed == [5]
    with pytest.raises(MailError, match="no POP3 response"):
        connection.check()
