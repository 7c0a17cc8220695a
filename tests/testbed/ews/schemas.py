"""The published schemas of the Exchange Web Services, fetched by `make setup` into the user's cache: not ours to pass on."""

from functools import lru_cache
from typing import Final

from lxml import etree

from support.bootstrap import EWS_SCHEMAS

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES: Final = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES: Final = "http://schemas.microsoft.com/exchange/services/2006/types"
LATER_VERSIONS: Final = frozenset(
    {"Exchange2013_SP1", "Exchange2015", "Exchange2015_SP1", "Exchange2016", "Exchange2019"}
)
"""Names that clients may ask for and that the published schemas, those of Exchange 2013, do not know yet."""


@lru_cache(maxsize=1)
def _schema() -> etree.XMLSchema:
    if not (EWS_SCHEMAS / "types.xsd").exists():
        raise RuntimeError(f"the EWS schemas are not in {EWS_SCHEMAS}: run `make setup`")
    imports = "".join(
        f'<xs:import namespace="{namespace}" schemaLocation="{EWS_SCHEMAS / file}"/>'
        for namespace, file in ((ENVELOPE, "envelope.xsd"), (MESSAGES, "messages.xsd"), (TYPES, "types.xsd"))
    )
    text = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:all">{imports}</xs:schema>'
    return etree.XMLSchema(etree.fromstring(text))


def violations(envelope: etree._Element) -> list[str]:
    """Return what in a SOAP envelope is not as the schemas say: its content, the headers that they know, the message."""
    copy = etree.fromstring(etree.tostring(envelope))
    for notification in copy.iter(f"{{{MESSAGES}}}Notification"):
        notification.tag = f"{{{TYPES}}}Notification"  # the schema says so; servers and all clients write the other
    for version in copy.iter(f"{{{TYPES}}}RequestServerVersion"):
        if version.get("Version") in LATER_VERSIONS:
            version.set("Version", "Exchange2013")
    schema = _schema()
    found = [] if schema.validate(copy) else str(schema.error_log).splitlines()
    body = copy.find(f"{{{ENVELOPE}}}Body")
    for child in () if body is None else body:
        space = etree.QName(child).namespace
        if space == MESSAGES and not _is_declared(etree.QName(child).localname):
            found.append(f"no such message: {child.tag}")
    return found


@lru_cache(maxsize=1)
def _declared() -> frozenset[str]:
    messages = etree.parse(EWS_SCHEMAS / "messages.xsd")
    return frozenset(
        str(one.get("name")) for one in messages.getroot().findall("{http://www.w3.org/2001/XMLSchema}element")
    )


def _is_declared(name: str) -> bool:
    """A wildcard lets unknown elements pass; a message is one that the schemas declare."""
    return name in _declared()
