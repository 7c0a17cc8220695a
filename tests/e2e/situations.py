"""The table of failures: what is wrong with a Mailbox, and the condition, reason and words that must say so."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from e2e.canary import CANARY
from e2e.failing_peers import DOMAIN, DOVECOTS, RELAYLESS, SMALL, WATCHFUL, host

WRONG: Final = f"wrong-{CANARY}"
REACHABLE, SECURED, AUTHENTICATED = "Reachable", "Secured", "Authenticated"
GOOD: Final = host("good")
RIGHT_LOGIN: Final = {"passwordSecretRef": {"name": "right"}}
WRONG_LOGIN: Final = {"passwordSecretRef": {"name": "wrong"}}
SHORT: Final = {"verification": {"timeouts": {"connect": "6s", "authenticate": "6s", "step": "6s"}}}
"""For those whose server lets them wait; the side that works must be able to keep to it, too, on a slow machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A Mailbox with one fault."""

    name: str
    spec: dict[str, Any]
    condition: str
    reason: str
    says: tuple[str, ...]
    """Words of its message: of the cause, and of the remedy."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one side."""

    step: str
    reason: str
    says: tuple[str, ...]
    door: dict[str, Any] = field(default_factory=dict)
    """What `incoming` or `outgoing` says of where to go."""
    login: dict[str, Any] = field(default_factory=dict)
    """What differs in its credentials."""
    spec: dict[str, Any] = field(default_factory=dict)
    """What differs in the rest."""


def at(name: str, security: str, port: int | None = None) -> dict[str, Any]:
    """Return a door of a host."""
    return {"host": host(name), "security": security} | ({"port": port} if port else {})


def url_at(name: str, *, port: int = 443, path: str = "") -> str:
    """Return the address of a host's Exchange."""
    return f"https://{host(name)}:{port}{path}/EWS/Exchange.asmx"


FAULTS: Final = {
    "refused": Fault(REACHABLE, "ConnectionRefused", ("firewall", "port"), at("good", "TLS", 1)),
    "rejected": Fault(REACHABLE, "ConnectionRefused", ("firewall", "port"), at("rejected", "TLS")),
    "dropped": Fault(REACHABLE, "ConnectionTimeout", ("packets", "firewall"), at("dropped", "TLS"), spec=SHORT),
    "unreachable": Fault(REACHABLE, "NetworkUnreachable", ("route",), at("unreachable", "TLS")),
    "nowhere": Fault(REACHABLE, "HostNotFound", (host("nowhere"), "host"), at("nowhere", "TLS")),
    "silent": Fault(REACHABLE, "ServerSilent", ("in time",), at("silent", "StartTLS"), spec=SHORT),
    "silent-tls": Fault(SECURED, "ServerSilent", ("in time",), at("silent", "TLS"), spec=SHORT),
    "trickling": Fault(REACHABLE, "ServerSilent", ("in time",), at("trickling", "StartTLS"), spec=SHORT),
    "trickling-tls": Fault(SECURED, "ServerSilent", ("in time",), at("trickling", "TLS"), spec=SHORT),
    "garbage": Fault(REACHABLE, "WrongProtocol", ("port",), at("garbage", "StartTLS")),
    "garbage-tls": Fault(SECURED, "WrongProtocol", ("port",), at("garbage", "TLS")),
    "reset": Fault(REACHABLE, "ConnectionReset", ("cut",), at("resetting", "StartTLS")),
    "reset-tls": Fault(SECURED, "ConnectionReset", ("cut",), at("resetting", "TLS")),
    "closed": Fault(REACHABLE, "ConnectionClosed", ("closed",), at("closing", "StartTLS")),
    "closed-tls": Fault(SECURED, "TLSConnectionClosed", ("closed",), at("closing", "TLS")),
    "expired": Fault(SECURED, "TLSCertificateExpired", ("expired", "renew"), at("expired", "TLS")),
    "untrusted": Fault(SECURED, "TLSCertificateUntrusted", ("CA", "tls.caConfigMapRef"), at("untrusted", "TLS")),
    "wrong-name": Fault(SECURED, "TLSHostnameMismatch", ("name", "tls.serverName"), at("wrong-name", "TLS")),
    "old-tls": Fault(SECURED, "TLSVersionUnsupported", ("versions",), at("old-tls", "TLS")),
    "no-starttls": Fault(SECURED, "StartTLSUnavailable", ("STARTTLS", "TLS"), at("plain", "StartTLS")),
    "wrong-password": Fault(AUTHENTICATED, "CredentialsInvalid", ("password",), login=WRONG_LOGIN),
    "unknown-user": Fault(AUTHENTICATED, "CredentialsInvalid", ("user",), login={"username": f"nobody@{DOMAIN}"}),
    "echoing": Fault(AUTHENTICATED, "CredentialsInvalid", ("***", "password"), at("echoing", "TLS")),
    "forbidden-name": Fault(REACHABLE, "ForbiddenAddress", ("169.254.169.254", "network."), at("metadata", "TLS")),
    "forbidden-loopback": Fault(REACHABLE, "ForbiddenAddress", ("loopback", "network."), at("loopback", "TLS")),
    "forbidden-service": Fault(
        REACHABLE, "ForbiddenAddress", ("cluster", "network."), {"host": "kubernetes.default.svc", "port": 443}
    ),
}
"""What can be wrong with any side."""

