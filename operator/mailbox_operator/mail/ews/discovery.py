"""Where Exchange is, for who knows a domain only: autodiscover (MS-OXDISCO) in its four places, the safer first.

Two of them are vouched for by a certificate of the domain's own. The other two, a DNS record and a redirection over plain
HTTP, could be forged by anybody on the way; nothing but their word is taken, and only for a host within the domain.
"""

import http.client
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final
from urllib.parse import urljoin, urlsplit

from dns.exception import DNSException
from dns.rdatatype import SRV
from dns.resolver import Resolver

from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.ews.client import Door, Taste, Told, ask_autodiscover, choose_auth, taste
from mailbox_operator.mail.ews.pox import ask_pox
from mailbox_operator.mail.ews.wire import Wire

PATH: Final = "/autodiscover/autodiscover.svc"
XML_PATH: Final = "/autodiscover/autodiscover.xml"
"""Where plain XML is asked for, of hosts that do not answer SOAP at `PATH`; and where servers redirect over plain HTTP."""
ABSENT: Final = frozenset({"404", "405", "410", "501"})
"""HTTP statuses of a server that, once signed in to, turns out to have no SOAP."""
LEAD_SECONDS: Final = 3.0
"""In all, for the DNS record and for the plain HTTP server: often there is neither, and a firewall that says nothing."""
REDIRECTING: Final = frozenset({301, 302, 303, 307, 308})
MOST_HOPS: Final = 5
HOST: Final = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?", re.ASCII)
"""RFC 1123, and `_`. DNS may have anything in a name: to a URL `elsewhere.test/x.corp.test` is a host outside of corp.test."""
HTTP: Final = 80
HTTPS: Final = 443

Lead = tuple[str, int]
"""Host and port that somebody names."""


def find_autodiscover(domain: str, *, door: Door) -> Taste:
    """Return the first place that asks for a credential; none is shown. Raises MailError.

    Where nobody names a further place, what is raised is the fault of the domain itself.
    """
    fault: MailError | None = None
    for host in (f"autodiscover.{domain}", domain):  # the domain's own web server often belongs to somebody else
        try:
            return _taste(host, HTTPS, door)
        except MailError as error:
            fault = error
    for whom, (host, port) in _leads(domain, door):
        door.wire.check(host, port)
        if not is_within(host, domain):
            raise MailError(
                f"autodiscover of {domain}: {whom} names {host}, which is not within {domain}; anybody on the way "
                "could have said so, and no credential is shown there",
                area=Area.EWS,
                vendor_code="AutoDiscoverFailed",
            )
        return _taste(host, port, door)
    assert fault is not None, "both places have failed"  # noqa: S101 - a fault of ours
    raise fault


def _leads(domain: str, door: Door) -> Iterator[tuple[str, Lead]]:
    if lead := read_srv(domain):
        yield "a DNS record", lead
    if lead := read_redirection(f"autodiscover.{domain}", wire=door.wire):
        yield "a redirection over HTTP", lead


def find_service(first: Taste, *, address: str, credential: Credential, door: Door) -> tuple[str, Door]:
    """Return the URL of a mailbox's service, and how one signs in there. Raises MailError.

    A server that was vouched for may name another server, or another address of the same mailbox: both are followed.
    """
    place = first
    for _ in range(MOST_HOPS):
        entered = replace(door, auth=choose_auth(credential, place.offers))
        told = _ask(place.url, address=address, door=entered)
        if told.service:
            return told.service, entered
        if told.address:
            address = told.address
            place = find_autodiscover(address.rpartition("@")[2], door=door)
        else:
            require_https(told.place)
            place = taste(told.place, wire=door.wire, tls=door.tls, name_of=door.name_of)
    raise MailError(
        f"autodiscover leads from one server to another, more than {MOST_HOPS} times",
        area=Area.EWS,
        vendor_code="AutoDiscoverFailed",
    )


def require_https(url: str) -> None:
    """Raise MailError where a credential would go over the wire for everybody to read."""
    if not url.lower().startswith("https:"):
        raise MailError(f"autodiscover names {url}, which is not https", area=Area.POLICY)


def is_within(host: str, domain: str) -> bool:
    """Whether a host is the domain or one of its own, by a name that means the same wherever it is written."""
    if not HOST.fullmatch(host):
        return False
    name, parent = host.lower().rstrip("."), domain.lower().rstrip(".")
    return name == parent or name.endswith(f".{parent}")


def read_srv(domain: str) -> Lead | None:
    """Return what `_autodiscover._tcp` names (RFC 2782), the most preferred, or None: there is no such record."""
    try:
        found = Resolver().resolve(f"_autodiscover._tcp.{domain}.", SRV, lifetime=LEAD_SECONDS, search=False)
    except (DNSException, UnicodeError, OSError):
        return None
    best = min(found, key=lambda one: (one.priority, -one.weight))
    host = best.target.to_text(omit_final_dot=True)
    return (host, best.port) if host != "." else None


def read_redirection(host: str, *, wire: Wire, port: int = HTTP) -> Lead | None:
    """Return where a plain HTTP server redirects, if that is https; nothing else that it says counts."""
    began = time.monotonic()
    try:
        number, connection = wire.dial(host, port, seconds=LEAD_SECONDS)
    except MailError:
        return None
    asking = http.client.HTTPConnection(host, port)
    asking.sock = connection
    wire.limit(number, seconds=LEAD_SECONDS - (time.monotonic() - began))
    try:
        asking.request("GET", XML_PATH, headers={"User-Agent": "mailbox-operator", "Connection": "close"})
        with asking.getresponse() as answer:
            target = urlsplit(answer.getheader("Location", "") if answer.status in REDIRECTING else "")
        lead = (target.hostname or "", target.port or HTTPS)
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        asking.close()
        wire.forget(number)
    return lead if target.scheme.lower() == "https" and lead[0] else None


def _taste(host: str, port: int, door: Door) -> Taste:
    """Knock where SOAP is, and at a server that answers something else there, where plain XML is. Raises MailError."""
    place = f"https://{host}" if port == HTTPS else f"https://{host}:{port}"
    try:
        return taste(place + PATH, wire=door.wire, tls=door.tls, name_of=door.name_of)
    except MailError as error:
        if not error.status:
            raise
        with suppress(MailError):
            return taste(place + XML_PATH, wire=door.wire, tls=door.tls, name_of=door.name_of)
        raise


def _ask(url: str, *, address: str, door: Door) -> Told:
    """Ask in the form that belongs to a URL, and in plain XML where the host has no other. Raises MailError."""
    if urlsplit(url).path.lower().endswith(".xml"):
        return ask_pox(url, address=address, door=door)
    try:
        return ask_autodiscover(url, address=address, door=door)
    except MailError as error:
        if error.status not in ABSENT:
            raise
    return ask_pox(urljoin(url, XML_PATH), address=address, door=door)
