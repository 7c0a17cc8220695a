"""Autodiscover in plain XML, checked against the vendor's published schemas of request, answer, redirection and error."""

from functools import cache
from typing import Final

from lxml import etree

from support.bootstrap import EWS_SCHEMAS
from testbed.ews.making import Maker
from testbed.ews.soap import PARSER, to_octets
from testbed.ews.state import State

REQUEST: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
OUTER: Final = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
INNER: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
O: Final = Maker(OUTER, nsmap={"o": OUTER})  # noqa: E741 - beside I, as T and M are
I: Final = Maker(INNER, nsmap={"i": INNER})  # noqa: E741 - the same
INSIDE: Final = "http://exchange.inside.test/EWS/Exchange.asmx"
"""What is told to those inside, and nobody outside reaches."""


def configuration(state: State, octets: bytes) -> bytes:
    """Return the answer to a request."""
    asked = etree.fromstring(octets, PARSER)
    if found := _violations(asked, "request"):
        state.violations += [f"autodiscover: {one}" for one in found]
        return _checked(state, _error("600", "Invalid Request"), "response.error")
    address = asked.findtext(f"{{{REQUEST}}}Request/{{{REQUEST}}}EMailAddress") or ""
    if asked.findtext(f"{{{REQUEST}}}Request/{{{REQUEST}}}AcceptableResponseSchema") != INNER:
        return _checked(state, _error("601", "Provider is not available"), "response.error")
    if lead := state.autodiscover_leads.get(address):
        return _checked(state, _redirection(lead), "response.redirect")
    account = state.account(address)
    if account is None:
        return _checked(state, _error("500", "The e-mail address cannot be found."), "response.error")
    user = I.User(
        I.DisplayName(account.sam),
        I.LegacyDN(f"/o=Peers/ou=First/cn=Recipients/cn={account.sam}"),
        I.AutoDiscoverSMTPAddress(account.address),
        I.DeploymentId("00000000-0000-0000-0000-000000000001"),
    )
    protocols = [
        I.Protocol(I.Type("EXCH"), I.Server("mailbox.inside.test"), I.ASUrl(INSIDE), I.EwsUrl(INSIDE)),
        I.Protocol(I.Type("EXPR"), I.Server("exchange.corp.test"), I.SSL("On"), *_urls(state)),
        I.Protocol(I.Type("WEB")),
    ]
    state.chance.shuffle(protocols)
    told = I.Account(I.AccountType("email"), I.Action("settings"), I.MicrosoftOnline("False"), *protocols)
    return _checked(state, O.Autodiscover(I.Response(user, told)), "response")


def _urls(state: State) -> list[etree._Element]:
    """Exchange 2007 says it in one of the two."""
    names = ("ASUrl", "EwsUrl") if state.chance.random() < 0.5 else ("ASUrl",)
    return [I.named(name)(state.autodiscover_url) for name in names]


def _redirection(lead: str) -> etree._Element:
    kind, address, url = ("redirectUrl", "", lead) if "://" in lead else ("redirectAddr", lead, "")
    told = I.Account(I.Action(kind), I.RedirectAddr(address), I.RedirectUrl(url))
    return O.Autodiscover(I.Response(told))


def _error(code: str, text: str) -> etree._Element:
    error = O.Error({"Time": "12:00:00.0000000", "Id": "1"}, O.ErrorCode(code), O.Message(text), O.DebugData())
    return O.Autodiscover(O.Response(error))


def _checked(state: State, answer: etree._Element, schema: str) -> bytes:
    state.violations += [f"autodiscover's answer: {one}" for one in _violations(answer, schema)]
    return to_octets(answer)


def _violations(document: etree._Element, name: str) -> list[str]:
    """The schemas write all of an answer in the outer namespace; servers, and the vendor's prose, its inside in another."""
    copy = etree.fromstring(etree.tostring(document).replace(INNER.encode(), OUTER.encode()))
    if name == "request":
        copy = document
    schema = _schema(name)
    return [] if schema.validate(copy) else str(schema.error_log).splitlines()


@cache
def _schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(EWS_SCHEMAS / f"autodiscover.{name}.xsd"))
