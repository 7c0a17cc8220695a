"""Responses put together from lines and literals."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbox_operator.fetcher.ids import Uid
from mailbox_operator.fetcher.imap.assembler import GATHER_LIMIT, Fetched, ResponseAssembler
from mailbox_operator.fetcher.message import Arrival, Body
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.imap.reader import Line, ProtocolError, ResponseReader

DATE = b'"17-Jul-1996 02:44:25 -0700"'
Got = tuple[Arrival, bytes | None]


def feed(reader: ResponseReader, stream: bytes, *, at_once: int) -> Iterator[None]:
    """Give a reader a stream, piece by piece, and wait after each."""
    left = memoryview(stream)
    while left:
        room = reader.room()
        size = min(len(room), len(left), at_once)
        room[:size] = left[:size]
        reader.received(size)
        left = left[size:]
        yield


def octets_of(body: Body | None) -> bytes | None:
    """Return a body's octets, and give its disk space back."""
    if not isinstance(body, Spool):
        return None if body is None else bytes(body)
    octets = b"".join(body.read(start) for start in range(0, body.size, 1 << 17))
    body.close()
    return octets


def assemble(
    stream: bytes, tmp_path: Path, *, max_message: int = 50 << 20, at_once: int = 100_000, takes_whole: bool = True
) -> tuple[list[bytes], list[Got], list[str]]:
    """Return texts, messages, and how the messages' bodies were held; `at_once` octets come together."""
    reader = ResponseReader(max_line=4096, max_literal=1 << 40)
    assembler = ResponseAssembler(max_message=max_message, spool_folder=tmp_path)
    texts, messages, held = list[bytes](), list[Got](), list[str]()

    def take(*some: Fetched | None) -> None:
        for fetched, body in filter(None, some):
            held.append("disk" if isinstance(body, Spool) else "memory")
            messages.append((fetched, octets_of(body)))

    for _ in feed(reader, stream, at_once=at_once):
        while True:
            if takes_whole and (whole := assembler.next_whole(reader)):
                take(*whole)
            elif takes_whole and (listing := assembler.next_listing(reader)) is not None:
                texts += listing.splitlines()
            elif (event := reader.next_event()) is None:
                break
            elif isinstance(event, Line):
                if (text := assembler.add_line(event)) is not None:
                    texts.append(text)
                    take(assembler.take_late(text))
            else:
                take(assembler.add_piece(event))
    assert list(tmp_path.iterdir()) == [], "a spool has no name"
    return texts, messages, held


