"""Codes are whole, words come out of their wrapping, and it is told what was asked."""

from mailbox_operator.diagnosis.clues import clues_of
from mailbox_operator.diagnosis.evidence import Evidence


def test_codes_are_whole() -> None:
    codes = clues_of(Evidence(text="550 5.7.606 Access denied", area="smtp")).codes
    assert {"5.7.606", "X.7.606"} <= codes
    assert not {"5.7.60", "5.7.6"} & codes
    assert not clues_of(Evidence(text="550 [5.7.1.3] refused", area="smtp")).codes


def test_the_step_only_suggests_a_command() -> None:
    assert clues_of(Evidence(text="x", step="OutgoingAuthenticated")).commands == {"", "AUTHENTICATE"}
    assert clues_of(Evidence(text="x", step="OutgoingAuthenticated", command="RCPT TO")).commands == {"RCPT"}


def test_a_token_that_was_shown_is_among_what_was_asked() -> None:
    assert clues_of(Evidence(text="NO no", area="imap", command="AUTHENTICATE XOAUTH2")).commands == {
        "AUTHENTICATE",
        "TOKEN",
    }
    assert "TOKEN" in clues_of(Evidence(text="C: AUTH OAUTHBEARER dGhlcmU=\nS: 535 no")).commands
    assert clues_of(Evidence(text="NO no", area="imap", command="AUTHENTICATE PLAIN")).commands == {"AUTHENTICATE"}


def test_what_a_webmail_puts_before_each_fault_is_taken_off() -> None:
    said = "IMAP Error: Login failed for a@b.test against mail.b.test from 192.0.2.1. Empty startup greeting (mail.b.test:993)."
    assert clues_of(Evidence(text=said)).words == "IMAP Error: Empty startup greeting (mail.b.test:993)."
