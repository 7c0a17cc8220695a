"""Words come out of whatever a library wraps them in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.diagnosis.words import SEEN, normalise, spelled_out


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (r"b'5.7.8 No.\r\n'", "b'5.7.8 No. '"),
        (
            "535-5.7.8 Not accepted.\r\n535-5.7.8 Learn more\r\n535 5.7.8 here",
            "535-5.7.8 Not accepted. Learn more here",
        ),
        (r"535-5.7.8 Not accepted.\n535 5.7.8 here", "535-5.7.8 Not accepted. here"),
        (r"(535, b'Error: \xc7\xeb\xca\xb9\xd3\xc3\xca\xda\xc8\xa8\xc2\xeb')", "(535, b'Error: 请使用授权码')"),
        ("535 ÇëÊ¹ÓÃÊÚÈ¨Âë", "535 请使用授权码"),
        ("550 5.1.1 <a@b.test>: unknown", "550 5.1.1 USER: unknown"),
        ("=?utf-8?B?0J7RiNC40LHQutCw?= 1", "Ошибка 1"),
        ("a=3Db=20c", "a=b c"),
        (r'{"error":"no\u0020way"}', '{"error":"no way"}'),
        ("doesn\u2019t \u201cexist\u201d", 'doesn\'t "exist"'),
    ],
)
def test_wrapping_is_taken_off(said: str, read: str) -> None:
    assert normalise(said) == read


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Kind(ConnectionRefused)", "Kind(Connection Refused)"),
        ("CERTIFICATE_EXPIRED", "CERTIFICATE EXPIRED"),
        ("IMAPError", "IMAP Error"),
        ("no such host", "no such host"),
    ],
)
def test_names_of_errors_are_spelled_out(name: str, words: str) -> None:
    assert spelled_out(name) == words


def test_the_challenge_of_a_refused_token_is_read() -> None:
    assert '"status":"400"' in normalise("+ eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=")


def test_of_a_long_text_both_ends_are_seen() -> None:
    read = normalise("first " + "x " * SEEN + " last")
    assert read.startswith("first ")
    assert read.endswith(" last")
    assert len(read) <= SEEN + 1


@given(st.one_of(st.text(), st.binary().map(repr), st.binary().map(lambda octets: octets.decode("latin-1"))))
def test_anything_becomes_one_line(said: str) -> None:
    assert normalise(said) == " ".join(normalise(said).split())
