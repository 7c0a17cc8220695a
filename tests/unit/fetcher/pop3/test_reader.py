"""The reader is tried by property: however the stream is cut, the events are the same, and so is each message."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.pop3.reader import MOST_DOTS, AnswerReader, End, Piece, Shape, Status, Text
from mailbox_operator.mail.imap.reader import ProtocolError
from unit.fetcher.pop3_server import stuffed

LIMIT = 64
CAPACITY = 128

Happened = Status | Text | End | bytes


def read(chunks: list[bytes], shapes: list[Shape], *, together: bool = False) -> list[Happened]:
    """Return the lines, taken one by one or many `together`, and the whole messages of a stream that arrives in `chunks`."""
    reader = AnswerReader(max_line=LIMIT, capacity=CAPACITY)
    for shape in shapes:
        reader.expect(shape)
    happened: list[Happened] = []
    message = b""
    for chunk in chunks:
        left = chunk
        while left:
            room = reader.room()
            assert room, "there is room whenever there is no event"
            taken = min(len(room), len(left))
            room[:taken] = left[:taken]
            reader.received(taken)
            left = left[taken:]
            while True:
                if together and (lines := reader.next_lines()):
                    happened += map(Text, lines)
                    continue
                if (event := reader.next_event()) is None:
                    break
                if isinstance(event, Piece):
                    message += event.octets
                    if event.is_last:
                        happened.append(message)
                        message = b""
                else:
                    happened.append(event)
    return happened


words = st.binary(max_size=40).map(lambda text: text.replace(b"\r", b"").replace(b"\n", b"").strip())
messages = st.one_of(
    st.lists(st.sampled_from([b".", b"..", b"\r\n", b"a", b"\r", b"\n", b"bcd" * 30]), max_size=90).map(b"".join),
    st.binary(max_size=300),
)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, list[Shape], list[Happened]]:
    """Draw a stream, what was asked for, and what it means."""
    stream, shapes, meaning = bytearray(), list[Shape](), list[Happened]()
    for _ in range(draw(st.integers(0, 6))):
        shape, text = draw(st.sampled_from(Shape)), draw(words)
        shapes.append(shape)
        if draw(st.booleans()):
            stream += b"-ERR " + text + b"\r\n"
            meaning.append(Status(b"-ERR", text))
            continue
        stream += b"+OK " + text + b"\r\n"
        meaning.append(Status(b"+OK", text))
        if shape is Shape.LINES:
            lines = draw(st.lists(words))
            stream += b"".join(b"." * line.startswith(b".") + line + b"\r\n" for line in lines) + b".\r\n"
            meaning += [*map(Text, lines), End.OF_LINES]
        elif shape is Shape.MESSAGE:
            message = draw(messages)
            stream += stuffed(message)
            meaning.append(message + b"\r\n" * (bool(message) and not message.endswith(b"\r\n")))
    return bytes(stream), shapes, meaning


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a stream at the given places."""
    places = sorted({min(place, len(stream)) for place in cuts} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(places)]


@given(answers(), st.lists(st.integers(0, 2_000)))
def test_any_cut_of_the_stream_gives_the_same_events(
    drawn: tuple[bytes, list[Shape], list[Happened]], cuts: list[int]
) -> None:
    stream, shapes, meaning = drawn
    assert read(cut(stream, cuts), shapes) == meaning
    assert read(cut(stream, cuts), shapes, together=True) == meaning


@given(answers())
def test_octet_by_octet_gives_the_same_events(drawn: tuple[bytes, list[Shape], list[Happened]]) -> None:
    stream, shapes, meaning = drawn
    assert read([stream[i : i + 1] for i in range(len(stream))], shapes) == meaning


@given(
    st.lists(
        st.one_of(st.binary(max_size=90), st.sampled_from([b"\r\n", b".\r\n", b"+OK\r\n", b"-ERR\r\n", b"+ \r\n"]))
    ),
    st.lists(st.sampled_from(Shape)),
)
def test_garbage_gives_events_or_a_protocol_error_and_the_same_for_any_cut(
    chunks: list[bytes], shapes: list[Shape]
) -> None:
    def outcome(pieces: list[bytes], *, together: bool = False) -> list[Happened] | str:
        try:
            return read(pieces, shapes, together=together)
        except ProtocolError:
            return "error"

    assert outcome(chunks) == outcome([b"".join(chunks)]) == outcome(chunks, together=True)


@pytest.mark.parametrize(
    ("wire", "octets"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...\r\n.\r\n", b"..\r\n"),
        (b"a\r\n..b\r\n...c\r\n.\r\n", b"a\r\n.b\r\n..c\r\n"),
        (b".a\r\n.b\r\n.\r\n", b".a\r\n.b\r\n"),  # a server that doubles no dots is understood where it can be
        (b"a\n.\nb\r.\rc\r\n.\r\n", b"a\n.\nb\r.\rc\r\n"),  # only CRLF ends a line
    ],
)
def test_dots_are_taken_away_where_the_server_put_them(wire: bytes, octets: bytes) -> None:
    assert read([b"+OK\r\n" + wire], [Shape.MESSAGE]) == [Status(b"+OK", b""), octets]


def test_a_challenge_leaves_the_answer_open() -> None:
    assert read([b"+ abc=\r\n+OK in\r\n"], [Shape.LINE]) == [Status(b"+", b"abc="), Status(b"+OK", b"in")]


def test_what_nobody_asked_for_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="unasked"):
        read([b"+OK\r\n+OK\r\n"], [Shape.LINE])


def test_another_protocol_is_told_by_its_words_and_the_reader_stays_broken() -> None:
    reader = AnswerReader()
    reader.expect(Shape.LINE)
    octets = b"* OK IMAP4rev1 ready\r\n"
    reader.room()[: len(octets)] = octets
    reader.received(len(octets))
    with pytest.raises(ProtocolError, match="no POP3 response: \\* OK IMAP4rev1 ready"):
        reader.next_event()
    with pytest.raises(ProtocolError, match="already broken"):
        reader.next_event()


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 2, 10 * LIMIT])
def test_a_line_over_the_limit_is_an_error(size: int) -> None:
    with pytest.raises(ProtocolError, match="line is longer than 64"):
        read([b"+" * size + b"\r\n"], [Shape.LINE])


def test_what_follows_unread_is_seen() -> None:
    reader = AnswerReader()
    reader.expect(Shape.LINE)
    octets = b"+OK begin TLS\r\n+OK injected"
    reader.room()[: len(octets)] = octets
    reader.received(len(octets))
    assert reader.next_event() == Status(b"+OK", b"begin TLS")
    assert reader.is_empty is False


@pytest.mark.parametrize("dots", [MOST_DOTS, 3 * MOST_DOTS])
def test_a_message_of_dots_is_undone_however_many_there_are(dots: int) -> None:
    message = b".\r\na\r\n" * dots
    assert read([b"+OK\r\n" + stuffed(message)], [Shape.MESSAGE]) == [Status(b"+OK", b""), message]