@pytest.mark.parametrize("uid_first", [True, False])
@pytest.mark.parametrize(
    ("size", "held"),
    [
        (0, "memory"),
        (5, "memory"),
        (1 << 20, "memory"),
        (2 << 20, "memory"),
        (GATHER_LIMIT + 1, "disk"),
    ],
)
def test_a_body_arrives_whole_whatever_its_size(size: int, held: str, *, uid_first: bool, tmp_path: Path) -> None:
    body = (b"0123456789\r\n{3}\r\n" * (size // 10 + 1))[:size]
    if uid_first:
        stream = b"* 1 FETCH (UID 7 INTERNALDATE %b BODY[] {%d}\r\n%b RFC822.SIZE 9)\r\n* 2 EXISTS\r\n" % (
            DATE,
            size,
            body,
        )
    else:
        stream = b"* 1 FETCH (BODY[] {%d}\r\n%b UID 7 INTERNALDATE %b)\r\n* 2 EXISTS\r\n" % (size, body, DATE)
    texts, [(fetched, octets)], [kind] = assemble(stream, tmp_path)
    assert (fetched.id, fetched.internaldate, octets) == (7, DATE.strip(b'"'), body)
    assert kind == held
    assert texts[-1] == b"* 2 EXISTS"


def test_a_body_that_is_too_large_is_thrown_away_but_told(tmp_path: Path) -> None:
    stream = b"* 1 FETCH (UID 7 BODY[] {11}\r\n" + b"x" * 11 + b")\r\n"
    assert assemble(stream, tmp_path, max_message=10)[1] == [
        (Arrival(Uid(7), b"", 0, header_only=False, seen=False), None)
    ]


def test_a_folders_name_in_a_literal_is_quoted_and_other_literals_are_left_out(tmp_path: Path) -> None:
    stream = b'* LIST () "/" {4}\r\na"\\b\r\n* STATUS {2}\r\n\xff\xfe (UIDNEXT 3)\r\n* X {3}\r\nabc\r\nm1 OK done\r\n'
    texts, messages, _ = assemble(stream, tmp_path)
    assert texts == [b'* LIST () "/" "a\\"\\\\b"', b'* STATUS "\xff\xfe" (UIDNEXT 3)', b"* X {3}", b"m1 OK done"]
    assert messages == []


def test_a_body_without_uid_is_nobodys(tmp_path: Path) -> None:
    assert assemble(b"* 1 FETCH (BODY[] {3}\r\nabc)\r\n", tmp_path)[1] == []


def test_a_response_of_many_literals_is_bounded(tmp_path: Path) -> None:
    stream = (b"x" * 4000 + b"{1}\r\n.") * 300
    with pytest.raises(ProtocolError, match="response is longer"):
        assemble(b"* " + stream, tmp_path)


FLAGGED = b"* 3 FETCH (UID 7 FLAGS (\\Seen) INTERNALDATE %b RFC822.SIZE 9 BODY[] {%d}\r\n%b)\r\n"
INNER = FLAGGED % (DATE, 4, b"evil")


@pytest.mark.parametrize("at_once", [1, 7, 100, 100_000])
@pytest.mark.parametrize(
    "stream",
    [
        FLAGGED % (DATE, 5, b"a\r\nbc") + FLAGGED % (DATE, 0, b""),
        FLAGGED % (DATE, len(INNER), INNER),
        FLAGGED.replace(b"BODY[]", b"BODY[HEADER]") % (DATE, 3, b"abc"),
        b"* 1 FETCH (BODY[] {3}\r\nabc UID {%d}\r\n%b 8)\r\n" % (len(INNER), INNER),
        b"* 1 FETCH (X {3}\r\nabc" + INNER,
        FLAGGED.replace(b")\r\n", b" X 1)\r\n") % (DATE, 3, b"abc") + INNER,
        FLAGGED % (DATE, 200, b"x" * 200) + b"m1 OK done\r\n",
    ],
    ids=["two", "a response within a body", "header", "within a response", "after a literal", "more items", "large"],
)
def test_a_whole_response_gives_the_same_as_its_parts(stream: bytes, at_once: int, tmp_path: Path) -> None:
    in_parts = assemble(stream, tmp_path, max_message=150, takes_whole=False)
    assert assemble(stream, tmp_path, max_message=150, at_once=at_once)[1:] == in_parts[1:]


def test_a_whole_response_is_taken_without_its_lines(tmp_path: Path) -> None:
    texts, messages, _ = assemble(FLAGGED % (DATE, 3, b"abc") + b"* 2 EXISTS\r\n", tmp_path)
    assert messages == [(Arrival(Uid(7), DATE.strip(b'"'), 9, header_only=False, seen=True), b"abc")]
    assert texts == [b"* 2 EXISTS"]


LISTED = b"".join(b"* %d FETCH (UID %d INTERNALDATE %b RFC822.SIZE 9)\r\n" % (uid, uid, DATE) for uid in range(1, 4))


@pytest.mark.parametrize("at_once", [1, 7, 100, 100_000])
@pytest.mark.parametrize(
    "stream",
    [
        LISTED + b"* 5 EXISTS\r\n" + LISTED + b"m1 OK done\r\n",
        b"* 1 FETCH (UID 4 RFC822.SIZE 3)\r\n" + LISTED,
        FLAGGED % (DATE, len(LISTED), LISTED) + LISTED,
        b"* 1 FETCH (X {3}\r\nabc" + LISTED,
    ],
    ids=["twice", "another order", "within a body", "after a literal"],
)
def test_listed_lines_together_give_the_same_as_one_by_one(stream: bytes, at_once: int, tmp_path: Path) -> None:
    (texts, messages, _), (lines, by_one, _) = (
        assemble(stream, tmp_path, at_once=at_once, takes_whole=takes_whole) for takes_whole in (True, False)
    )
    assert messages == by_one
    assert [text for text in texts if b"BODY" not in text] == [line for line in lines if b"BODY" not in line]
