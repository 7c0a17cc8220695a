"""HTTP answers, cut anywhere, and what is no answer at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.http.reader import HttpError, Response, ResponseReader

MAX_BODY = 100


def read(chunks: list[bytes], *, end: bool = False) -> list[Response]:
    reader = ResponseReader(max_body=MAX_BODY)
    found: list[Response] = []
    for chunk in chunks:
        reader.feed(chunk)
        while response := reader.next_response():
            found.append(response)
    if end and (last := reader.end()):
        found.append(last)
    return found


def read_until_over(chunks: list[bytes]) -> list[Response]:
    """Read as a connection does, which feeds no more to a reader that has done."""
    reader = ResponseReader(max_body=MAX_BODY)
    for chunk in chunks:
        reader.feed(chunk)
        if response := reader.next_response():
            return [response]
    return []


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    at = sorted({min(place, len(stream)) for place in places} | {0, len(stream)})
    return [stream[a:b] for a, b in zip(at, at[1:], strict=False)]  # noqa: RUF007 - as in the other tests


statuses = st.sampled_from([200, 202, 204, 304, 400, 404, 429, 500, 503])


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, bytes]]]:
    stream, meaning = b"", list[tuple[int, bytes]]()
    for _ in range(draw(st.integers(1, 4))):
        status, body = draw(statuses), draw(st.binary(max_size=MAX_BODY))
        interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" if draw(st.booleans()) else b""
        head = interim + b"HTTP/1.1 %d Some Words\r\nX-Empty:\r\n" % status
        if status in {204, 304}:
            body = b""
            stream += head + b"\r\n"
        elif draw(st.booleans()):
            stream += head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        else:
            size = draw(st.integers(1, 30))
            stream += head + b"Transfer-Encoding: chunked\r\n\r\n"
            for start in range(0, len(body), size):
                chunk = body[start : start + size]
                stream += b"%x;ext=1\r\n" % len(chunk) + chunk + b"\r\n"
            stream += b"0\r\nTrailer: x\r\n\r\n"
        meaning.append((status, body))
    return stream, meaning


@given(answers(), st.lists(st.integers(0, 500)))
def test_any_cut_of_the_stream_gives_the_same_answers(
    drawn: tuple[bytes, list[tuple[int, bytes]]], places: list[int]
) -> None:
    stream, meaning = drawn
    assert [(response.status, response.body) for response in read(cut(stream, places))] == meaning
    octets = [stream[i : i + 1] for i in range(len(stream))]
    assert [(response.status, response.body) for response in read(octets)] == meaning


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"\r\n", b"\r\n\r\n"]))))
def test_garbage_gives_answers_or_an_error(chunks: list[bytes]) -> None:
    try:
        read(chunks, end=True)
    except HttpError:
        return


def test_the_same_answer_again_is_the_same() -> None:
    reader = ResponseReader(max_body=MAX_BODY)
    for _ in range(3):
        reader.feed(b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n")
        response = reader.next_response()
        assert response == Response(204, {b"server": b"x"}, b"", keep_alive=True)
        assert reader.next_response() is None
        assert reader.is_empty


def test_a_body_without_length_ends_with_the_stream() -> None:
    [response] = read([b"HTTP/1.1 500 Oops\r\n\r\nwhy"], end=True)
    assert (response.status, response.body, response.keep_alive) == (500, b"why", False)


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"HTTP/1.1 204 x\r\n\r\n", True),
        (b"HTTP/1.1 204\r\n\r\n", True),
        (b"HTTP/1.1 204 x\r\nConnection: close\r\n\r\n", False),
        (b"HTTP/1.1 204 x\r\nConnection: Keep-Alive, Close\r\n\r\n", False),
        (b"HTTP/1.0 204 x\r\n\r\n", False),
        (b"HTTP/1.0 204 x\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_whether_the_connection_may_be_used_again(head: bytes, *, kept: bool) -> None:
    assert read([head])[0].keep_alive is kept


@pytest.mark.parametrize(
    "stream",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"220 mail.example.com ESMTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1e2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 2000,
        b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000,
    ],
)
def test_what_is_not_understood_is_an_error_for_good(stream: bytes) -> None:
    reader = ResponseReader(max_body=MAX_BODY)
    reader.feed(stream)
    with pytest.raises(HttpError):
        reader.next_response()
    reader.feed(b"HTTP/1.1 204 No Content\r\n\r\n")
    with pytest.raises(HttpError, match="already broken"):
        reader.next_response()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\nx" % (b"9" * 5_000),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + b"x" * 64 + b"\r\n40\r\n" + b"x" * 64,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101,
    ],
)
@given(places=st.lists(st.integers(0, 200)))
def test_a_body_that_is_too_long_is_left_out_and_the_answer_counts(answer: bytes, places: list[int]) -> None:
    [response] = read_until_over(cut(answer, places))
    assert (response.status, response.body, response.keep_alive, response.is_whole) == (200, b"", False, False)


def test_a_stream_that_ends_within_an_answer_is_an_error() -> None:
    with pytest.raises(HttpError, match="ended within"):
        read([b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"], end=True)
