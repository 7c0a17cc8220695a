"""A credential is refused before a server sees it when it cannot be one, and never comes back readable."""

from base64 import b64decode, b64encode
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mailbox_operator.mail.credential import Credential, mask, masked, plain_response, require_sendable
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.secret import Secret

words = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)


def credential(username: str, password: str) -> Credential:
    return Credential(username=username, secret=Secret(password))


@pytest.mark.parametrize(
    ("username", "password", "says"),
    [
        ("a@b.test", "hunter22\n", "the password ends in a line break"),
        ("a@b.test", "hunter22\r\n", "the password ends in a line break"),
        ("a@b.test\n", "hunter22", "the user name ends in a line break"),
        ("a@b.test", "hun\x00ter22", "the password holds a control character"),
        ("a@b.test\r\nA1 NOOP", "hunter22", "the user name holds a control character"),
        ("a@b.test", "", "the password is empty"),
    ],
)
def test_what_is_no_credential_is_refused_without_being_shown(username: str, password: str, says: str) -> None:
    with pytest.raises(MailError) as caught:
        require_sendable(credential(username, password))
    assert caught.value.text == f"malformed credential: {says}"
    assert caught.value.area is Area.POLICY


@given(words, words)
def test_any_other_text_is_sent_as_it_is(username: str, password: str) -> None:
    require_sendable(credential(username, password))
    assert plain_response(username, Secret(password)).decode().split("\0") == ["", username, password]


@given(words, words, st.text(max_size=20), st.text(max_size=20))
def test_an_echo_is_masked(username: str, password: str, before: str, after: str) -> None:
    assume(len(password) >= 4)
    assume(password not in before + "***" + after)
    echoes = (
        password,
        b64encode(password.encode()).decode(),
        b64encode(plain_response(username, Secret(password))).decode(),
    )
    for echo in echoes:
        error = MailError(f"{before} {echo} {after}", area=Area.SMTP, status="535", enhanced_code="5.7.8")
        found = masked(error, credential(username, password))
        assert echo not in found.text
        assert (found.area, found.status, found.enhanced_code) == (Area.SMTP, "535", "5.7.8")


def test_a_short_password_is_masked_where_it_stands_alone() -> None:
    error = MailError("NO a: bad password for a banana", area=Area.IMAP)
    assert masked(error, credential("u", "a")).text == "NO ***: bad password for *** banana"


def test_the_plain_response_is_what_rfc_4616_says() -> None:
    encoded = b64encode(plain_response("tim", Secret("tanstaaftanstaaf")))
    assert b64decode(encoded) == b"\0tim\0tanstaaftanstaaf"


@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=40, max_size=400),
    st.integers(0, 40),
    st.integers(13, 600),
)
def test_a_piece_of_a_long_secret_is_masked_too(token: str, start: int, length: int) -> None:
    """Servers cut what they echo, and so do we."""
    who = credential("ada", token)
    whole = b64encode(f"user=ada\x01auth=Bearer {token}\x01\x01".encode()).decode()
    for echo in (token[start : start + length], whole[:length]):
        found = mask(f"NO {echo} is wrong", who)
        assert not any(token[at : at + 12] in found for at in range(len(token) - 11))
        with suppress(ValueError):
            run = found.split()[1]
            shown = b64decode(run[: len(run) // 4 * 4], validate=True).decode("utf-8", "replace")
            assert not any(token[at : at + 12] in shown for at in range(len(token) - 11))