IMAP: Final = FAULTS | {
    "temporary": Fault(
        AUTHENTICATED,
        "ServerUnavailableOrAuthenticationUnavailable",
        ("emporar", "not at fault"),
        login={"username": f"temporary@{DOMAIN}"},
    ),
    "wrong-protocol": Fault(REACHABLE, "WrongProtocol", ("IMAP", "993"), at("good", "StartTLS", 587)),
    "wrong-protocol-tls": Fault(SECURED, "WrongProtocol", ("IMAP", "993"), at("good", "TLS", 465)),
    "tls-on-plain-port": Fault(SECURED, "TLSModeMismatch", ("StartTLS",), at("good", "TLS", 143)),
    "starttls-on-tls-port": Fault(REACHABLE, "ServerSilent", ("TLS",), at("good", "StartTLS", 993), spec=SHORT),
    "plaintext": Fault(AUTHENTICATED, "TLSRequired", ("TLS",), at("plain", "None")),
    "crowded": Fault(
        AUTHENTICATED,
        "ConnectionLimitReached",
        ("connections",),
        at("crowded", "TLS"),
        login={"username": f"crowded@{DOMAIN}"},
    ),
}
POP3: Final = FAULTS | {
    "temporary": Fault(
        AUTHENTICATED,
        "ServerUnavailableOrAuthenticationUnavailable",
        ("emporar", "not at fault"),
        login={"username": f"temporary@{DOMAIN}"},
    ),
    "wrong-protocol": Fault(REACHABLE, "WrongProtocol", ("POP3", "995"), at("good", "StartTLS", 143)),
    "wrong-protocol-tls": Fault(SECURED, "WrongProtocol", ("POP3", "995"), at("good", "TLS", 993)),
    "tls-on-plain-port": Fault(SECURED, "TLSModeMismatch", ("StartTLS",), at("good", "TLS", 110)),
    "starttls-on-tls-port": Fault(REACHABLE, "ServerSilent", ("TLS",), at("good", "StartTLS", 995), spec=SHORT),
    "plaintext": Fault(AUTHENTICATED, "TLSRequired", ("TLS",), at("plain", "None")),
    "crowded": Fault(
        AUTHENTICATED,
        "ConnectionLimitReached",
        ("connections",),
        at("crowded", "TLS"),
        login={"username": f"crowded@{DOMAIN}"},
    ),
}
SMTP: Final = FAULTS | {
    "temporary": Fault(
        AUTHENTICATED,
        "AuthenticationUnavailable",
        ("emporar",),
        at("good", "StartTLS", DOVECOTS),
        login={"username": f"temporary@{DOMAIN}"},
    ),
    "crowded": Fault(SECURED, "ConnectionLimitReached", ("connections",), at("crowded", "TLS")),
    "mailbox-full": Fault(AUTHENTICATED, "MailboxFull", ("full",), at("good", "StartTLS", WATCHFUL)),
    "wrong-protocol": Fault(REACHABLE, "WrongProtocol", ("SMTP", "587"), at("good", "StartTLS", 143)),
    "wrong-protocol-tls": Fault(SECURED, "WrongProtocol", ("SMTP", "465"), at("good", "TLS", 993)),
    "tls-on-plain-port": Fault(SECURED, "TLSModeMismatch", ("StartTLS",), at("good", "TLS", 587)),
    "starttls-on-tls-port": Fault(REACHABLE, "ServerSilent", ("TLS",), at("good", "StartTLS", 465), spec=SHORT),
    "plaintext": Fault(AUTHENTICATED, "SmtpAuthUnavailable", ("TLS",), at("plain", "None", 587)),
    "relay": Fault(
        AUTHENTICATED,
        "RelayDenied",
        ("relay",),
        at("good", "StartTLS", RELAYLESS),
        login={"username": f"smtp-relay@{DOMAIN}"},
        spec={"address": "smtp-relay@elsewhere.test", "credentials": {"username": f"smtp-relay@{DOMAIN}"}},
    ),
    "not-owned": Fault(AUTHENTICATED, "SendAsDenied", ("owned",), login={"username": f"other@{DOMAIN}"}),
}
EWS: Final = {
    name: replace(FAULTS[name], door={"url": url_at(FAULTS[name].door["host"].partition(".")[0])})
    for name in (
        "rejected", "dropped", "unreachable", "nowhere", "expired", "untrusted", "wrong-name", "old-tls", "forbidden-name",
        "forbidden-loopback", "closed-tls",
    )
} | {
    name: replace(FAULTS[name], step=REACHABLE, door={"url": url_at(FAULTS[name].door["host"].partition(".")[0])})
    for name in ("silent-tls", "trickling-tls", "reset-tls")
} | {
    "refused": replace(FAULTS["refused"], door={"url": url_at("good", port=1)}),
    "wrong-password": replace(FAULTS["wrong-password"], door={"url": url_at("good")}),
    "unknown-user": replace(FAULTS["unknown-user"], door={"url": url_at("good")}),
    "temporary": Fault(REACHABLE, "ServerUnavailable", ("again",), {"url": url_at("good", path="/busy")}),
    "crowded": Fault(AUTHENTICATED, "ConnectionLimitReached", ("connections",), {"url": url_at("good")}),
    "redirect": Fault(
        REACHABLE, "ForbiddenAddress", ("169.254.169.254", "network."), {"url": url_at("good", path="/redirecting")}
    ),
    "garbage-tls": Fault(REACHABLE, "WrongProtocol", ("incoming.url",), {"url": url_at("garbage")}),
    "wrong-path": Fault(REACHABLE, "WrongEndpoint", ("URL",), {"url": url_at("good", path="/elsewhere")}),
    "wrong-protocol": Fault(REACHABLE, "WrongProtocol", ("incoming.url",), {"url": url_at("good", port=993)}),
    "tls-on-plain-port": Fault(SECURED, "TLSModeMismatch", ("TLS",), {"url": url_at("good", port=80)}),
}  # fmt: skip
PLAIN_SPEC: Final = {
    "incoming": {"protocol": "IMAP", "host": GOOD, "security": "TLS"},
    "outgoing": {"protocol": "SMTP", "host": GOOD, "security": "TLS", "credentials": RIGHT_LOGIN},
    "credentials": RIGHT_LOGIN,
    "verification": {"testMessage": "Never"},
}
"""Of a Mailbox without a fault, but for its address."""


