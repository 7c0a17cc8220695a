"""One folder's commands: open it, list it, ask for its messages, change them. What to fetch is decided elsewhere."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from mailbox_operator.fetcher.checkpoint.uid_set import render_uid_set
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap.data import Listed, parse_listed
from mailbox_operator.fetcher.imap.folder_data import parse_esearch
from mailbox_operator.fetcher.imap.link import ImapLink
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.folders import Folder
from mailbox_operator.mail.imap.connection import Reply
from mailbox_operator.mail.imap.data import parse_search
from mailbox_operator.mail.imap.sign_in import IDENTITY
from mailbox_operator.values import dataclass

STATUS_NUMBER: Final = re.compile(rb"\* OK \[(UIDVALIDITY|UIDNEXT) (\d+)\]", re.IGNORECASE)


class Foreseen(NamedTuple):
    """What there is from one UID through another, asked for before the folder was open."""

    first: Uid
    through: Uid
    listed: Sequence[Listed] = ()

    @property
    def command(self) -> bytes:
        """Return what asks for it."""
        return render_list(b"%d:%d" % (self.first, self.through))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """What SELECT told."""

    uidvalidity: UidValidity
    uidnext: Uid
    names_uidnext: bool
    """Whether the server says it, and no message speaks against it."""
    may_write: bool


def render_select(argument: bytes, *, read_only: bool) -> bytes:
    """Write the command that opens a folder."""
    return (b"EXAMINE " if read_only else b"SELECT ") + argument


def render_list(uid_set: bytes) -> bytes:
    """Write the command that lists what there is of a UID set."""
    return b"UID FETCH %b (UID INTERNALDATE RFC822.SIZE)" % uid_set


class ImapFolder:
    """Commands for one folder of one connection. All may raise MailError and HeldBackError."""

    def __init__(self, folder: Folder, *, link: ImapLink) -> None:
        self.folder = folder
        self.name = folder.name
        self._link = link
        self._connection = link.connection
        self._patience = link.patience
        self._foreseen: Foreseen | None = None
        self._can_esearch = bool(link.offered & {"ESEARCH", "IMAP4REV2"})

    async def select(self, *, read_only: bool, say_who: bool, foreseen: Foreseen | None = None) -> Selected:
        """Open the folder; `say_who` with ID (RFC 2971), which some servers want to hear first.

        The answer to what was `foreseen` comes right behind, where it was asked for with the sign-in.
        """
        connection = self._connection
        introduction = (connection.take_ahead(IDENTITY) or connection.send(IDENTITY)) if say_who else None
        reply = await self._link.run(render_select(self._link.argument(self.folder), read_only=read_only))
        if introduction:
            await self._patience.reply(introduction)
        early = foreseen and connection.take_ahead(foreseen.command)
        was_listed = early and (await self._patience.reply(early)).status == "OK"
        lines = connection.take_untagged()
        self._foreseen = foreseen._replace(listed=_parse_list(lines)) if foreseen and was_listed else None
        numbers = {found[1].upper(): int(found[2]) for found in map(STATUS_NUMBER.match, lines) if found is not None}
        if b"UIDVALIDITY" not in numbers:
            raise MailError("the server names no UIDVALIDITY", area=Area.IMAP)
        uidnext = numbers.get(b"UIDNEXT")
        if uidnext is None:  # RFC 3501 lets a server leave it out
            listed = await self.list_messages(b"*") if connection.exists else []
            uidnext = listed[-1].uid + 1 if listed else 1
        return Selected(
            uidvalidity=UidValidity(numbers[b"UIDVALIDITY"]),
            uidnext=Uid(uidnext),
            names_uidnext=b"UIDNEXT" in numbers,
            may_write=not read_only and reply.code.upper() != "READ-ONLY",
        )

    async def check_uidnext(self, selected: Selected) -> Selected:
        """Return the same, with a UIDNEXT that no message of the folder speaks against."""
        listed = await self.list_messages(b"%d:*" % selected.uidnext)
        last = listed[-1].uid if listed else 0  # `n:*` names the last one even where all are below n
        if last < selected.uidnext:
            return selected
        return Selected(
            uidvalidity=selected.uidvalidity, uidnext=Uid(last + 1), names_uidnext=False, may_write=selected.may_write
        )

    def take_foreseen(self) -> Foreseen | None:
        """Return what `select` found listed ahead, once."""
        foreseen, self._foreseen = self._foreseen, None
        return foreseen

    async def list_messages(self, uid_set: bytes) -> list[Listed]:
        """Return what exists of a UID set, by ascending UID."""
        return await self.take_list(self.ask_list(uid_set))

    def ask_list(self, uid_set: bytes, *, before: bytes = b"") -> asyncio.Future[Reply]:
        """Ask what exists of a UID set; `before` leaves in the same write."""
        return self._connection.send(render_list(uid_set), before=before)

    async def take_list(self, asked: asyncio.Future[Reply]) -> list[Listed]:
        """Return the answer to `ask_list`. Nothing else may have been asked meanwhile but bodies."""
        reply = await self._patience.reply(asked)
        lines = self._connection.take_untagged()
        if reply.status != "OK":
            raise reply.failed()
        return _parse_list(lines)

    async def search(self, uid_set: bytes, criteria: bytes) -> list[Uid] | None:
        """Return what of a UID set meets the criteria, ascending. None: the server cannot search for that."""
        result = b"RETURN (ALL) " if self._can_esearch else b""
        asked = self._connection.send(b"UID SEARCH %bUID %b %b" % (result, uid_set, criteria))
        reply = await self._patience.reply(asked)
        lines = self._connection.take_untagged()
        if reply.status != "OK":
            return None
        found = [uids for line in lines if (uids := _parse_found(line)) is not None]
        if self._can_esearch and not found:  # an answer there must be: this one cannot be read
            return None
        return sorted({uid for uids in found for uid in uids})

    def ask_bodies(self, uids: Sequence[Uid], *, header_only: bool) -> asyncio.Future[Reply]:
        """Ask for messages; they come through the connection's `on_messages`."""
        section = b"HEADER" if header_only else b""
        items = b"UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[%b]" % section
        return self._connection.send(b"UID FETCH %b (%b)" % (_set(uids), items))

    async def add_flag(self, uids: Sequence[Uid], flag: bytes) -> None:
        r"""Set a flag, `\Seen` say."""
        await self._link.run(b"UID STORE %b +FLAGS.SILENT (%b)" % (_set(uids), flag))

    async def move(self, uids: Sequence[Uid], target: Folder) -> Reply:
        """Move messages (RFC 6851), or where the server cannot, copy them; return the reply."""
        verb = b"MOVE" if self._link.offered & {"MOVE", "IMAP4REV2"} else b"COPY"
        asked = b"UID %b %b %b" % (verb, _set(uids), self._link.argument(target))
        return await self._patience.reply(self._connection.send(asked))

    async def expunge(self, uids: Sequence[Uid]) -> None:
        r"""Remove messages with `\Deleted` from the folder, of these and no others (RFC 4315)."""
        await self._link.run(b"UID EXPUNGE " + _set(uids))


def _parse_list(lines: Sequence[bytes]) -> list[Listed]:
    return sorted(entry for line in lines for entry in parse_listed(line))


def _set(uids: Sequence[Uid]) -> bytes:
    return render_uid_set(uids).encode("ascii")


def _parse_found(line: bytes) -> list[Uid] | None:
    found = parse_search(line)
    return parse_esearch(line) if found is None else [Uid(uid) for uid in found]
