"""Where a mail server listens, how the wire is secured there, how certificates are judged."""

from enum import StrEnum
from typing import Final

from mailbox_operator.values import dataclass


class Protocol(StrEnum):
    """The protocols, spelled as in the API."""

    IMAP = "IMAP"
    POP3 = "POP3"
    SMTP = "SMTP"
    EWS = "EWS"
    GRAPH = "Graph"
    GMAIL = "Gmail"


class Security(StrEnum):
    """How the wire is secured: TLS from the first octet, upgraded by STARTTLS, or not at all."""

    TLS = "TLS"
    START_TLS = "StartTLS"
    NONE = "None"


DEFAULT_PORTS: Final = {  # RFC 8314 section 3, RFC 9051, RFC 6409
    (Protocol.IMAP, Security.TLS): 993,
    (Protocol.IMAP, Security.START_TLS): 143,
    (Protocol.IMAP, Security.NONE): 143,
    (Protocol.POP3, Security.TLS): 995,
    (Protocol.POP3, Security.START_TLS): 110,
    (Protocol.POP3, Security.NONE): 110,
    (Protocol.SMTP, Security.TLS): 465,
    (Protocol.SMTP, Security.START_TLS): 587,
    (Protocol.SMTP, Security.NONE): 25,
}


def in_url(host: str) -> str:
    """Return a host as it stands in a URL, or before a port: an address of IPv6 in brackets (RFC 3986 section 3.2.2)."""
    bare = host.strip("[]")
    return f"[{bare}]" if ":" in bare else bare


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """How a server's certificate is judged."""

    ca_pem: str | None = None
    """PEM bundle to trust in place of the system's authorities."""
    server_name: str | None = None
    """Name sent as SNI and looked for in the certificate; default: the host."""
    minimum_version: str = "TLSv1.2"
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One server's door."""

    protocol: Protocol
    host: str
    port: int
    security: Security
    tls: TlsOptions = TlsOptions()
    path: str = ""
    """Of the service's URL, for EWS; "": `host` is a domain, and autodiscover says where the service is."""

    @property
    def is_private(self) -> bool:
        """Whether the wire is encrypted and the peer known to be the one that is meant."""
        return self.security is not Security.NONE and not self.tls.insecure_skip_verify

    @property
    def server_name(self) -> str:
        """What the certificate has to name."""
        return self.tls.server_name or self.host.strip("[]")
