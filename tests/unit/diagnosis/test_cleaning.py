"""Whatever a server says, what is shown is one short line without secrets."""

import unicodedata
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.diagnosis.cleaning import LIMIT, clean


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("[AUTHENTICATIONFAILED] Authentication failed.", "[AUTHENTICATIONFAILED] Authentication failed."),
        ("b'NO [AUTH] no\\r\\n'", "NO [AUTH] no"),
        ("554 5.7.1\r\n  two   lines\t", "554 5.7.1 two lines"),
        ("\x1b[31mred\x1b[0m and \u202eback", "[31mred [0m and back"),
        ("password=hunter2 is wrong", "password=*** is wrong"),
        ("Password: hunter2", "Password=***"),
        ("user=a@b.test auth=Bearer ya29.A0ARrdaM-abcdefghijklm", "user=a@b.test auth=Bearer=***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization=***"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "token=***"),
        ("AUTH=PLAIN AUTH=LOGIN", "AUTH=PLAIN AUTH=LOGIN"),
        ("bad password for user", "bad password for user"),
        (
            "[UNAVAILABLE] Temporary authentication failure. [mx1:2026-11-25 13:43:17]",
            "[UNAVAILABLE] Temporary authentication failure.",
        ),
        ("[NOPERM] Permission denied (0.001 + 0.000 secs).", "[NOPERM] Permission denied."),
        (f"got {b64encode(bytes(range(60))).decode()}", "got ***"),
        (
            "/var/run/mailbox-operator/credentials/password cannot be read",
            "/var/run/mailbox-operator/credentials/password cannot be read",
        ),
    ],
)
def test_words_are_shown_and_secrets_are_not(said: str, shown: str) -> None:
    assert clean(said) == shown


@given(st.one_of(st.text(), st.binary().map(lambda octets: octets.decode("utf-8", "replace")), st.binary().map(repr)))
def test_anything_becomes_one_short_line(said: str) -> None:
    shown = clean(said)
    assert len(shown) <= LIMIT
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in shown)
    assert shown == " ".join(shown.split())


@given(st.binary(min_size=32, max_size=300), st.text(max_size=20), st.sampled_from([" ", ": ", "\r\n", "'"]))
def test_base64_of_a_tokens_length_is_never_shown(token: bytes, before: str, gap: str) -> None:
    written = b64encode(token).decode()
    assert written not in clean(f"{before}{gap}{written} rejected")


@given(
    st.from_regex(r"[!-~]{8,60}", fullmatch=True), st.sampled_from(["password", "passwd", "secret", "Token", "BEARER"])
)
def test_what_is_called_a_secret_is_never_shown(value: str, name: str) -> None:
    assert value not in clean(f"invalid {name}={value} given")


def test_a_long_text_is_cut_and_says_so() -> None:
    shown = clean("no " * 1000)
    assert len(shown) <= LIMIT
    assert shown.endswith("…")
