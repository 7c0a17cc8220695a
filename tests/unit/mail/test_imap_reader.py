"""The reader is tried by property: however the stream is cut, the events are the same."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.mail.imap.reader import CAPACITY as CAPACITY_AT_MOST
from mailbox_operator.mail.imap.reader import Line, ProtocolError, ResponseReader

LIMIT = 64
CAPACITY = 128

Happened = Line | bytes


def read(chunks: list[bytes], *, max_literal: int = 10_000) -> list[Happened]:
    """Return the lines and whole literals of a stream that arrives in `chunks`."""
    reader = ResponseReader(max_line=LIMIT, max_literal=max_literal, capacity=CAPACITY)
    happened: list[Happened] = []
    literal: bytearray | None = None
    announced = 0
    for chunk in chunks:
        left = chunk
        while left:
            room = reader.room()
            assert room, "there is room whenever there is no event"
            taken = min(len(room), len(left))
            room[:taken] = left[:taken]
            reader.received(taken)
            left = left[taken:]
            while (event := reader.next_event()) is not None:
                if isinstance(event, Line):
                    happened.append(event)
                    if event.literal is not None:
                        literal, announced = bytearray(), event.literal
                else:
                    assert literal is not None
                    literal += event
                    if len(literal) == announced:
                        happened.append(bytes(literal))
                        literal = None
    return happened


lines = st.binary(max_size=40).map(lambda text: text.replace(b"\r\n", b"").rstrip(b"\r}"))
literals = st.one_of(st.binary(max_size=40), st.integers(100, 300).map(lambda size: b"{7}\r\n" * (size // 5)))


@st.composite
def responses(draw: st.DrawFn) -> tuple[bytes, list[Happened]]:
    """Draw a stream and what it means."""
    stream, meaning = bytearray(), list[Happened]()
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            text = b"* " + draw(lines)
            stream += text + b"\r\n"
            meaning.append(Line(text, None))
        else:
            literal = draw(literals)
            text = b"* 1 FETCH (UID 1 BODY[] {%d}" % len(literal)
            stream += text + b"\r\n" + literal
            meaning += [Line(text, len(literal)), literal]
            stream += b")\r\n"
            meaning.append(Line(b")", None))
    return bytes(stream), meaning


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a stream at the given places."""
    places = sorted({min(place, len(stream)) for place in cuts} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(places)]


@given(responses(), st.lists(st.integers(0, 2_000)))
def test_any_cut_of_the_stream_gives_the_same_events(drawn: tuple[bytes, list[Happened]], cuts: list[int]) -> None:
    stream, meaning = drawn
    assert read(cut(stream, cuts)) == meaning


@given(responses())
def test_octet_by_octet_gives_the_same_events(drawn: tuple[bytes, list[Happened]]) -> None:
    stream, meaning = drawn
    assert read([stream[i : i + 1] for i in range(len(stream))]) == meaning


@given(st.lists(st.one_of(st.binary(max_size=90), st.sampled_from([b"\r\n", b"{3}\r\n", b"{99999}\r\n", b"}\r\n"]))))
def test_garbage_gives_events_or_a_protocol_error_and_the_same_for_any_cut(chunks: list[bytes]) -> None:
    def outcome(pieces: list[bytes]) -> list[Happened] | str:
        try:
            return read(pieces)
        except ProtocolError:
            return "error"

    assert outcome(chunks) == outcome([b"".join(chunks)])


@pytest.mark.parametrize(
    "text",
    [b"* OK wait {5}", b"a1 NO try {5}", b"* BYE {5}", b"+ go on {5}", b"* ok [ALERT] {3}", b"* BAD {1}"],
)
def test_a_status_text_announces_no_literal(text: bytes) -> None:
    assert read([text + b"\r\n* 1 EXISTS\r\n"]) == [Line(text, None), Line(b"* 1 EXISTS", None)]


def test_an_empty_literal_is_an_event() -> None:
    assert read([b"* 1 FETCH (BODY[] {0}\r\n)\r\n"]) == [
        Line(b"* 1 FETCH (BODY[] {0}", 0),
        b"",
        Line(b")", None),
    ]


def test_a_literal8_is_a_literal() -> None:
    assert read([b"* 1 FETCH (BINARY[] ~{2}\r\nab)\r\n"])[1] == b"ab"


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 2, 10 * LIMIT])
def test_a_line_over_the_limit_is_an_error(size: int) -> None:
    with pytest.raises(ProtocolError, match="line is longer than 64"):
        read([b"*" * size + b"\r\n"])


def test_a_line_at_the_limit_is_none() -> None:
    assert read([b"*" * LIMIT, b"\r", b"\n"]) == [Line(b"*" * LIMIT, None)]


def test_a_literal_over_the_limit_is_an_error_and_the_reader_stays_broken() -> None:
    reader = ResponseReader(max_line=LIMIT, max_literal=10, capacity=CAPACITY)
    octets = b"* 1 FETCH (BODY[] {11}\r\n"
    reader.room()[: len(octets)] = octets
    reader.received(len(octets))
    with pytest.raises(ProtocolError, match="larger than 10"):
        reader.next_event()
    with pytest.raises(ProtocolError, match="already broken"):
        reader.next_event()


def test_what_follows_unread_is_seen() -> None:
    reader = ResponseReader(max_line=LIMIT, max_literal=10, capacity=CAPACITY)
    octets = b"a1 OK begin TLS\r\n* injected"
    reader.room()[: len(octets)] = octets
    reader.received(len(octets))
    assert reader.is_empty is False
    assert reader.next_event() == Line(b"a1 OK begin TLS", None)
    assert reader.is_empty is False


@pytest.mark.parametrize("at_once", [1000, 50_000, 500_000])
def test_the_buffer_grows_with_what_comes(at_once: int) -> None:
    line, literal = b"* SEARCH " + b"7 " * 150_000, b"x" * (CAPACITY_AT_MOST - 1)
    stream = line + b"\r\n* 1 FETCH (BODY[] {%d}\r\n" % len(literal) + literal + b")\r\n"
    reader = ResponseReader(max_line=512 * 1024, max_literal=CAPACITY_AT_MOST)
    got: list[Line | bytes] = []
    while stream:
        room = reader.room()
        taken = min(len(room), len(stream), at_once)
        room[:taken] = stream[:taken]
        reader.received(taken)
        stream = stream[taken:]
        while (event := reader.next_event()) is not None:
            got.append(event if isinstance(event, Line) else bytes(event))
    fetch = Line(b"* 1 FETCH (BODY[] {%d}" % len(literal), len(literal))
    assert got == [Line(line, None), fetch, literal, Line(b")", None)]
