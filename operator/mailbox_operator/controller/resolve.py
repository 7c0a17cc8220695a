"""Where to connect and who signs in: from the spec, and from the provider where the spec leaves it open. Pure."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from mailbox_operator.api.credentials import Credentials
from mailbox_operator.api.durations import seconds
from mailbox_operator.api.implemented import uses_ews
from mailbox_operator.api.mailbox import MailboxSpec
from mailbox_operator.api.mailprovider import IncomingEndpoint, Limits, MailProviderSpec, OutgoingEndpoint, UsernameForm
from mailbox_operator.api.mailprovider import Retirement as RetirementSpec
from mailbox_operator.api.references import SecretKey
from mailbox_operator.api.servers import Incoming, Outgoing
from mailbox_operator.api.tls import Tls
from mailbox_operator.mail.endpoint import DEFAULT_PORTS, Protocol, Security, in_url
from mailbox_operator.verification.model import Retirement

HTTP_PORTS: Final = {"http": 80, "https": 443}
EWS_PATH: Final = "/EWS/Exchange.asmx"
PROTOCOLS: Final = frozenset(Protocol)
USUAL_FORM: Final = UsernameForm()
NO_LIMITS: Final = Limits()


class UnresolvedError(Exception):
    """What is missing, and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A server that was chosen, and by whom."""

    protocol: Protocol
    host: str
    port: int
    security: Security
    source: str
    path: str = ""
    """Of the service's URL, for EWS; "": `host` is the domain that autodiscover is asked about."""

    def __str__(self) -> str:
        if self.protocol is Protocol.EWS and not self.path:
            return f"EWS by autodiscover of {self.host}"
        return f"{self.protocol} {in_url(self.host)}:{self.port}"

    @property
    def url(self) -> str | None:
        """Of the service, where it is known."""
        scheme = "http" if self.security is Security.NONE else "https"
        port = "" if self.port == HTTP_PORTS[scheme] else f":{self.port}"
        return f"{scheme}://{in_url(self.host)}{port}{self.path}" if self.path else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who signs in, with which Secret's value, by which mechanism."""

    username: str
    password: SecretKey
    mechanism: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """All that is chosen before anybody is dialled."""

    incoming: Door
    outgoing: Door | None
    login: Login
    outgoing_login: Login
    tls: Tls
    provider: str | None
    provider_connections: int | None = None
    """How many connections the provider tolerates, where it says so."""
    least_interval_seconds: float = 0.0
    """Between two polls, at this provider."""
    pushes: bool = True
    """Whether the provider's IMAP tells of new mail by itself, where it offers to."""
    retirements: tuple[Retirement, ...] = ()
    """What the provider says it switches off."""


def resolve(spec: MailboxSpec, *, provider: MailProviderSpec | None) -> Resolution:
    """Return the choice. Raises UnresolvedError."""
    name = spec.provider_ref.name if spec.provider_ref else None
    form = provider.username_form if provider else USUAL_FORM
    limits = provider.limits if provider and provider.limits else NO_LIMITS
    login = _login(spec.credentials, spec.address, form)
    other = spec.outgoing.credentials if spec.outgoing else None
    return Resolution(
        incoming=_incoming(spec, provider),
        outgoing=_outgoing(spec, provider),
        login=login,
        outgoing_login=_login(other, spec.address, form) if other else login,
        tls=spec.tls or (provider.tls if provider and provider.tls else Tls()),
        provider=name,
        provider_connections=limits.connections,
        least_interval_seconds=seconds(limits.min_interval) if limits.min_interval else 0.0,
        pushes=provider.idle if provider else True,
        retirements=tuple(_retirement(one) for one in provider.retirements) if provider else (),
    )


def _retirement(one: RetirementSpec) -> Retirement:
    first, _, rest = one.protocol.partition(" ")
    protocol = Protocol(first) if first in PROTOCOLS else None
    return Retirement(
        protocol=protocol,
        mechanism=rest if protocol else first,
        date=one.date,
        note=" ".join((one.note or "").split()),
    )


