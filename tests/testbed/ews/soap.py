"""SOAP envelopes in and out: what was asked for, answers, faults."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lxml import etree

from testbed.ews.making import Maker
from testbed.ews.schemas import ENVELOPE, MESSAGES, TYPES

ERRORS: Final = "http://schemas.microsoft.com/exchange/services/2006/errors"
NAMES: Final = {"s": ENVELOPE, "m": MESSAGES, "t": TYPES}
M: Final = Maker(MESSAGES, nsmap={"m": MESSAGES, "t": TYPES})
T: Final = Maker(TYPES, nsmap={"t": TYPES})
S: Final = Maker(ENVELOPE, nsmap={"s": ENVELOPE})
Element = etree._Element
PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)


class RefusalError(Exception):
    """An error in one response message."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class FaultError(Exception):
    """An error of the whole request."""

    def __init__(self, code: str, text: str, *, values: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.values = values or {}


@dataclass(frozen=True, slots=True)
class Request:
    """What came in."""

    envelope: Element
    operation: Element
    impersonated: str | None

    @property
    def name(self) -> str:
        """The operation."""
        return str(etree.QName(self.operation).localname)


def parse(octets: bytes) -> Request:
    """Read a request. Raises FaultError."""
    try:
        envelope = etree.fromstring(octets, PARSER)
    except etree.XMLSyntaxError as error:
        raise FaultError("ErrorInvalidRequest", f"no XML: {error}") from error
    operations = envelope.findall("s:Body/*", NAMES)
    if len(operations) != 1:
        raise FaultError("ErrorInvalidRequest", "a body with one operation is needed")
    who = envelope.find("s:Header/t:ExchangeImpersonation/t:ConnectingSID", NAMES)
    return Request(envelope, operations[0], None if who is None else (who[0].text or ""))


def enveloped(*body: Element) -> Element:
    """Return an answer."""
    version = T.ServerVersionInfo(
        MajorVersion="15", MinorVersion="1", MajorBuildNumber="2507", MinorBuildNumber="61", Version="V2017_07_11"
    )
    return S.Envelope(S.Header(version), S.Body(*body))


def answer(operation: str, messages: Iterable[Element]) -> Element:
    """Return the answer to an operation, made of its response messages."""
    return enveloped(M.named(f"{operation}Response")(M.ResponseMessages(*messages)))


def success(operation: str, *content: Element) -> Element:
    """Return one good response message."""
    return M.named(f"{operation}ResponseMessage")(M.ResponseCode("NoError"), *content, ResponseClass="Success")


def refusal(operation: str, error: RefusalError, *content: Element) -> Element:
    """Return one bad response message."""
    return M.named(f"{operation}ResponseMessage")(
        M.MessageText(error.text),
        M.ResponseCode(error.code),
        M.DescriptiveLinkKey("0"),
        *content,
        ResponseClass="Error",
    )


def fault(error: FaultError) -> Element:
    """Return a SOAP fault as Exchange makes it (HTTP status 500)."""
    errors = Maker(ERRORS, nsmap={"e": ERRORS})
    detail = etree.Element("detail")
    detail.append(errors.ResponseCode(error.code))
    detail.append(errors.Message(error.text))
    if error.values:
        detail.append(T.MessageXml(*(T.Value(text, Name=name) for name, text in error.values.items())))
    parts = []
    for name, text in (("faultcode", f"a:{error.code}"), ("faultstring", error.text)):
        part = etree.Element(name, nsmap={"a": TYPES} if name == "faultcode" else None)
        part.text = text
        parts.append(part)
    return S.Envelope(S.Body(S.Fault(*parts, detail)))


def to_octets(envelope: Element) -> bytes:
    """Write an answer."""
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
