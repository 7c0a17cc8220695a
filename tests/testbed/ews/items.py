"""FindItem, GetItem, CreateItem, UpdateItem, MoveItem, DeleteItem."""

import base64
from email import message_from_bytes
from email.message import EmailMessage
from email.utils import getaddresses, make_msgid

from lxml import etree

from testbed.ews.call import Call
from testbed.ews.rendering import imap_uid, item_element, wanted
from testbed.ews.restriction import Values, holds
from testbed.ews.soap import NAMES, Element, M, RefusalError, T
from testbed.ews.world import Account, Folder, Item


def find_item(call: Call) -> Element:
    """List a folder's items: restricted, sorted, newest first where no order is asked for, a page at a time."""
    operation = call.request.operation
    fields = wanted(operation.find("m:ItemShape", NAMES), "item") - {"item:MimeContent", "item:Body"}
    view = operation.find("m:IndexedPageItemView", NAMES)
    restriction = operation.find("m:Restriction", NAMES)
    order = operation.find("m:SortOrder/t:FieldOrder", NAMES)

    def find(reference: Element) -> list[Element]:
        account, folder = call.folder(reference)
        with account.lock:
            found = [one for one in folder.items.values() if restriction is None or holds(restriction[0], _values(one))]
            found.sort(key=lambda one: one.received, reverse=order is None or order.get("Order") == "Descending")
            start = int(view.get("Offset", "0")) if view is not None else 0
            most = int(view.get("MaxEntriesReturned", "1000")) if view is not None else 1000
            shown = found[start : start + min(most, call.state.page)]
            end = start + len(shown)
            return [
                M.RootFolder(
                    T.Items(*(item_element(one, fields) for one in shown)),
                    IndexedPagingOffset=str(end),
                    TotalItemsInView=str(len(found)),
                    IncludesLastItemInRange=str(end >= len(found)).lower(),
                )
            ]

    return call.each(operation.iterfind("m:ParentFolderIds/*", NAMES), find)


def _values(item: Item) -> Values:
    return {
        "item:Subject": lambda: item.headers["Subject"] or "",
        "message:IsRead": lambda: str(item.is_read).lower(),
        "item:DateTimeReceived": item.received.isoformat,
        "message:InternetMessageId": lambda: item.headers["Message-ID"],
        "0xe23": lambda: str(imap_uid(item)),
    }


def get_item(call: Call) -> Element:
    """Return items by id."""
    operation = call.request.operation
    fields = wanted(operation.find("m:ItemShape", NAMES), "item")

    def get(reference: Element) -> list[Element]:
        account, item = call.item(reference)
        if "item:MimeContent" in fields and (code := call.state.unreadable.get(item.id)):
            raise RefusalError(code, "The content of the item cannot be made.")
        with account.lock:
            return [M.Items(item_element(item, fields))]

    return call.each(operation.iterfind("m:ItemIds/*", NAMES), get)


def create_item(call: Call) -> Element:
    """Send messages, or save them as drafts."""
    operation = call.request.operation
    disposition = operation.get("MessageDisposition", "SaveOnly")
    where = operation.find("m:SavedItemFolderId/*", NAMES)

    def create(message: Element) -> list[Element]:
        if etree.QName(message).localname != "Message":
            raise RefusalError("ErrorInvalidRequest", f"no {etree.QName(message).localname} is made here")
        account = call.folder(where)[0] if where is not None else call.account
        content = message.findtext("t:MimeContent", namespaces=NAMES)
        octets = base64.b64decode(content) if content else _composed(message, account)
        if disposition != "SaveOnly":
            _send(call, octets, sender=account)
        if disposition == "SendOnly":
            return [M.Items()]
        default = account.named("drafts" if disposition == "SaveOnly" else "sentitems")
        folder = call.folder(where)[1] if where is not None else default
        assert folder is not None
        item = account.deliver(octets, folder=_path(account, folder), is_read=True)
        return [M.Items(item_element(item, frozenset()))]

    return call.each(operation.iterfind("m:Items/*", NAMES), create)


