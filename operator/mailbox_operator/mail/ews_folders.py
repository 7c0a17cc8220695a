"""Which folder of an Exchange mailbox a name of the API means: special-use names, INBOX, and paths below the top."""

from collections.abc import Sequence
from typing import Any, Final

from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.ews_errors import ews_errors

SPECIAL: Final = {  # RFC 6154, and what exchangelib calls the folder
    "inbox": "inbox",
    "\\inbox": "inbox",
    "\\junk": "junk",
    "\\sent": "sent",
    "\\trash": "trash",
    "\\drafts": "drafts",
}
SEPARATOR: Final = "/"


def find_folder(account: Any, name: str) -> Any:
    """Return exchangelib's folder. In a thread. Raises MailError: FolderNotFound among others."""
    with ews_errors():
        special = SPECIAL.get(name.lower())
        if special:
            return getattr(account, special)
        return _descend(account.msg_folder_root, name.split(SEPARATOR), name)


def _descend(folder: Any, parts: Sequence[str], name: str) -> Any:
    if not parts:
        return folder
    for child in folder.children:
        if str(child.name).casefold() == parts[0].casefold():
            return _descend(child, parts[1:], name)
    raise MailError(f"{name}: ErrorFolderNotFound", area=Area.EWS, vendor_code="ErrorFolderNotFound")
