"""The one exception of mail sessions: what went wrong between us and a server, as evidence for `diagnosis`."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Self

from mailbox_operator.values import dataclass


class Area(StrEnum):
    """Which kind of words `MailError.text` holds; chooses the rules of `diagnosis` that apply."""

    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    STARTTLS = "starttls"
    IMAP = "imap"
    POP3 = "pop3"
    SMTP = "smtp"
    EWS = "ews"
    LMTP = "lmtp"
    MAILDIR = "maildir"
    OAUTH = "oauth"
    POLICY = "policy"
    """We refused, not the server: the address guard."""


def system_words(error: OSError) -> str:
    """Return what the system says of a failed call, without the number and the arguments that Python puts around it."""
    if error.errno is not None and error.errno > 0:  # a resolver's numbers are below, with words of their own
        return os.strerror(error.errno)
    return error.strerror or str(error)


class MailError(Exception):
    """A session could not go on.

    Attributes:
        area: whose words `text` are.
        text: what the server or the network said, cut and cleaned of control characters, never a secret.
        protocol: what was spoken or would have been (`IMAP`, `SMTP` …), also where the network failed; `asking` sets it.
        command: what was asked last (`CONNECT`, `GREETING`, `STARTTLS`, `AUTHENTICATE`, `SELECT`, `MAIL` …); `asking` sets it.
        status: the reply's status where there is one (`NO`, `BAD`, `BYE`, `-ERR`, `535`, an HTTP status …).
        enhanced_code: enhanced status code (RFC 3463) such as `5.7.8`, or "".
        response_code: response code without brackets (RFC 5530 for IMAP, RFC 2449 and RFC 3206 for POP3), or "".
        vendor_code: what only one vendor or API says: a SOAP ResponseCode, an OData or OAuth error, `AADSTS50126`, the
            name that OpenSSL has for a fault of TLS.
        tls_verify_code: OpenSSL's X509_V_ERR_* number of a refused certificate, or 0.
        about: which of several things it is about: a folder, an address to send as; "" where there is but one.
        headers: of an HTTP answer, those that tell something (`x-ms-diagnostics` …), names in lower case; `retry-after` also
            where another protocol named a delay.
    """

    def __init__(  # noqa: PLR0913 - evidence has that many kinds
        self,
        text: str,
        *,
        area: Area,
        protocol: str = "",
        command: str = "",
        status: str = "",
        enhanced_code: str = "",
        response_code: str = "",
        vendor_code: str = "",
        tls_verify_code: int = 0,
        headers: tuple[tuple[str, str], ...] = (),
        about: str = "",
    ) -> None:
        super().__init__(text)
        self.text = text
        self.area = area
        self.protocol = protocol
        self.command = command
        self.status = status
        self.enhanced_code = enhanced_code
        self.response_code = response_code
        self.vendor_code = vendor_code
        self.tls_verify_code = tls_verify_code
        self.headers = headers
        self.about = about

    def with_text(self, text: str) -> Self:
        """Return the same evidence in other words."""
        return type(self)(
            text,
            area=self.area,
            protocol=self.protocol,
            command=self.command,
            status=self.status,
            enhanced_code=self.enhanced_code,
            response_code=self.response_code,
            vendor_code=self.vendor_code,
            tls_verify_code=self.tls_verify_code,
            headers=self.headers,
            about=self.about,
        )


@contextmanager
def asking(command: str, *, protocol: str, about: str = "") -> Iterator[None]:
    """Note in a MailError that comes by what was asked for, unless it says so itself; `unanswered` tells of a deadline."""
    try:
        yield
    except MailError as error:
        error.protocol = error.protocol or protocol
        error.command = error.command or command
        error.about = error.about or about
        raise
    except asyncio.CancelledError as error:
        error.args = error.args or (Unanswered(command=command, protocol=protocol),)
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """What had been asked for when a deadline passed."""

    command: str = ""
    protocol: str = ""


def unanswered(error: TimeoutError) -> Unanswered:
    """Return what had been asked for when the deadline of `asyncio.timeout` passed, where `asking` has noted it."""
    said = error.__cause__.args if isinstance(error.__cause__, asyncio.CancelledError) else ()
    return said[0] if said and isinstance(said[0], Unanswered) else Unanswered()


class SaslError(Exception):
    """No mechanism fits, a challenge makes no sense, or the server has not proven itself. Its text holds no secret."""