def _path(account: Account, folder: Folder) -> str:
    names = [folder.name]
    parent = account.folders[folder.parent]
    while parent.distinguished not in ("msgfolderroot", "root"):
        names.insert(0, parent.name)
        parent = account.folders[parent.parent]
    return "/".join(names)


def _composed(message: Element, account: Account) -> bytes:
    made = EmailMessage()
    made["From"] = account.address
    made["To"] = ", ".join(str(one.text) for one in message.iterfind("t:ToRecipients/t:Mailbox/t:EmailAddress", NAMES))
    made["Subject"] = message.findtext("t:Subject", namespaces=NAMES) or ""
    made["Message-ID"] = make_msgid(domain="exchange.peers.test")
    made.set_content(message.findtext("t:Body", namespaces=NAMES) or "")
    return made.as_bytes()


def _send(call: Call, octets: bytes, *, sender: Account) -> None:
    if sender.is_full:
        raise RefusalError("ErrorQuotaExceeded", "The mailbox has exceeded its quota.")
    if sender.largest is not None and len(octets) > sender.largest:
        raise RefusalError("ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
    message = message_from_bytes(octets)
    declared = getaddresses([str(message["From"] or sender.address)])[0][1]
    if declared.lower() != sender.address.lower():
        owner = call.state.account(declared)
        if owner is None or sender.address not in owner.delegates or not owner.may_be_sent_as:
            raise RefusalError(
                "ErrorSendAsDenied",
                "The user account which was used to submit this request does not have the right to "
                "send mail on behalf of the specified sending account.",
            )
    recipients = [one for _, one in getaddresses([str(v) for n in ("To", "Cc", "Bcc") for v in message.get_all(n, [])])]
    if not recipients:
        raise RefusalError("ErrorInvalidRecipients", "At least one recipient isn't valid.")
    for recipient in recipients:
        if found := call.state.account(recipient):
            found.deliver(octets)


def update_item(call: Call) -> Element:
    """Set or clear the read flag: no other property is changed here."""

    def update(change: Element) -> list[Element]:
        resolution = call.request.operation.get("ConflictResolution")
        account, item = call.item(change[0], fresh=resolution == "NeverOverwrite")
        for one in change.iterfind("t:Updates/*", NAMES):
            uri = one.find("t:FieldURI", NAMES)
            value = one.findtext("t:Message/t:IsRead", namespaces=NAMES)
            if uri is None or uri.get("FieldURI") != "message:IsRead" or value is None:
                raise RefusalError("ErrorInvalidPropertySet", "only message:IsRead is changed here")
            account.touch(item, is_read=value in ("true", "1"))
        return [M.Items(item_element(item, frozenset())), M.ConflictResults(T.Count("0"))]

    return call.each(call.request.operation.iterfind("m:ItemChanges/t:ItemChange", NAMES), update)


def move_item(call: Call) -> Element:
    """Move items to a folder."""
    operation = call.request.operation
    reference = operation.find("m:ToFolderId/*", NAMES)
    assert reference is not None

    def move(identity: Element) -> list[Element]:
        account, item = call.item(identity)
        owner, target = call.folder(reference)
        if owner is not account:
            raise RefusalError("ErrorMoveCopyFailed", "The move or copy operation failed.")
        return [M.Items(item_element(account.move(item, target), frozenset()))]

    return call.each(operation.iterfind("m:ItemIds/*", NAMES), move)


def delete_item(call: Call) -> Element:
    """Remove items for good, or move them to Deleted Items."""
    operation = call.request.operation

    def delete(identity: Element) -> list[Element]:
        account, item = call.item(identity)
        deleted = account.named("deleteditems")
        assert deleted is not None
        if operation.get("DeleteType") == "MoveToDeletedItems":
            account.move(item, deleted)
        else:
            account.remove(item)
        return []

    return call.each(operation.iterfind("m:ItemIds/*", NAMES), delete)
