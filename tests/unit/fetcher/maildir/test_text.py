"""Line ends of files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.maildir.text import pieces_with_lf, to_lf
from mailbox_operator.fetcher.spool import PIECE, Spool


@given(st.lists(st.sampled_from([b"a", b"\r\n", b"\n", b""])))
def test_each_crlf_becomes_lf_and_lone_lfs_stay(parts: list[bytes]) -> None:
    octets = b"".join(parts)
    assert to_lf(octets) == octets.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("octets", [b"a\rb\r\n", b"\r\r\n", b"a\r", b"x\r\n\r"])
def test_a_lone_cr_stays(octets: bytes) -> None:
    assert to_lf(octets) == octets.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("before", [PIECE - 2, PIECE - 1, PIECE, 3 * PIECE - 1])
@pytest.mark.parametrize("end", [b"\r\nlast\r\n", b"\r", b"\rx\r\n"])
def test_a_spooled_message_gets_the_same_wherever_it_is_cut(tmp_path: Path, before: int, end: bytes) -> None:
    octets = b"y" * before + end
    spool = Spool(tmp_path)
    spool.write(memoryview(octets))
    assert b"".join(pieces_with_lf(spool)) == octets.replace(b"\r\n", b"\n")
    spool.close()
