"""Structure is found in bare text, and what is given stays."""

import pytest

from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.structure import evidence_of_text


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
        ("Could not connect to SMTP host: smtp.example.com, port: 587", "smtp", "", "", ""),
        ("connect to smtp.example.com:465", "smtp", "", "", ""),
        ("invalid_grant: AADSTS50126: wrong", "oauth", "", "", ""),
        ("POP3> STLS\nPOP3< -ERR not now", "pop3", "-ERR", "STARTTLS", ""),
        ("C: MAIL FROM:<a@b.test>\nS: 550 no", "smtp", "550", "MAIL", ""),
        ("imap and smtp both fail", "", "", "", ""),
        ("EOFError (end of file reached): app/models/mailer.rb:431:in deliver", "", "", "", ""),
        (
            "smtp::Error { Code { severity: PermanentNegativeCompletion, category: Unspecified3, detail: Four } }",
            "smtp",
            "534",
            "",
            "",
        ),
        ("Message failed: 554 DT:SPM, please see http://mail.163.com/help ", "smtp", "554", "", ""),
    ],
)
def test_structure_is_found_in_bare_text(text: str, area: str, status: str, command: str, code: str) -> None:
    found = evidence_of_text(Evidence(text=text))
    assert (found.area, found.status, found.command) == (area, status, command)
    assert code in (found.enhanced_code, found.response_code)


def test_what_is_given_is_not_overwritten() -> None:
    given = Evidence(text="535 5.7.8 no", area="smtp", status="454", enhanced_code="4.7.0", command="MAIL")
    assert evidence_of_text(given) == given
