"""Folders and items as the protocol shows them, in the schemas' order, with the properties that were asked for."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import getaddresses, parsedate_to_datetime
from typing import Final

from testbed.ews.restriction import tag
from testbed.ews.soap import NAMES, Element, T
from testbed.ews.world import Account, Folder, Item

MAKERS: Final = {"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder", "IPF.Task": "TasksFolder"}
DEFAULT_FOLDER: Final = frozenset(
    {"folder:DisplayName", "folder:TotalCount", "folder:ChildFolderCount", "folder:UnreadCount"}
)
ALL_FOLDER: Final = DEFAULT_FOLDER | {"folder:ParentFolderId", "folder:FolderClass"}
DEFAULT_ITEM: Final = frozenset(
    {
        "item:Subject",
        "item:Sensitivity",
        "item:Size",
        "item:DateTimeSent",
        "item:HasAttachments",
        "message:From",
        "message:IsRead",
    }
)
ALL_ITEM: Final = DEFAULT_ITEM | {
    "item:ParentFolderId",
    "item:ItemClass",
    "item:DateTimeReceived",
    "item:IsDraft",
    "item:InternetMessageHeaders",
    "item:DateTimeCreated",
    "message:ToRecipients",
    "message:InternetMessageId",
}
BASES: Final = {
    "folder": {"IdOnly": frozenset[str](), "Default": DEFAULT_FOLDER, "AllProperties": ALL_FOLDER},
    "item": {"IdOnly": frozenset[str](), "Default": DEFAULT_ITEM, "AllProperties": ALL_ITEM},
}


def wanted(shape: Element | None, kind: str) -> frozenset[str]:
    """Return the properties that a FolderShape or ItemShape asks for; an extended one by its tag (`0xe08`)."""
    if shape is None:
        return BASES[kind]["IdOnly"]
    found = set(BASES[kind][str(shape.findtext("t:BaseShape", namespaces=NAMES))])
    found |= {one.get("FieldURI", "") for one in shape.iterfind("t:AdditionalProperties/t:FieldURI", NAMES)}
    for one in shape.iterfind("t:AdditionalProperties/t:ExtendedFieldURI", NAMES):
        found.add(f"{one.get('PropertyTag', '').lower()}|{one.get('PropertyType')}")
    if shape.findtext("t:IncludeMimeContent", namespaces=NAMES) == "true":
        found.add("item:MimeContent")
    return frozenset(found)


def folder_element(account: Account, folder: Folder, fields: frozenset[str]) -> Element:
    """Return a folder."""
    parts: dict[str, Callable[[], Element]] = {
        "folder:ParentFolderId": lambda: T.ParentFolderId(Id=folder.parent, ChangeKey="AQAAAA=="),
        "folder:FolderClass": lambda: T.FolderClass(folder.folder_class),
        "folder:DisplayName": lambda: T.DisplayName(folder.name),
        "folder:TotalCount": lambda: T.TotalCount(str(len(folder.items))),
        "folder:ChildFolderCount": lambda: T.ChildFolderCount(str(len(list(account.children(folder))))),
    }
    extended: dict[str, Callable[[], str]] = {
        "0x3001": lambda: folder.name,
        "0x3613": lambda: folder.folder_class,
        "0x670a": lambda: "2026-01-01T00:00:00Z",
    }
    unread = sum(not item.is_read for item in folder.items.values())
    return T.named(MAKERS.get(folder.folder_class, "Folder"))(
        T.FolderId(Id=folder.id, ChangeKey="AQAAAA=="),
        *(make() for name, make in parts.items() if name in fields),
        *_extended(fields, extended),
        *(
            [T.UnreadCount(str(unread))]
            if "folder:UnreadCount" in fields and not MAKERS.get(folder.folder_class)
            else []
        ),
    )


def imap_uid(item: Item) -> int:
    """Return PR_INTERNET_ARTICLE_NUMBER."""
    return item.number


def item_element(item: Item, fields: frozenset[str]) -> Element:
    """Return a message."""
    headers = item.headers
    subject = _text(headers["Subject"])
    raw = base64.b64encode(item.mime).decode()
    parts: dict[str, Callable[[], Element | None]] = {
        "item:MimeContent": lambda: T.MimeContent(raw, CharacterSet="UTF-8"),
        "item:ItemId": lambda: T.ItemId(Id=item.id, ChangeKey=item.change_key),
        "item:ParentFolderId": lambda: T.ParentFolderId(Id=item.folder, ChangeKey="AQAAAA=="),
        "item:ItemClass": lambda: T.ItemClass("IPM.Note"),
        "item:Subject": lambda: T.Subject(subject),
        "item:Sensitivity": lambda: T.Sensitivity("Normal"),
        "item:Body": lambda: T.Body("", BodyType="Text"),
        "item:DateTimeReceived": lambda: T.DateTimeReceived(_time(item.received)),
        "item:Size": lambda: T.Size(str(len(item.mime) + 1200)),
        "item:Importance": lambda: T.Importance("Normal"),
        "item:IsDraft": lambda: T.IsDraft(str(item.is_draft).lower()),
        "item:InternetMessageHeaders": lambda: T.InternetMessageHeaders(
            *(T.InternetMessageHeader(_text(value), HeaderName=name) for name, value in headers.items())
        ),
        "item:DateTimeSent": lambda: T.DateTimeSent(_sent(item)),
        "item:DateTimeCreated": lambda: T.DateTimeCreated(_time(item.received)),
        "item:DisplayTo": lambda: T.DisplayTo(_text(headers["To"])),
        "item:HasAttachments": lambda: T.HasAttachments("false"),
        "item:Extended": lambda: None,
        "item:LastModifiedTime": lambda: T.LastModifiedTime(_time(item.received)),
        "message:Sender": lambda: _mailbox("Sender", _text(headers["From"])),
        "message:ToRecipients": lambda: _recipients("ToRecipients", headers.get_all("To", [])),
        "message:CcRecipients": lambda: _recipients("CcRecipients", headers.get_all("Cc", [])),
        "message:From": lambda: _mailbox("From", _text(headers["From"])),
        "message:InternetMessageId": lambda: T.InternetMessageId(_text(headers["Message-ID"])),
        "message:IsRead": lambda: T.IsRead(str(item.is_read).lower()),
    }
    extended: dict[str, Callable[[], str]] = {
        "0xe08": lambda: str(len(item.mime) + 1200),
        "0xe07": lambda: str(int(item.is_read)),
        "0x37": lambda: subject,
        "0xe23": lambda: str(imap_uid(item)),
    }
    found: list[Element] = []
    for name, make in parts.items():
        if name == "item:Extended":
            found += _extended(fields, extended)
        elif name == "item:ItemId" or name in fields:
            made = make()
            if made is not None:
                found.append(made)
    return T.Message(*found)


def _extended(fields: frozenset[str], values: dict[str, Callable[[], str]]) -> list[Element]:
    found = []
    for name in sorted(fields):
        property_tag, bar, kind = name.partition("|")
        if bar and property_tag and tag(property_tag) in values:
            uri = T.ExtendedFieldURI(PropertyTag=property_tag, PropertyType=kind)
            found.append(T.ExtendedProperty(uri, T.Value(values[tag(property_tag)]())))
    return found


def _recipients(name: str, values: list[str]) -> Element | None:
    found = [address for _, address in getaddresses([_text(value) for value in values]) if address]
    return T.named(name)(*(T.Mailbox(T.EmailAddress(one), T.RoutingType("SMTP")) for one in found)) if found else None


def _mailbox(name: str, value: str) -> Element | None:
    found = getaddresses([value])
    if not found or not found[0][1]:
        return None
    shown, address = found[0]
    return T.named(name)(T.Mailbox(T.Name(shown or address), T.EmailAddress(address), T.RoutingType("SMTP")))


def _text(value: object) -> str:
    """Decode a header field's value, without what XML cannot hold."""
    try:
        decoded = str(make_header(decode_header(str(value or ""))))
    except (ValueError, LookupError):
        decoded = str(value)
    return "".join(c if c.isprintable() else " " for c in decoded)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sent(item: Item) -> str:
    try:
        return _time(parsedate_to_datetime(str(item.headers["Date"])))
    except (TypeError, ValueError):
        return _time(item.received)
