"""The folders of an Exchange mailbox, by the names that the API has for them. Each call blocks and raises MailError."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from exchangelib.errors import ErrorFolderNotFound
from exchangelib.folders import Messages

from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.ews.errors import ews_errors
from mailbox_operator.mail.folders import INBOX, Folder, plain_name, select_folders
from mailbox_operator.values import dataclass

USES: Final = {  # RFC 6154, and what exchangelib calls the folder
    "\\JUNK": "junk",
    "\\SENT": "sent",
    "\\TRASH": "trash",
    "\\DRAFTS": "drafts",
}
SEPARATOR: Final = "/"
MAIL: Final = "IPF.NOTE"
"""Class of a folder that holds messages, and the beginning of its kin's."""
NOT_THERE: Final = "ErrorFolderNotFound"


@dataclass(frozen=True, slots=True, kw_only=True)
class EwsFolder:
    """A folder and what exchangelib has for it."""

    folder: Folder
    handle: Any

    @property
    def name(self) -> str:
        """INBOX, or its path below the top."""
        return self.folder.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The folders that are meant, INBOX first, and of the patterns what means none."""

    folders: tuple[EwsFolder, ...]
    unmatched: tuple[str, ...] = ()


def choose_folders(account: Any, *, include: Sequence[str], exclude: Sequence[str]) -> Chosen:
    """Return the folders that names, globs and special uses mean, whatever their case.

    Raises MailError: ErrorFolderNotFound where none is meant.
    """
    if not exclude and all(plain_name(one) == INBOX for one in include):
        return Chosen(folders=(_inbox(account),))
    listed = {one.folder.wire: one for one in list_folders(account)}
    patterns = {one.casefold(): one for one in include}  # Exchange keeps no two folders that differ in case only
    chosen = select_folders(
        (replace(one.folder, name=one.name.casefold()) for one in listed.values()),
        include=tuple(patterns),
        exclude=tuple(one.casefold() for one in exclude),
    )
    if not chosen.folders:
        raise not_there(", ".join(include))
    return Chosen(
        folders=tuple(listed[folder.wire] for folder in chosen.folders),
        unmatched=tuple(patterns[one] for one in chosen.unmatched),
    )


def find_folder(account: Any, name: str) -> EwsFolder:
    """Return the one folder that a name means. Raises MailError: ErrorFolderNotFound."""
    if plain_name(name) == INBOX:
        return _inbox(account)
    if name.upper() in USES:
        with ews_errors():
            return _named(name, getattr(account, USES[name.upper()]))
    for one in list_folders(account):
        if one.name.casefold() == name.casefold():  # Exchange keeps no two that differ in case only
            return one
    raise not_there(name)


def make_folder(account: Any, name: str) -> EwsFolder:
    """Return the folder of a path below the top, made where it is not there yet, level by level."""
    with ews_errors():
        handle = account.msg_folder_root
        for level in name.split(SEPARATOR):
            found = next((one for one in handle.children if str(one.name).casefold() == level.casefold()), None)
            handle = found or Messages(parent=handle, name=level).save()
        return _named(name, handle)


def list_folders(account: Any) -> list[EwsFolder]:
    """Return all folders that hold messages."""
    with ews_errors():
        inbox = account.inbox
        uses = dict(_uses(account))
        found = []
        for handle in account.msg_folder_root.walk():
            if not str(handle.folder_class or MAIL).upper().startswith(MAIL):
                continue
            name = INBOX if handle.id == inbox.id else _path(handle, top=account.msg_folder_root)
            found.append(_named(name, handle, use=uses.get(handle.id, "")))
        return found


def _uses(account: Any) -> Iterator[tuple[str, str]]:
    for use, attribute in USES.items():
        try:
            yield getattr(account, attribute).id, use
        except ErrorFolderNotFound:
            continue  # a mailbox need not have one


def _path(handle: Any, *, top: Any) -> str:
    names = []
    while handle is not None and handle.id != top.id:
        names.append(str(handle.name))
        handle = handle.parent
    return SEPARATOR.join(reversed(names))


def _inbox(account: Any) -> EwsFolder:
    with ews_errors():
        return _named(INBOX, account.inbox)


def _named(name: str, handle: Any, *, use: str = "") -> EwsFolder:
    attributes = frozenset({use} if use else ())
    folder = Folder(name=name, wire=str(handle.id).encode(), delimiter=SEPARATOR, attributes=attributes)
    return EwsFolder(folder=folder, handle=handle)


def not_there(name: str) -> MailError:
    """Return what Exchange says of a folder that there is not."""
    return MailError(f"{name}: {NOT_THERE}", area=Area.EWS, vendor_code=NOT_THERE)
