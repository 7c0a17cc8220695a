"""Autodiscover in plain XML (MS-OXDSCLI), for servers that do not answer its SOAP: Exchange 2007, proxies, lookalikes."""

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.ews.client import Door, Told
from mailbox_operator.mail.ews.errors import MOST_QUOTED, ews_errors, http_error
from mailbox_operator.mail.ews.wire import READ_SECONDS

OK: Final = 200
REQUEST: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
RESPONSE: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
PROTOCOLS: Final = ("EXPR", "EXCH")
"""From where one is reached from outside, and from inside; others come after these."""
URLS: Final = ("EwsUrl", "ASUrl")
"""Exchange 2007 names its service of availability alone, which is the same."""
NO_SUCH_ADDRESS: Final = "500"
"""ErrorCode; in plain XML there are no names of errors."""


def ask_pox(url: str, *, address: str, door: Door) -> Told:
    """Return what autodiscover at `url` says of a mailbox. Raises MailError."""
    with door.session() as session, ews_errors():
        answer = session.post(url, data=render_request(address), allow_redirects=False, timeout=READ_SECONDS)
        if answer.status_code != OK:
            raise http_error(answer)
        return parse_answer(answer.content, url=url)


def render_request(address: str) -> bytes:
    """Ask for what a mail program needs to know of a mailbox."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="{REQUEST}"><Request>'
        f"<EMailAddress>{escape(address)}</EMailAddress>"
        f"<AcceptableResponseSchema>{RESPONSE}</AcceptableResponseSchema></Request></Autodiscover>"
    ).encode()


def parse_answer(octets: bytes, *, url: str) -> Told:
    """Read an answer, in whatever namespace it is written. Raises MailError, and LxmlError: it is no XML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(octets, parser)
    for fault in root.iterfind("{*}Response/{*}Error"):
        raise _refusal(code=_text(fault, "ErrorCode"), said=_text(fault, "Message"))
    for account in root.iterfind("{*}Response/{*}Account"):
        if place := _text(account, "RedirectUrl"):
            return Told(place=place)
        if address := _text(account, "RedirectAddr"):
            return Told(address=address)
        for service in _services(account):
            return Told(service=service)
    raise MailError(f"autodiscover at {url} names no URL of EWS", area=Area.EWS, vendor_code="AutoDiscoverFailed")


def _services(account: etree._Element) -> Iterator[str]:
    """Yield URLs of the service, the best first."""
    protocols = account.findall("{*}Protocol")
    kinds = dict.fromkeys((*PROTOCOLS, *(_text(one, "Type") for one in protocols)))
    for kind in kinds:
        for name in URLS:
            yield from filter(None, (_text(one, name) for one in protocols if _text(one, "Type") == kind))


def _refusal(*, code: str, said: str) -> MailError:
    vendor = "ErrorNonExistentMailbox" if code == NO_SUCH_ADDRESS else "AutoDiscoverFailed"
    return MailError(f"autodiscover: {code} {said}"[:MOST_QUOTED], area=Area.EWS, vendor_code=vendor)


def _text(parent: etree._Element, name: str) -> str:
    return " ".join((parent.findtext(f"{{*}}{name}") or "").split())
