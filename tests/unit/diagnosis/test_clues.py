"""Structure is found in bare text, and codes are whole."""

import pytest

from mailbox_operator.diagnosis.clues import clues_of, evidence_of_text
from mailbox_operator.diagnosis.evidence import Evidence


@pytest.mark.parametrize(
    ("text", "area", "status", "command", "code"),
    [
        ("(535, b'5.7.8 Error: authentication failed')", "smtp", "535", "", "5.7.8"),
        ("smtplib.SMTPAuthenticationError: (535, b'5.7.3 No')", "smtp", "535", "AUTHENTICATE", "5.7.3"),
        ('Expected response code 250 but got code "550", with message "550 5.1.1 x"', "smtp", "550", "", "5.1.1"),
        ("{'b@x.test': (550, b'5.1.1 x')} SMTPRecipientsRefused", "smtp", "550", "RCPT", "5.1.1"),
        ("responseCode: 535, command: 'AUTH PLAIN'", "smtp", "535", "AUTHENTICATE", ""),
        ("b'[AUTHENTICATIONFAILED] Invalid credentials (Failure)'", "", "", "", "AUTHENTICATIONFAILED"),
        ("a1 NO [OVERQUOTA] full", "imap", "NO", "", "OVERQUOTA"),
        ("response: #2# [NO, authentication failed]", "imap", "NO", "", ""),
        ("-ERR [SYS/TEMP] later", "pop3", "-ERR", "", "SYS/TEMP"),
        ("select failed: Mailbox doesn't exist", "", "", "SELECT", ""),
        ("Could not connect to SMTP host: smtp.example.com, port: 587", "", "", "", ""),
        ("connect to smtp.example.com:465", "", "", "", ""),
        ("invalid_grant: AADSTS50126: wrong", "oauth", "", "", ""),
    ],
)
def test_structure_is_found_in_bare_text(text: str, area: str, status: str, command: str, code: str) -> None:
    found = evidence_of_text(Evidence(text=text))
    assert (found.area, found.status, found.command) == (area, status, command)
    assert code in (found.enhanced_code, found.response_code)


def test_what_is_given_is_not_overwritten() -> None:
    given = Evidence(text="535 5.7.8 no", area="smtp", status="454", enhanced_code="4.7.0", command="MAIL")
    assert evidence_of_text(given) == given


def test_codes_are_whole() -> None:
    codes = clues_of(Evidence(text="550 5.7.606 Access denied", area="smtp")).codes
    assert {"5.7.606", "X.7.606"} <= codes
    assert not {"5.7.60", "5.7.6"} & codes
    assert not clues_of(Evidence(text="550 [5.7.1.3] refused", area="smtp")).codes


def test_the_step_only_suggests_a_command() -> None:
    assert clues_of(Evidence(text="x", step="OutgoingAuthenticated")).commands == {"", "AUTHENTICATE"}
    assert clues_of(Evidence(text="x", step="OutgoingAuthenticated", command="RCPT TO")).commands == {"RCPT"}
