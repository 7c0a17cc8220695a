"""What is known of a failure: the way in to `diagnose`."""

from typing import Protocol

from mailbox_operator.values import dataclass


class Fault(Protocol):
    """What an error of a session brings along (`mail.errors.MailError` does)."""

    text: str
    protocol: str
    command: str
    status: str
    enhanced_code: str
    response_code: str
    vendor_code: str
    tls_verify_code: int
    headers: tuple[tuple[str, str], ...]

    @property
    def area(self) -> str:
        """Whose words `text` are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A failure in the words and codes of whoever met it. All but `text` may be missing; none is to be trusted."""

    text: str
    """What the server, the network or a library said."""
    area: str = ""
    """Whose words these are: `dns`, `tcp`, `tls`, `starttls`, `imap`, `pop3`, `smtp`, `ews`, `oauth` … (`mail.errors.Area`)."""
    step: str = ""
    """Type of the condition that is being proven."""
    protocol: str = ""
    """What was spoken or would have been: `IMAP`, `POP3`, `SMTP`, `EWS`, `Graph`, `Gmail`."""
    command: str = ""
    """What was asked last: `CONNECT`, `GREETING`, `STARTTLS`, `AUTHENTICATE`, `SELECT`, `MAIL`, `RCPT`, `DATA` …"""
    status: str = ""
    """`NO`, `BAD`, `BYE`, `-ERR`, `535`, or an HTTP status."""
    enhanced_code: str = ""
    """RFC 3463: `5.7.8`."""
    response_code: str = ""
    """RFC 5530, RFC 2449, RFC 3206: `AUTHENTICATIONFAILED`, `SYS/TEMP`."""
    vendor_code: str = ""
    """What only one vendor or API says: SOAP ResponseCode, OData or OAuth error, `AADSTS50126`, OpenSSL's name of a fault."""
    tls_verify_code: int = 0
    """OpenSSL's X509_V_ERR_* number, or 0."""
    headers: tuple[tuple[str, str], ...] = ()
    """Of an HTTP answer, those that tell something, such as `retry-after`; names in lower case."""
    provider: str = ""
    """Whose server it is, where that is known: `Gmail`, `M365` …"""


def evidence_of(fault: Fault, *, step: str, provider: str = "") -> Evidence:
    """Return what a session's error tells, together with where it was met."""
    return Evidence(
        text=fault.text,
        area=fault.area,
        step=step,
        protocol=fault.protocol,
        command=fault.command,
        status=fault.status,
        enhanced_code=fault.enhanced_code,
        response_code=fault.response_code,
        vendor_code=fault.vendor_code,
        tls_verify_code=fault.tls_verify_code,
        headers=fault.headers,
        provider=provider,
    )
