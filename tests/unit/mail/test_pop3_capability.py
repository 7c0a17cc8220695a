"""What a POP3 server says it can do, read as RFC 2449 has it."""

from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.mail.pop3.capability import Capabilities, parse_capabilities


def test_the_answer_of_a_dovecot() -> None:
    lines = [
        b"CAPA",
        b"TOP",
        b"UIDL",
        b"RESP-CODES",
        b"PIPELINING",
        b"AUTH-RESP-CODE",
        b"STLS",
        b"USER",
        b"SASL PLAIN LOGIN",
    ]
    assert parse_capabilities(lines) == Capabilities(
        known=True, stls=True, uidl=True, top=True, pipelining=True, user=True, sasl=frozenset({"PLAIN", "LOGIN"})
    )


def test_the_example_of_rfc_2449() -> None:
    found = parse_capabilities([b"LOGIN-DELAY 900", b"EXPIRE 60", b"SASL CRAM-MD5 KERBEROS_V4", b"IMPLEMENTATION x"])
    assert found == Capabilities(known=True, login_delay=900, sasl=frozenset({"CRAM-MD5", "KERBEROS_V4"}))


def test_utf8_is_known_with_and_without_its_argument() -> None:
    assert parse_capabilities([b"UTF8 USER"]) == parse_capabilities([b"utf8"]) == Capabilities(known=True, utf8=True)


def test_a_server_where_nothing_can_be_left() -> None:
    assert parse_capabilities([b"expire 0"]).removes_what_was_read
    assert not parse_capabilities([b"EXPIRE NEVER"]).removes_what_was_read
    assert not parse_capabilities([b"EXPIRE"]).removes_what_was_read


@given(st.lists(st.one_of(st.binary(max_size=80), st.binary(max_size=20).map(lambda tail: b"LOGIN-DELAY " + tail))))
def test_any_lines_mean_something_and_no_delay_is_without_end(lines: list[bytes]) -> None:
    assert 0 <= parse_capabilities(lines).login_delay < 10_000_000
