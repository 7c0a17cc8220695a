"""The one exception of mail sessions: what went wrong between us and a server, as evidence for `diagnosis`."""

from enum import StrEnum


class Area(StrEnum):
    """Which kind of words `MailError.text` holds; chooses the rules of `diagnosis` that apply."""

    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    STARTTLS = "starttls"
    IMAP = "imap"
    POP3 = "pop3"
    SMTP = "smtp"
    POLICY = "policy"
    """We refused, not the server: the address guard."""


class MailError(Exception):
    """A session could not go on.

    Attributes:
        area: whose words `text` are.
        text: what the server or the network said, cut and cleaned of control characters, never a secret.
        status: the reply's status where there is one (`NO`, `BAD`, `BYE`, `535` …).
        code: the response code or enhanced status code (RFC 5530, RFC 3463) without brackets, or "".
        tls_verify_code: OpenSSL's X509_V_ERR_* number of a refused certificate, or 0.
    """

    def __init__(self, text: str, *, area: Area, status: str = "", code: str = "", tls_verify_code: int = 0) -> None:
        super().__init__(text)
        self.area = area
        self.text = text
        self.status = status
        self.code = code
        self.tls_verify_code = tls_verify_code
