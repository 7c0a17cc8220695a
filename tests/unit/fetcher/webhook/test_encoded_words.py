"""Header fields as people read them."""

import time
from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.webhook.encoded_words import decode_field, decode_octets


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
        ("=?iso-8859-1?Q?Gr=FC=DFe_aus?= Wien", "Grüße aus Wien"),
        ("=?utf-8?Q?a?=\r\n =?utf-8?Q?b?=", "ab"),
        ("=?utf-8?B?w7w=?= x =?utf-8?B?w7w=?=", "ü x ü"),
        ("=?UTF-8*de?Q?=C3=BC?=", "ü"),
        ("=?no-such?Q?=FC?=", "ü"),
        ("=?utf-8?B?w?=", "w"),
        (b"Gr\xc3\xbc\xc3\x9fe".decode("ascii", "surrogateescape"), "Grüße"),
        (b"Gr\xfc\xdfe".decode("ascii", "surrogateescape"), "Grüße"),
        ("folded\r\n\tvalue", "folded\tvalue"),
    ],
)
def test_words_are_decoded(value: str, text: str) -> None:
    assert decode_field(value) == text


def test_a_character_cut_in_two_words_is_whole_again() -> None:
    assert decode_field("=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?=") == "€"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=200))
def test_what_the_standard_library_encodes_comes_back(text: str) -> None:
    assert decode_field(Header(text, "utf-8").encode()) == text


@given(st.binary(max_size=300))
def test_anything_gives_text_that_can_be_written(octets: bytes) -> None:
    decode_field(octets.decode("ascii", "surrogateescape")).encode()
    decode_octets(octets, "rot13").encode()
    decode_octets(octets, "utf-16").encode()


def test_a_field_full_of_beginnings_takes_no_time() -> None:
    began = time.process_time()
    decode_field("=?utf-8?q?" * 6000)
    assert time.process_time() - began < 1
