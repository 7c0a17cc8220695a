"""SASLprep, by the examples of RFC 4013 section 3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.mail.saslprep import saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("\u0627\u0628", "\u0627\u0628"),
    ],
)
def test_one_form_for_what_can_be_typed_in_several(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u06271", "\u200e", "\ufffd", "a\u0627\u0628"])
def test_what_is_prohibited_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"prohibits|both directions"):
        saslprep(text)


@given(st.text())
def test_what_is_prepared_stays_so(text: str) -> None:
    try:
        prepared = saslprep(text)
    except ValueError:
        return
    assert saslprep(prepared) == prepared