NO_HOST: Final = {"host": None, "security": None}
"""What goes without saying where there is a URL."""
EXCHANGE: Final = {"protocol": "EWS", "url": url_at("good"), **NO_HOST}
"""A door of the good host."""


def incoming(protocol: str, faults: dict[str, Fault]) -> Iterator[Situation]:
    """Yield the situations of a Mailbox that receives by a protocol."""
    for name, fault in faults.items():
        door = {"protocol": protocol} | fault.door | (NO_HOST if "url" in fault.door else {})
        yield Situation(
            name=f"{protocol.lower()}-{name}",
            spec=fault.spec | {"incoming": door, "credentials": fault.login},
            condition=f"Incoming{fault.step}",
            reason=fault.reason,
            says=fault.says,
        )


def outgoing(protocol: str, faults: dict[str, Fault]) -> Iterator[Situation]:
    """Yield the situations of a Mailbox that sends by a protocol."""
    for name, fault in faults.items():
        yield Situation(
            name=f"{protocol.lower()}-{name}",
            spec=fault.spec | {"outgoing": {"protocol": protocol, "credentials": fault.login} | fault.door},
            condition=f"Outgoing{fault.step}",
            reason=fault.reason,
            says=fault.says,
        )


OTHERS: Final = (
    Situation(
        name="no-such-folder",
        spec={"fetch": {"folders": {"include": ["INBOX", "Invoices"]}}},
        condition="FoldersAccessible",
        reason="FolderNotFound",
        says=("Invoices", "fetch.folders"),
    ),
    Situation(
        name="ews-no-such-folder",
        spec={"incoming": EXCHANGE, "fetch": {"folders": {"include": ["INBOX", "Invoices"]}}},
        condition="FoldersAccessible",
        reason="FolderNotFound",
        says=("Invoices", "fetch.folders"),
    ),
    *(
        Situation(
            name=f"ews-{name}",
            spec={"incoming": EXCHANGE, "outgoing": EXCHANGE, "verification": {"testMessage": "OnChange"}},
            condition="TestMessageDelivered",
            reason=reason,
            says=(word,),
        )
        for name, reason, word in (("mailbox-full", "MailboxFull", "quota"), ("too-large", "MessageTooLarge", "size"))
    ),
    Situation(
        name="no-list-rights",
        spec={},
        condition="FoldersAccessible",
        reason="FolderNotFound",
        says=("INBOX",),
    ),
    Situation(
        name="no-read-rights",
        spec={},
        condition="FoldersAccessible",
        reason="FolderAccessDenied",
        says=("INBOX",),
    ),
    Situation(
        name="too-large",
        spec={"outgoing": at("good", "StartTLS", SMALL), "verification": {"testMessage": "OnChange"}},
        condition="TestMessageDelivered",
        reason="MessageTooLarge",
        says=("size",),
    ),
    Situation(
        name="missing-secret",
        spec={"credentials": {"passwordSecretRef": {"name": "missing"}}},
        condition="ReferencesResolved",
        reason="SecretNotFound",
        says=("missing", "create"),
    ),
    Situation(
        name="missing-key",
        spec={"credentials": {"passwordSecretRef": {"name": "right", "key": "pasword"}}},
        condition="ReferencesResolved",
        reason="SecretKeyNotFound",
        says=("pasword", "password"),
    ),
    Situation(
        name="wrong-type",
        spec={"credentials": {"passwordSecretRef": {"name": "typed", "key": "tls.key"}}},
        condition="ReferencesResolved",
        reason="SecretTypeWrong",
        says=("kubernetes.io/tls", "Opaque"),
    ),
    Situation(
        name="line-break",
        spec={"credentials": {"passwordSecretRef": {"name": "broken"}}},
        condition="IncomingAuthenticated",
        reason="CredentialsMalformed",
        says=("line break",),
    ),
)
SITUATIONS: Final = {
    one.name: one
    for one in (
        *incoming("IMAP", IMAP),
        *incoming("POP3", POP3),
        *incoming("EWS", EWS),
        *outgoing("SMTP", SMTP),
        *OTHERS,
    )
}
