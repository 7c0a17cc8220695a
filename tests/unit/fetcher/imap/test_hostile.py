"""A source against servers that lie, stammer and break off: it ends in an error or goes on, and never hangs or grows."""

import asyncio
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbox_operator.fetcher.imap.download import TORN
from mailbox_operator.mail.errors import MailError
from unit.fetcher.imap.test_session import Session, everything, mail
from unit.fetcher.mail_server import MailServer

ODD_MESSAGES = {
    1: b"Message-ID: <1@x>\r\n\r\nNUL \x00\x00 within\r\n",
    2: b"Message-ID: <2@x>\nSubject: bare LF\n\nbody\n.\n",
    3: "Message-ID: <3@x>\r\nSubject: grün\r\nX-\xff: \xfe\r\n\r\n".encode("latin-1"),
    4: b"Received: " + b"x" * (1 << 20) + b"\r\nMessage-ID: <4@x>\r\n\r\nbody\r\n",
    5: b"",
    6: b"\r\n",
    7: b"no header at all {99999999999}",
    8: b"Message-ID: <8@x>\r\n\r\n* 3 FETCH (UID 9 BODY[] {5}\r\n) m4 OK done\r\n+ \r\n",
    9: b"\r" * 1000 + b"\n" * 1000,
}


async def test_whatever_a_message_holds_it_comes_as_it_is() -> None:
    server, session = MailServer(messages=dict(ODD_MESSAGES)), Session(everything())
    async with asyncio.timeout(40):
        await session.run(server)
    assert session.bodies == ODD_MESSAGES
    assert session.ids == [b"<1@x>", b"<2@x>", b"<3@x>", b"<4@x>", b"", b"", b"", b"<8@x>", b""]


HOSTILE = {
    "a literal of 4 GB, and the end": b"* 1 FETCH (UID 1 BODY[] {4294967296}\r\nxxx",
    "a literal of more": b"* 1 FETCH (UID 1 BODY[] {99999999999999}\r\nxxx",
    "a literal of a negative size": b"* 1 FETCH (UID 1 BODY[] {-5}\r\nTAG OK done\r\n",
    "the end within a literal": b"* 1 FETCH (UID 1 BODY[] {500}\r\nMessage-ID: <1@x>",
    "the end within a line": b"* 1 FETCH (UID 1 BO",
    "a line of a megabyte": b"* 1 FETCH (UID 1 X " + b"y" * (1 << 20) + b")\r\n",
    "a line without an end": b"y" * (2 << 20),
    "a UID of many digits": b"* 1 FETCH (UID 99999999999999999999999 BODY[] {2}\r\nxx)\r\nTAG OK done\r\n",
    "no UID": b"* 1 FETCH (BODY[] {2}\r\nxx)\r\nTAG OK done\r\n",
    "a UID that nobody asked for": b"* 1 FETCH (UID 77 BODY[] {2}\r\nxx)\r\nTAG OK done\r\n",
    "a message twice": b"* 1 FETCH (UID 1 BODY[] {2}\r\nxx)\r\n* 1 FETCH (UID 1 BODY[] {2}\r\nxx)\r\nTAG OK done\r\n",
    "parentheses without end": b"* 1 FETCH " + b"(" * 5_000 + b"\r\nTAG OK done\r\n",
    "a reply to no command": b"m999 OK done\r\n",
    "a reply that is none": b"TAG WHAT\r\n",
    "a continuation nobody asked for": b"+ go on\r\nTAG OK done\r\n",
    "NUL": b"\x00\x00\r\nTAG OK done\r\n",
    "more messages than there can be": b"* 99999999999999999999999999 EXISTS\r\nTAG OK done\r\n",
    "good-bye": b"* BYE [UNAVAILABLE] later\r\n",
    "an empty line": b"\r\n\r\n\r\nTAG OK done\r\n",
    "a search that finds too much": b"* SEARCH" + b" 4294967295" * 5 + b"\r\nTAG OK done\r\n",
    "expunged below zero": b"* 1 EXPUNGE\r\n" * 20 + b"TAG OK done\r\n",
}


async def play(server: MailServer, session: Session) -> None:
    """Run a session, which may end in what a server's faults end in, and in nothing else."""
    try:
        async with asyncio.timeout(40):
            await session.run(server)
    except MailError:
        pass


@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_answer_is_an_error_or_is_passed_over(octets: bytes) -> None:
    server = MailServer(messages=mail({1, 2}), hostile=octets)
    session = Session(everything())
    await play(server, session)
    server.hostile = None
    await play(server, session)
    assert set(session.bodies) == {1, 2}, "with a good server all is well again"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert grown < 1 << 20, "KiB"


@settings(max_examples=60, deadline=None)
@given(garbage=st.binary(max_size=200), ends=st.booleans())
def test_garbage_ends_the_session_at_worst(garbage: bytes, *, ends: bool) -> None:
    server = MailServer(messages=mail({1, 2, 3}), hostile=garbage + (b"" if ends else b"\r\nTAG OK done\r\n"))
    asyncio.run(play(server, Session(everything())))


async def test_a_message_at_which_the_connection_ends_again_and_again_stops_no_other() -> None:
    server, session = MailServer(messages=mail(range(1, 6)), tears=2), Session(everything())
    for _ in range(TORN):
        await play(server, session)
    await play(server, session)
    assert set(session.bodies) == {1, 3, 4, 5}
    assert "connection ends" in session.checkpoint.quarantine.last
    assert session.ledger.last == 5
    assert session.repeats == 0


async def test_a_full_disk_ends_the_session_and_no_message_is_lost(tmp_path: Path) -> None:
    large = b"Message-ID: <1@x>\r\n\r\n" + b"x" * (4 << 20)
    server, session = MailServer(messages={1: large, 2: b"\r\nsmall"}), Session(everything())
    session.spool_folder = tmp_path / "nowhere"
    await play(server, session)
    assert session.ledger.last == 0
    assert session.checkpoint.quarantine.count == 0
