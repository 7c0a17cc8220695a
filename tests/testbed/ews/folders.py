"""ConvertId, GetFolder, FindFolder, CreateFolder."""

from lxml import etree

from testbed.ews.call import Call
from testbed.ews.rendering import folder_element, wanted
from testbed.ews.restriction import Values, holds
from testbed.ews.soap import NAMES, Element, M, RefusalError, T
from testbed.ews.world import Account, Folder


def convert_id(call: Call) -> Element:
    """Convert ids of one form to one form: itself. Others are refused."""

    def convert(source: Element) -> list[Element]:
        identity = source.get("Id", "")
        owner = next((one for one in call.opened() if identity in one.folders or one.item(identity)), None)
        if owner is None:
            raise RefusalError("ErrorInvalidIdMalformed", "Id is malformed.")
        target = call.request.operation.get("DestinationFormat", "EwsId")  # the mailbox is the id's, whatever was said
        return [M.AlternateId(_xsi_type("AlternateIdType"), Id=identity, Format=target, Mailbox=owner.address)]

    return call.each(call.request.operation.iterfind("m:SourceIds/*", NAMES), convert)


def _xsi_type(name: str) -> dict[str, str]:
    return {"{http://www.w3.org/2001/XMLSchema-instance}type": f"t:{name}"}


def get_folder(call: Call) -> Element:
    """Return folders by id."""
    operation = call.request.operation
    fields = wanted(operation.find("m:FolderShape", NAMES), "folder")

    def get(reference: Element) -> list[Element]:
        account, folder = call.folder(reference)
        with account.lock:
            return [M.Folders(folder_element(account, folder, fields))]

    return call.each(operation.iterfind("m:FolderIds/*", NAMES), get)


def create_folder(call: Call) -> Element:
    """Make folders for messages below another."""
    operation = call.request.operation
    parent = operation.find("m:ParentFolderId/*", NAMES)
    assert parent is not None

    def create(asked: Element) -> list[Element]:
        account, folder = call.folder(parent)
        name = asked.findtext("t:DisplayName", namespaces=NAMES) or ""
        with account.lock:
            if any(one.name.lower() == name.lower() for one in account.children(folder)):
                raise RefusalError("ErrorFolderExists", "A folder with the specified name already exists.")
            made = account.add_folder(name, parent=folder.id)
            return [M.Folders(folder_element(account, made, frozenset()))]

    return call.each(operation.iterfind("m:Folders/*", NAMES), create)


def find_folder(call: Call) -> Element:
    """List folders below others, shuffled; no restriction but on the class and the name."""
    operation = call.request.operation
    fields = wanted(operation.find("m:FolderShape", NAMES), "folder")
    deep = operation.get("Traversal") == "Deep"
    view = next(
        (one for one in operation if etree.QName(one).localname.startswith(("IndexedPage", "Fractional"))), None
    )

    def find(reference: Element) -> list[Element]:
        account, parent = call.folder(reference)
        with account.lock:
            found = list(_below(account, parent, deep=deep))
            call.state.chance.shuffle(found)
            restriction = operation.find("m:Restriction", NAMES)
            if restriction is not None:
                found = [one for one in found if holds(restriction[0], _values(one))]
            start = int(view.get("Offset", "0")) if view is not None else 0
            most = int(view.get("MaxEntriesReturned", "1000000")) if view is not None else 1_000_000
            shown = found[start : start + most]
            rest = start + len(shown) < len(found)
            attributes = {"TotalItemsInView": str(len(found)), "IncludesLastItemInRange": str(not rest).lower()}
            if view is not None:
                attributes["IndexedPagingOffset"] = str(start + len(shown))
            folders = T.Folders(*(folder_element(account, one, fields) for one in shown))
            return [M.RootFolder(folders, **attributes)]

    return call.each(operation.iterfind("m:ParentFolderIds/*", NAMES), find)


def _below(account: Account, parent: Folder, *, deep: bool) -> list[Folder]:
    found = []
    for child in account.children(parent):
        found.append(child)
        if deep:
            found += _below(account, child, deep=True)
    return found


def _values(folder: Folder) -> Values:
    return {
        "folder:FolderClass": lambda: folder.folder_class or None,
        "folder:DisplayName": lambda: folder.name,
        "0x3613": lambda: folder.folder_class or None,
        "0x3001": lambda: folder.name,
    }
