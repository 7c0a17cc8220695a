"""A signed-in connection, and the commands that concern its folders as a whole."""

import logging
from collections.abc import Sequence
from typing import Final

from mailbox_operator.fetcher.imap.connection import FetchConnection
from mailbox_operator.fetcher.imap.folder_data import FolderStatus, parse_status
from mailbox_operator.fetcher.imap.patience import Patience
from mailbox_operator.mail.folders import Folder
from mailbox_operator.mail.imap.connection import Reply
from mailbox_operator.mail.imap.data import LITERALS, mailbox_argument, parse_list, render_list

log = logging.getLogger(__name__)

NOTIFY: Final = b"NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge FlagChange))"
"""What a server tells without being asked (RFC 5465 section 6.1), of the open folder only."""
NOTIFY_OTHERS: Final = b" (MAILBOXES (%b) (MessageNew MessageExpunge))"
NOTIFY_PERSONAL: Final = b" (PERSONAL (MessageNew MessageExpunge))"
STATUS_AT_ONCE: Final = 100
"""Folders asked of in one write."""


class ImapLink:
    """What a session needs of its connection. All commands may raise MailError and HeldBackError."""

    def __init__(self, connection: FetchConnection, offered: frozenset[str], *, patience: Patience) -> None:
        self.connection = connection
        self.offered = offered
        """The server's capabilities, in upper case."""
        self.patience = patience

    def argument(self, folder: Folder) -> bytes:
        """Write a folder's name as an argument."""
        return mailbox_argument(folder.wire, literals=bool(self.offered & LITERALS))

    async def run(self, command: bytes) -> Reply:
        """Send a command and return its reply, which is OK."""
        early = self.connection.take_ahead(command)
        reply = await self.patience.reply(early or self.connection.send(command))
        if early and reply.status != "OK":  # that it came early may be why
            reply = await self.patience.reply(self.connection.send(command))
        if reply.status != "OK":
            raise reply.failed()
        return reply

    async def list_folders(self) -> list[Folder]:
        """Return all folders, with their special uses where the server tells them (RFC 6154)."""
        self.connection.take_untagged()
        await self.run(render_list(self.offered))
        return [folder for folder in map(parse_list, self.connection.take_untagged()) if folder is not None]

    async def status(self, folders: Sequence[Folder]) -> list[FolderStatus]:
        """Return what is known of folders without opening them; one that cannot be asked is left out."""
        items = b"UIDNEXT UIDVALIDITY" + (b" HIGHESTMODSEQ" if "CONDSTORE" in self.offered else b"")
        found: list[FolderStatus] = []
        for start in range(0, len(folders), STATUS_AT_ONCE):
            asked = [
                self.connection.send(b"STATUS %b (%b)" % (self.argument(folder), items))
                for folder in folders[start : start + STATUS_AT_ONCE]
            ]
            for reply in asked:
                await self.patience.reply(reply)
            found += filter(None, map(parse_status, self.connection.take_untagged()))
        self.connection.others_changed = False
        return found

    async def notify(self, folders: Sequence[Folder]) -> None:
        """Have the server tell of messages in folders that are not open, too (NOTIFY, RFC 5465), by STATUS.

        It need not be able to: they are asked for now and then all the same.
        """
        command = NOTIFY
        if folders:
            command += NOTIFY_OTHERS % b" ".join(map(self.argument, folders))
        if any(
            b"&" in folder.wire for folder in folders
        ):  # names beyond ASCII, which Dovecot 2.3 does not find by name
            command += NOTIFY_PERSONAL
        reply = await self.patience.reply(self.connection.send(command))
        if reply.status == "OK":
            self.connection.others_changed = True  # since they were looked at, and before this
        else:
            log.debug("the server does not tell of other folders", extra={"said": reply.text})

    async def create(self, folder: Folder) -> None:
        """Make a folder."""
        await self.run(b"CREATE " + self.argument(folder))
