"""What real servers said, and what we make of it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.diagnosis.cleaning import LIMIT
from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.finding import Finding, Retry
from mailbox_operator.diagnosis.likelihood import MOST_CAUSES
from mailbox_operator.diagnosis.matcher import UNRECOGNISED, diagnose
from mailbox_operator.diagnosis.reasons import combine, reasons
from mailbox_operator.diagnosis.rules import rules
from mailbox_operator.mail.errors import Area
from support.diagnosis_score import named

HEARD = [  # area, code, text, reason
    (Area.DNS, "", "nowhere.test: [Errno -2] Name or service not known", "HostNotFound"),
    (Area.DNS, "", "mail.test: [Errno -5] No address associated with hostname", "HostNotFound"),
    (Area.DNS, "", "mail.test: [Errno -3] Temporary failure in name resolution", "DNSUnavailable"),
    (
        Area.DNS,
        "",
        "bad..name: encoding with 'idna' codec failed (UnicodeError: label empty or too long)",
        "HostNotFound",
    ),
    (Area.TCP, "", "h port 1: [Errno 111] Connect call failed ('127.0.0.1', 1)", "ConnectionRefused"),
    (
        Area.TCP,
        "",
        "h port 1: Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] x",
        "ConnectionRefused",
    ),
    (Area.TCP, "", "h port 1: [Errno 113] Connect call failed ('192.0.2.1', 1)", "NetworkUnreachable"),
    (Area.TCP, "", "h port 1: [Errno 110] Connect call failed ('192.0.2.1', 1)", "ConnectionTimeout"),
    (Area.TCP, "", "no verdict within 10 s", "ServerSilent"),
    (Area.TCP, "", "mail.test: [Errno 104] Connection reset by peer during the TLS handshake", "ConnectionReset"),
    (Area.TCP, "", "mail.test: Connection reset by peer during the TLS handshake", "ConnectionReset"),
    (Area.TLS, "WRONG_VERSION_NUMBER", "mail.test: WRONG_VERSION_NUMBER", "TLSModeMismatch"),
    (Area.TLS, "", "mail.test: unable to get local issuer certificate", "TLSCertificateUntrusted"),
    (Area.TLS, "", "mail.test: self-signed certificate in certificate chain", "TLSCertificateUntrusted"),
    (Area.TLS, "", "h: Hostname mismatch, certificate is not valid for 'h'.", "TLSHostnameMismatch"),
    (Area.TLS, "", "h: IP address mismatch, certificate is not valid for '192.0.2.1'.", "TLSHostnameMismatch"),
    (Area.TLS, "", "h: certificate has expired", "TLSCertificateExpired"),
    (Area.TLS, "", "h: EE certificate key too weak", "TLSKeyTooWeak"),
    (Area.TLS, "TLSV1_ALERT_PROTOCOL_VERSION", "h: TLSV1_ALERT_PROTOCOL_VERSION", "TLSVersionUnsupported"),
    (Area.STARTTLS, "", "STARTTLS not advertised", "StartTLSUnavailable"),
    (Area.IMAP, "AUTHENTICATIONFAILED", "[AUTHENTICATIONFAILED] Authentication failed.", "CredentialsInvalid"),
    (
        Area.IMAP,
        "UNAVAILABLE",
        "[UNAVAILABLE] Temporary authentication failure. [host:2026]",
        "ServerUnavailableOrAuthenticationUnavailable",
    ),
    (Area.IMAP, "PRIVACYREQUIRED", "LOGINDISABLED is advertised", "TLSRequired"),
    (Area.IMAP, "", "select failed: Mailbox doesn't exist: Nope (0.001 + 0.000 secs).", "FolderNotFound"),
    (Area.IMAP, "", "220 mail.test ESMTP Postfix", "WrongProtocol"),
    (Area.IMAP, "", "+OK Dovecot (Debian) ready.", "WrongProtocol"),
    (Area.SMTP, "5.7.8", "535 5.7.8 Error: authentication failed: (reason unavailable)", "CredentialsInvalid"),
    (Area.SMTP, "5.7.1", "553 5.7.1 <b@x>: Sender address rejected: not owned by user a@x", "SendAsDenied"),
    (Area.SMTP, "5.1.1", "550 5.1.1 <b@x>: Recipient address rejected: User unknown", "RecipientUnknown"),
    (Area.SMTP, "5.7.1", "554 5.7.1 <b@x>: Relay access denied", "RelayDenied"),
    (Area.SMTP, "5.5.1", "503 5.5.1 Error: authentication not enabled", "SmtpAuthUnavailable"),
    (Area.SMTP, "", "AUTH not advertised", "SmtpAuthUnavailable"),
    (Area.SMTP, "4.7.0", "454 4.7.0 Temporary authentication failure: Connection lost", "AuthenticationUnavailable"),
    (Area.SMTP, "", "450 4.2.0 <a@x>: Recipient address rejected: Greylisted", "ServerBusy"),
    (Area.SMTP, "", "no SMTP reply: [CAPABILITY IMAP4rev1] Dovecot ready.", "WrongProtocol"),
    (Area.POLICY, "", "forbidden address: h is 127.0.0.1, a loopback address", "ForbiddenAddress"),
    (Area.POLICY, "", "malformed credential: the password ends in a line break", "CredentialsMalformed"),
]


@pytest.mark.parametrize(("area", "code", "text", "reason"), HEARD, ids=lambda value: str(value)[:40])
def test_what_real_servers_said_is_recognised(area: Area, code: str, text: str, reason: str) -> None:
    found = diagnose(Evidence(step="IncomingAuthenticated", area=area, text=text, vendor_code=code))
    assert found.reason == reason
    assert found.message.startswith(found.meaning)
    assert found.message.endswith(found.action)


AUTHENTICATION = {"CredentialsInvalid", "PasswordExpired", "AppPasswordRequired", "TokenRejected"}


@given(st.text(max_size=200), st.sampled_from([Area.DNS, Area.TCP, Area.TLS, Area.STARTTLS]))
def test_trouble_of_the_transport_never_gives_an_authentication_reason(text: str, area: Area) -> None:
    found = diagnose(Evidence(step="IncomingAuthenticated", area=area, text=f"Authentication failed 535 {text}"))
    assert found.reason not in AUTHENTICATION


@given(st.binary(max_size=2000), st.sampled_from(Area), st.text(max_size=40), st.sampled_from(["", "Gmail", "M365"]))
def test_any_octets_make_a_message_of_one_line(octets: bytes, area: Area, code: str, provider: str) -> None:
    text = octets.decode("utf-8", "replace")
    found = diagnose(Evidence(step="IncomingReachable", area=area, text=text, vendor_code=code, provider=provider))
    assert len(found.message) <= 1024
    assert len(found.message.splitlines()) == 1
    assert found == diagnose(
        Evidence(step="IncomingReachable", area=area, text=text, vendor_code=code, provider=provider)
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cannot fetch messages. Caused by: Unable to parse status response", "WrongProtocolOrCommandRejected"),
        ("Mail server connection failed; nested exception is java.net.UnknownHostException: h", "HostNotFound"),
        ("Failure sending mail. ---> System.Net.Sockets.SocketException: Connection refused", "ConnectionRefused"),
    ],
)
def test_the_cause_that_a_library_names_tells_more_than_its_own_sentence(text: str, reason: str) -> None:
    assert diagnose(Evidence(text=text)).reason == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The peer is unreachable for us", "NetworkUnreachable"),
        ("The sign-in was turned down", "CredentialsInvalid"),
        ("mailbox is full: retry timeout exceeded", "MailboxFull"),
    ],
)
def test_what_is_talked_of_and_what_is_said_of_it_tell_where_no_words_are_known(text: str, reason: str) -> None:
    assert diagnose(Evidence(text=text)).reason.split("Or")[0] == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The user name or password is incorrect", "CredentialsInvalid"),
        ("Recipient mailbox does not exist", "RecipientUnknown"),
        ("The mail server is not available", "ServerUnavailable"),
        ("The connection to the mail server was refused", "ConnectionRefused"),
        ("Connection: opening to h:465, timeout=300, closed", "ConnectionClosed"),
        ("The server responded: -ERR. Your server rejected your login", "CredentialsInvalid"),
    ],
)
def test_plain_sentences_are_not_taken_for_what_a_server_means_by_one_of_their_words(text: str, reason: str) -> None:
    assert diagnose(Evidence(text=text)).reason.split("Or")[0] == reason


def test_a_rule_does_not_stand_alone_where_all_else_that_is_said_speaks_against_it() -> None:
    doubted = diagnose(Evidence(text="The name could not be resolved: wrong password"))
    assert set(named(doubted.reason)) == {"HostNotFound", "CredentialsInvalid"}
    for cause in named(doubted.reason):
        assert reasons()[cause].action.lower() in doubted.action.lower()
    assert (
        diagnose(Evidence(text="535 The connection was closed: wrong password", area=Area.SMTP)).reason
        == "CredentialsInvalid"
    )


def test_one_reason_has_one_retry_class() -> None:
    found = [diagnose(sample) for rule in rules() for sample in rule.samples]
    timeless = [finding for finding in found if finding.retry_after_seconds is None and finding.reason != UNRECOGNISED]
    assert len({(finding.reason, finding.retry) for finding in timeless}) == len({one.reason for one in timeless})


def test_a_long_message_is_cut_in_what_was_said_and_keeps_its_remedies() -> None:
    longest = sorted(reasons().values(), key=lambda reason: -len(reason.meaning) - len(reason.action))[:MOST_CAUSES]
    reason = combine(longest)
    found = Finding(
        reason=reason.name, retry=reason.retry, meaning=reason.meaning, action=reason.action, said="x" * LIMIT
    )
    assert len(found.message) <= 1024
    assert found.message.startswith(reason.meaning)
    assert found.message.endswith(f"…: {reason.action}")


def test_what_is_unknown_is_shown_and_tried_again() -> None:
    found = diagnose(Evidence(step="FoldersAccessible", area=Area.IMAP, text="wibbled\r\nwobbling"))
    assert (found.reason, found.retry, found.said) == (UNRECOGNISED, Retry.LIMITED, "wibbled wobbling")
    assert diagnose(Evidence(step="IncomingReachable", area=Area.TCP, text="odd")).retry is Retry.BACKOFF


def test_a_named_pause_makes_waiting_the_class() -> None:
    busy = diagnose(Evidence(area=Area.SMTP, text="421 4.7.0 Server busy, try again in 5 minutes"))
    assert (busy.retry, busy.retry_after_seconds) == (Retry.AFTER, 300.0)
    wrong = diagnose(Evidence(area=Area.SMTP, text="535 5.7.8 Authentication failed, try again in 5 minutes"))
    assert wrong.retry is Retry.NO


@pytest.mark.parametrize(
    ("command", "reason", "says"),
    [
        ("CONNECT", "ConnectionClosed", "closed the connection"),
        ("STARTTLS", "TLSConnectionClosed", "during the TLS handshake"),
        ("AUTHENTICATE", "ConnectionClosed", "on the login"),
    ],
)
def test_a_disconnect_means_another_thing_at_another_command(command: str, reason: str, says: str) -> None:
    found = diagnose(Evidence(area=Area.TCP, protocol="IMAP", command=command, text="connection closed by the server"))
    assert found.reason == reason
    assert says in found.meaning


@pytest.mark.parametrize(
    ("code", "reason"), [("5.7.60", "SendAsDenied"), ("5.7.606", "ClientBlocklisted"), ("5.7.6", "MessageRejected")]
)
def test_codes_match_whole(code: str, reason: str) -> None:
    assert (
        diagnose(
            Evidence(
                area=Area.SMTP,
                command="DATA",
                text=f"550 {code} banned sending IP" if code == "5.7.606" else f"550 {code} x",
            )
        ).reason
        == reason
    )


def test_two_causes_that_cannot_be_told_apart_come_with_both_remedies() -> None:
    found = diagnose(Evidence(area=Area.IMAP, command="AUTHENTICATE", status="NO", text="Nope"))
    assert found.reason == "CredentialsInvalidOrProtocolDisabled"
    assert "password" in found.action
    assert "IMAP is switched on" in found.action


CREDENTIALS = st.sampled_from(
    [
        "AHVzZXIAcGFzc3dvcmQtb2YtdGhlLW1haWxib3g=",
        "ya29.a0AfH6SMBx-1234567890abcdefghijklmnop",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ]
)


@given(st.text(max_size=60), CREDENTIALS, st.sampled_from(["", "535 5.7.8 ", "NO [AUTH] ", "-ERR "]))
def test_what_looks_like_a_credential_is_never_shown(before: str, credential: str, status: str) -> None:
    assert credential not in diagnose(Evidence(text=f"{status}{before} token={credential} refused")).message


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "535 5.7.8 ",
        "\\x41",
        "NO [AUTH",
        "<a@b",
        "user ",
        "(535, b'",
        "=20",
        "too many ",
        "the message ",
        "eyJ",
        "- ",
        "\r\n535-5.7.8 ",
    ],
)
def test_a_megabyte_is_read_in_bounded_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    started = time.thread_time()  # what others take of the processor does not count
    for area in ("", Area.IMAP, Area.SMTP):
        diagnose(Evidence(text=text, area=area))
    assert time.thread_time() - started < 15  # it is some 1; every rule on all of it would take minutes


def test_the_providers_own_rule_comes_first() -> None:
    text = "NO [AUTHENTICATIONFAILED] Authentication failed"
    assert diagnose(Evidence(area=Area.IMAP, text=text)).reason == "CredentialsInvalid"
    assert (
        diagnose(Evidence(area=Area.IMAP, text=text, provider="icloud")).reason
        == "AppPasswordRequiredOrCredentialsInvalid"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("failed to lookup address information: Name or service not known", "HostNotFound"),
        ("NO LOGIN, Unable to connect to ssl://localhost:993 (Connection refused)", "ConnectionRefused"),
    ],
)
def test_a_librarys_word_of_the_network_is_no_reply(text: str, reason: str) -> None:
    assert diagnose(Evidence(text=text)).reason == reason


@pytest.mark.parametrize(
    ("area", "text", "retry"),
    [
        (Area.SMTP, "542 Wibble", Retry.NO),
        (Area.IMAP, "NO Wibble", Retry.LIMITED),
    ],
)
def test_words_that_no_rule_knows_have_a_retry_class(area: Area, text: str, retry: Retry) -> None:
    found = diagnose(Evidence(area=area, text=text))
    assert (found.reason, found.retry) == (UNRECOGNISED, retry)
