"""TLS as asked: how a context is made from the options, what was negotiated, what a refusal means."""

import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from mailbox_operator.mail.endpoint import TlsOptions
from mailbox_operator.mail.errors import Area, MailError, system_words
from mailbox_operator.values import dataclass

WORDS: Final = re.compile(r"\[\w+(?:: \w+)?\] ([\w ]+?)(?: \(_ssl\.c:\d+\))?")
"""How Python writes down a fault of TLS."""
VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


@lru_cache(maxsize=128)  # reading the system's authorities takes some 20 ms
def client_context(options: TlsOptions) -> ssl.SSLContext:
    """Return a context that judges certificates as `options` say. Raises MailError: the CA bundle cannot be read."""
    return _make_context(options)


@lru_cache(maxsize=32)
def http_context(options: TlsOptions) -> ssl.SSLContext:
    """Return the same for an HTTP library, which writes its own protocol (ALPN) into it. Raises MailError."""
    return _make_context(options)


@lru_cache(maxsize=32)
def http1_context(options: TlsOptions) -> ssl.SSLContext:
    """Return the same for HTTP/1.1: a server that speaks HTTP/2 only says so in the handshake. Raises MailError."""
    context = _make_context(options)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _make_context(options: TlsOptions) -> ssl.SSLContext:
    if options.ca_pem is not None and not options.ca_pem.strip():  # ssl would trust the system's authorities instead
        raise MailError("CA bundle cannot be read: it is empty", area=Area.TLS)
    try:
        context = ssl.create_default_context(cadata=options.ca_pem)
    except (ssl.SSLError, TypeError, ValueError) as error:  # TypeError: not ASCII
        raise MailError(f"CA bundle cannot be read: {error}", area=Area.TLS) from error
    context.minimum_version = VERSIONS[options.minimum_version]
    if options.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What a handshake ended in."""

    version: str
    cipher: str
    issuer: str
    """Common name or organisation of the certificate's issuer; "" where it was not verified."""
    expires: datetime | None


def negotiated(connection: ssl.SSLSocket | ssl.SSLObject, certificate: Mapping[str, Any] | None = None) -> Negotiated:
    """Return what was negotiated on an established connection; its `certificate` need not be read twice."""
    told: Mapping[str, Any] = certificate or connection.getpeercert() or {}
    names = {key: value for part in told.get("issuer", ()) for key, value in part}
    expiry = told.get("notAfter")
    return Negotiated(
        version=connection.version() or "",
        cipher=(connection.cipher() or ("",))[0],
        issuer=str(names.get("commonName") or names.get("organizationName") or ""),
        expires=_moment(expiry) if isinstance(expiry, str) else None,
    )


@lru_cache(maxsize=256)  # thousands of mailboxes may share a server
def _moment(text: str) -> datetime:
    """Return a certificate's time."""
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def tls_error(error: ssl.SSLError | OSError, *, host: str) -> MailError:
    """Return a failed handshake as evidence."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return MailError(f"{host}: {error.verify_message}", area=Area.TLS, tls_verify_code=error.verify_code)
    if isinstance(error, ssl.SSLError):
        return MailError(f"{host}: {error.reason or error}", area=Area.TLS, vendor_code=_name_of(error))
    said = system_words(error) or "the server closed the connection"  # asyncio has no words for that
    return MailError(f"{host}: {said} during the TLS handshake", area=Area.TCP)


def _name_of(error: ssl.SSLError) -> str:
    """Return OpenSSL's name for a fault, or "". Python knows some of them by their words only, for example alert 120."""
    if error.reason:
        return error.reason
    words = WORDS.fullmatch(str(error))
    return words[1].upper().replace(" ", "_") if words else ""
