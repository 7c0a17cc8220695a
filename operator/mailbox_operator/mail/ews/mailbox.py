"""An Exchange mailbox that is signed in to, for proving. Its calls block and raise MailError."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from exchangelib import Message
from exchangelib.items import HARD_DELETE

from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.ews.client import Door, open_account
from mailbox_operator.mail.ews.errors import ews_errors
from mailbox_operator.mail.ews.folders import choose_folders, find_folder, not_there
from mailbox_operator.mail.session import Found

MOST_LOOKED_AT: Final = 50
"""Messages at once."""
MOST_PLACES: Final = 8
"""Folders that are searched for a message."""
GLOB: Final = frozenset("*?")
NOT_THERE: Final = frozenset({"ErrorFolderNotFound", "ErrorItemNotFound"})


class EwsMailbox:
    """Made by `open_mailbox`."""

    def __init__(self, account: Any, *, url: str, version: str) -> None:
        self.account = account
        self.url = url
        self.version = version
        """Such as `Microsoft Exchange Server 2019 (15.2.1544.9)`."""
        self._folders: list[Any] = []

    def count(self, folders: Sequence[str], *, exclude: Sequence[str]) -> dict[str, int]:
        """Return how many messages each folder holds that the patterns mean.

        `find` looks through INBOX and the first of these.

        Raises MailError: ErrorFolderNotFound where one that is no glob means none.
        """
        chosen = choose_folders(self.account, include=folders, exclude=exclude)
        if lost := [one for one in chosen.unmatched if not set(one) & GLOB]:
            raise not_there(lost[0])
        with ews_errors():
            places = {one.id: one for one in (self.account.inbox, *(one.handle for one in chosen.folders))}
            self._folders = list(places.values())[:MOST_PLACES]
            for one in chosen.folders:
                one.handle.refresh()
            return {one.name: int(one.handle.total_count) for one in chosen.folders}

    def find(self, header: str, *, subject: str) -> list[Found]:
        """Return messages whose subject holds `subject` and that have the header field `header`."""
        with ews_errors():
            return [found for folder in self._searched() for found in _found(folder, header.lower(), subject)]

    def delete(self, ids: Sequence[str]) -> None:
        """Delete messages for good."""
        with ews_errors():
            for one in self.account.bulk_delete([(identity, None) for identity in ids], delete_type=HARD_DELETE):
                if isinstance(one, Exception) and type(one).__name__ not in NOT_THERE:
                    raise one

    def send(self, octets: bytes) -> None:
        """Send a message, keeping no copy."""
        with ews_errors():
            Message(account=self.account, mime_content=octets).send(save_copy=False)

    def _searched(self) -> list[Any]:
        """Return the folders opened before, and where misfiled mail goes."""
        try:
            junk = find_folder(self.account, r"\Junk").handle
        except MailError as error:
            if error.vendor_code not in NOT_THERE:
                raise
            return self._folders
        return [*(folder for folder in self._folders if folder.id != junk.id), junk]


def open_mailbox(url: str, *, address: str, door: Door) -> EwsMailbox:
    """Sign in, and prove that the mailbox can be opened by asking for its root. Raises MailError."""
    account = open_account(url, address=address, door=door)
    with ews_errors():
        version = f"{account.root.account.version.fullname} ({account.version.build})"
    return EwsMailbox(account, url=url, version=version)


def _found(folder: Any, header: str, subject: str) -> Iterable[Found]:
    for one in folder.filter(subject__contains=subject).only("datetime_received", "headers")[:MOST_LOOKED_AT]:
        fields = {str(field.name).lower(): str(field.value).strip() for field in one.headers or ()}
        if header in fields:
            yield Found(id=one.id, folder=str(folder.name), value=fields[header], received=one.datetime_received)
