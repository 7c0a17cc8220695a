"""Messages of any size come out whole, and memory holds no large one."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.message import Body
from mailbox_operator.fetcher.pop3.assembler import GATHER_LIMIT, MessageAssembler
from mailbox_operator.fetcher.pop3.reader import Piece
from mailbox_operator.fetcher.spool import Spool


def assemble(pieces: list[bytes], *, max_message: int = 1 << 30) -> tuple[Body | None, int]:
    assembler = MessageAssembler(max_message=max_message, spool_folder=Path("/tmp"))  # noqa: S108 - nameless files
    for piece in pieces[:-1]:
        assert assembler.add(Piece(memoryview(piece), is_last=False)) is None
    whole = assembler.add(Piece(memoryview(pieces[-1]), is_last=True))
    assert whole is not None
    return whole


@given(st.lists(st.binary(min_size=1, max_size=30), min_size=1))
def test_pieces_make_a_message(pieces: list[bytes]) -> None:
    body, size = assemble(pieces)
    assert isinstance(body, memoryview)
    assert body == b"".join(pieces)
    assert size == len(body)


def test_a_message_may_be_empty() -> None:
    assert assemble([b""]) == (b"", 0)


def test_a_large_message_goes_to_disk() -> None:
    pieces = [bytes([number]) * (GATHER_LIMIT // 4) for number in range(7)]
    body, size = assemble(pieces)
    assert isinstance(body, Spool)
    assert b"".join(body.pieces()) == b"".join(pieces)
    assert size == body.size
    body.close()


def test_a_message_larger_than_is_wanted_is_thrown_away_and_the_next_one_is_not() -> None:
    assert assemble([b"a" * 11], max_message=10) == (None, 11)
    assembler = MessageAssembler(max_message=10, spool_folder=Path("/tmp"))  # noqa: S108 - nameless files
    for _ in range(3):
        assembler.add(Piece(memoryview(b"abcde"), is_last=False))
    assert assembler.add(Piece(memoryview(b"f"), is_last=True)) == (None, 16)
    assert assembler.add(Piece(memoryview(b"next"), is_last=True)) == (b"next", 4)
