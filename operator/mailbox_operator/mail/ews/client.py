"""exchangelib, held to one mailbox: our connections, one try, no cache, no log; what it raises as evidence.

Importing it costs 0.8 seconds and 40 MiB, so only a session with an Exchange server does, in a thread.
"""

import logging
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import exchangelib
import requests
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from exchangelib.protocol import CachingProtocol, FailFast, Protocol
from exchangelib.transport import NOAUTH
from requests.auth import AuthBase
from requests_ntlm import HttpNtlmAuth

from mailbox_operator.mail.credential import Credential, CredentialKind
from mailbox_operator.mail.endpoint import TlsOptions
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.ews.errors import ews_errors, http_error
from mailbox_operator.mail.ews.http import open_http
from mailbox_operator.mail.ews.wire import READ_SECONDS, Wire
from mailbox_operator.values import dataclass

for _name in ("exchangelib", "requests_ntlm", "spnego", "urllib3", "requests_oauthlib", "oauthlib"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)  # they log requests, headers, and some of them tokens

SOAP: Final = (b"<?xml", b"\xef\xbb\xbf<?xml", b"<s:Envelope", b"<soap:Envelope", b"<soapenv:Envelope")
UNAUTHORIZED: Final = 401
URL_SETTINGS: Final = ("external_ews_url", "internal_ews_url")


class _Basic(AuthBase):
    """RFC 7617 in UTF-8; the library's own writes Latin-1."""

    def __init__(self, credential: Credential) -> None:
        pair = f"{credential.username}:{credential.secret.reveal()}".encode()
        self._header = f"Basic {b64encode(pair).decode()}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class _Bearer(AuthBase):
    """RFC 6750."""

    def __init__(self, credential: Credential) -> None:
        self._header = f"Bearer {credential.secret.reveal()}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class _OneTry(FailFast):  # type: ignore[misc]  # the library is untyped
    """Judges each answer's HTTP status: what is no SOAP answer is evidence, whatever it looks like to the library."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def raise_response_errors(self, response: requests.Response) -> None:
        if response.is_redirect and (target := urlsplit(response.headers["Location"])).hostname:
            self._wire.check(target.hostname, target.port or 443)
        html = "html" in response.headers.get("Content-Type", "")
        if response.status_code == requests.codes.ok and not html:
            return
        if response.status_code == requests.codes.server_error and response.content.lstrip().startswith(SOAP):
            return  # a SOAP fault (SOAP 1.1 section 6.2)
        raise http_error(response)


class _Uncached(CachingProtocol):  # type: ignore[misc]  # the library is untyped
    """The library keeps one protocol for a URL and a user in the whole process; each of ours is a mailbox's own."""

    def __call__(cls, *arguments: Any, **options: Any) -> Any:  # noqa: N805 - a metaclass
        return type.__call__(cls, *arguments, **options)


class _Guarded(Protocol, metaclass=_Uncached):  # type: ignore[misc]  # the library is untyped
    TIMEOUT = READ_SECONDS
    RETRY_WAIT = 0  # so that a delay is one that the server named
    door: "Door"

    def create_session(self) -> requests.Session:
        return self.door.session()