def _incoming(spec: MailboxSpec, provider: MailProviderSpec | None) -> Door:
    asked = spec.incoming
    wanted = asked.protocol if asked else None
    if asked and uses_ews(asked):
        return _ews_door(asked, provider.incoming if provider else [], address=spec.address)
    preset = _preset(provider, wanted)
    host = asked.host if asked and asked.host else (preset.host if preset else None)
    if not host:
        raise UnresolvedError(
            f"The MailProvider offers no {wanted or 'IMAP or POP3'}: set spec.incoming.host, or another spec.incoming.protocol"
            if provider
            else "The server is not known: set spec.incoming.host, or spec.providerRef"
        )
    return _door(
        Protocol(wanted or (preset.protocol if preset else "IMAP")),
        host,
        asked.port if asked else None,
        asked.security if asked else None,
        preset=(preset.port, preset.security) if preset and host == preset.host else None,
        source="Spec" if asked and asked.host else "Provider",
    )


def _preset(provider: MailProviderSpec | None, wanted: str | None) -> IncomingEndpoint | None:
    """Return the provider's server for a protocol; where none is asked for, the first that needs no more than a login."""
    speaks = (wanted,) if wanted else ("IMAP", "POP3")
    return next((one for one in provider.incoming if one.protocol in speaks), None) if provider else None


def _outgoing(spec: MailboxSpec, provider: MailProviderSpec | None) -> Door | None:
    asked = spec.outgoing
    if asked and asked.protocol == "None":
        return None
    if asked and uses_ews(asked):
        if not (asked.url or asked.host) and uses_ews(spec.incoming):
            return _incoming(spec, provider)
        return _ews_door(asked, provider.outgoing if provider else [], address=spec.address)
    preset = next((one for one in provider.outgoing if one.protocol == "SMTP"), None) if provider else None
    host = asked.host if asked and asked.host else (preset.host if preset else None)
    if not host:
        if asked is None:
            return None  # neither spec nor provider knows a way out: the mailbox receives only
        raise UnresolvedError("The server for sending is not known: set spec.outgoing.host, or protocol: None")
    return _door(
        Protocol.SMTP,
        host,
        asked.port if asked else None,
        asked.security if asked else None,
        preset=(preset.port, preset.security) if preset and host == preset.host else None,
        source="Spec" if asked and asked.host else "Provider",
    )


def _door(  # noqa: PLR0913 - a door has these
    protocol: Protocol,
    host: str,
    port: int | None,
    security: str | None,
    *,
    preset: tuple[int | None, str] | None,
    source: str,
) -> Door:
    secured = Security(security or (preset[1] if preset else "TLS"))
    usual = DEFAULT_PORTS[protocol, secured]
    from_preset = preset[0] if preset and preset[1] == secured else None
    return Door(protocol=protocol, host=host, port=port or from_preset or usual, security=secured, source=source)


def _ews_door(
    asked: Incoming | Outgoing, presets: Sequence[IncomingEndpoint | OutgoingEndpoint], *, address: str
) -> Door:
    """Return where EWS is: as asked, else as the provider says, else the domain that autodiscover is asked about."""
    preset = next((one.url for one in presets if one.protocol == "EWS" and one.url), None)
    url = asked.url or (f"https://{in_url(asked.host)}{EWS_PATH}" if asked.host else preset)
    if url is None:
        domain = address.rpartition("@")[2]
        return Door(
            protocol=Protocol.EWS, host=domain, port=HTTP_PORTS["https"], security=Security.TLS, source="Autodiscover"
        )
    scheme, host, port, path = _split(url)
    return Door(
        protocol=Protocol.EWS,
        host=host,
        port=port,
        security=Security.NONE if scheme == "http" else Security.TLS,
        source="Spec" if asked.url or asked.host else "Provider",
        path=path if len(path) > 1 else EWS_PATH,
    )


def _split(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port and path. Raises UnresolvedError: the API server lets some pass that are no URLs."""
    with suppress(ValueError):
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        if parts.hostname:
            return scheme, parts.hostname, parts.port or HTTP_PORTS[scheme], parts.path
    raise UnresolvedError(f"{url} is no URL: write https://HOST{EWS_PATH}")


def _login(credentials: Credentials, address: str, form: UsernameForm) -> Login:
    reference = credentials.password_secret_ref
    if reference is None:
        raise UnresolvedError("A password is needed: set credentials.passwordSecretRef")
    return Login(
        username=credentials.username or _username(address, form),
        password=reference,
        mechanism=credentials.mechanism,
    )


def _username(address: str, form: UsernameForm) -> str:
    local, _, domain = address.rpartition("@")
    if form.type == "LocalPart":
        return local
    if form.type == "Template" and form.template:
        values = {"{address}": address, "{local}": local, "{domain}": domain}
        result = form.template
        for place, value in values.items():
            result = result.replace(place, value)
        return result
    return address