class _GuardedAutodiscover(AutodiscoverProtocol):  # type: ignore[misc]  # the library is untyped
    TIMEOUT = READ_SECONDS
    RETRY_WAIT = 0
    door: "Door"

    def create_session(self) -> requests.Session:
        return self.door.session()


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How a server is reached, and who signs in."""

    wire: Wire
    tls: TlsOptions
    name_of: str
    """The host that `tls.server_name` is meant for."""
    auth: AuthBase | None = None

    def session(self) -> requests.Session:
        """Return a new session, as exchangelib wants it."""
        made: Any = open_http(self.wire, self.tls, name_of=self.name_of, auth=self.auth)
        made.session_id, made.usage_count = id(made) % 100_000, 0
        return made  # type: ignore[no-any-return]  # requests' with two attributes more


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """What a server answers to somebody who shows no credential."""

    url: str
    offers: tuple[str, ...]
    """Schemes of WWW-Authenticate, in lower case."""


def taste(url: str, *, wire: Wire, tls: TlsOptions, name_of: str) -> Taste:
    """Ask without a credential. Raises MailError: nobody to sign in to there."""
    with open_http(wire, tls, name_of=name_of, auth=None) as session, ews_errors():
        answer = session.get(url, allow_redirects=False, timeout=READ_SECONDS)
        if answer.status_code != UNAUTHORIZED:  # nobody who asks for no password should be shown one
            _OneTry(wire).raise_response_errors(answer)
            raise http_error(answer)
        offered = answer.raw.headers.getlist("WWW-Authenticate")
    schemes = (part.strip().partition(" ")[0].lower() for one in offered for part in one.split(","))
    return Taste(url=url, offers=tuple(dict.fromkeys(scheme for scheme in schemes if scheme)))


def choose_auth(credential: Credential, offers: Iterable[str]) -> AuthBase:
    """Return how to sign in: as asked, else NTLM before Basic, since it does not show the password. Raises MailError."""
    offered = tuple(offers)
    if credential.kind is CredentialKind.TOKEN:
        return _Bearer(credential)
    if credential.mechanism not in (None, "NTLM", "Basic"):
        raise MailError(f"mechanism {credential.mechanism} is not implemented for EWS", area=Area.POLICY)
    chosen = credential.mechanism or ("NTLM" if "ntlm" in offered else "Basic")
    if offered and chosen.lower() not in offered:
        raise MailError(
            f"the server offers {', '.join(offered)}, not {chosen}", area=Area.EWS, vendor_code="MechanismNotOffered"
        )
    if chosen == "Basic":
        return _Basic(credential)
    name = credential.username
    domain_given = "\\" in name or "@" in name  # as exchangelib does: a bare name belongs to the server's own domain
    return HttpNtlmAuth(name if domain_given else f"\\{name}", credential.secret.reveal())


def mechanism_of(door: Door) -> str:
    """Return how one signs in there, as the API has it; "": by a token, for which it has no name."""
    match door.auth:
        case HttpNtlmAuth():
            return "NTLM"
        case _Basic():
            return "Basic"
        case _:
            return ""


def open_account(url: str, *, address: str, door: Door) -> Any:
    """Return exchangelib's account for a mailbox; nothing is sent yet."""
    settings = exchangelib.Configuration(
        service_endpoint=url, auth_type=NOAUTH, retry_policy=_OneTry(door.wire), max_connections=2
    )
    account = exchangelib.Account(
        address,
        access_type=exchangelib.DELEGATE,
        config=settings,
        default_timezone=exchangelib.UTC,
        locale="en_US",
    )
    with suppress(KeyError):  # it has made a protocol and put it into the process's cache
        del Protocol[settings]
    account.protocol = _Guarded(config=settings)
    account.protocol.door = door
    return account


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What autodiscover says of a mailbox: one of these."""

    service: str = ""
    """URL of EWS."""
    place: str = ""
    """URL of another server that is to be asked."""
    address: str = ""
    """Of the mailbox, by which it is to be asked for instead."""


def ask_autodiscover(url: str, *, address: str, door: Door) -> Told:
    """Return what autodiscover at `url` says of a mailbox. Raises MailError."""
    settings = exchangelib.Configuration(service_endpoint=url, auth_type=NOAUTH, retry_policy=_OneTry(door.wire))
    protocol = _GuardedAutodiscover(config=settings)
    protocol.door = door
    with ews_errors():
        found = protocol.get_user_settings(user=address, settings=list(URL_SETTINGS))
        if found.redirect_url or found.redirect_address:
            return Told(place=str(found.redirect_url or ""), address=str(found.redirect_address or ""))
        found.raise_errors()
        known = found.user_settings or {}
    for name in URL_SETTINGS:
        if service := known.get(name):
            return Told(service=str(service))
    raise MailError(f"autodiscover at {url} names no URL of EWS", area=Area.EWS, vendor_code="AutoDiscoverFailed")
