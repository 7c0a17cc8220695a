"""An IMAP session for proving and control (RFC 3501, RFC 9051). The fetcher's own is on the same kind of connection."""

import socket  # noqa: TC003 - the whole package imports so
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from mailbox_operator.mail.connection import tls_of
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.dial import Tls, connect_tcp, speak
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.mail.errors import Area, MailError, asking
from mailbox_operator.mail.folders import (
    INBOX,
    Folder,
    has_spellings,
    matches,
    needs_listing,
    plain_name,
    select_folders,
    spell_folders,
)
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.imap.connection import ImapConnection
from mailbox_operator.mail.imap.data import (
    LITERALS,
    mailbox_argument,
    parse_header_field,
    parse_list,
    parse_search,
    parse_uidvalidity,
    render_list,
)
from mailbox_operator.mail.imap.mechanism import choose_for_imap
from mailbox_operator.mail.imap.sign_in import IDENTITY, greet, quoted, sign_in, start_tls
from mailbox_operator.mail.sasl import API_NAMES
from mailbox_operator.mail.session import Found
from mailbox_operator.mail.tls import Negotiated

MOST_LOOKED_AT: Final = 50
"""Messages at once."""
JUNK: Final = "\\Junk"
GLOB: Final = frozenset("*?")
MOST_PLACES: Final = 8
"""Folders that are searched for a message."""
EXPUNGING: Final = frozenset({"UIDPLUS", "IMAP4REV2"})


class ImapSession:
    """Call `reach`, `secure`, `sign_in`, then the rest; `close` in any case. All raise MailError."""

    def __init__(self, endpoint: Endpoint, *, policy: AddressPolicy) -> None:
        self._endpoint = endpoint
        self._policy = policy
        self._reached: socket.socket | None = None
        """Connected, and not yet spoken on: TLS comes first."""
        self._connection: ImapConnection | None = None
        self._offered: frozenset[str] = frozenset()
        """The server's capabilities, in upper case."""
        self._introduction = b""
        """Who we are, to be written before the next command."""
        self._farewell = b""
        """Our good-bye, to be written after it."""
        self._places: tuple[Folder, ...] = spell_folders((INBOX,), listed=())
        self._junk: tuple[Folder, ...] | None = None
        """Where misfiled mail goes; None: not asked yet."""
        self._opened = ""
        self._validity: dict[str, int | None] = {}

    async def reach(self) -> None:
        """Connect, and read the greeting where it comes before TLS."""
        endpoint = self._endpoint
        with asking("CONNECT", protocol=Protocol.IMAP):
            self._reached = await connect_tcp(endpoint.host, endpoint.port, policy=self._policy)
        if endpoint.security is not Security.TLS:
            await self._speak(tls=None)

    async def secure(self) -> Negotiated | None:
        """Speak TLS as asked, never less. Returns what was negotiated; None where no TLS is asked for."""
        endpoint = self._endpoint
        if endpoint.security is Security.NONE:
            return None
        if endpoint.security is Security.TLS:
            await self._speak(tls=tls_of(endpoint))
        else:
            self._offered = await start_tls(self._ready, self._offered, endpoint)
        return self._ready.negotiated

    async def sign_in(self, credential: Credential) -> str:
        """Sign in once, and tell who we are where the server wants to know (RFC 2971). Returns the mechanism."""
        offered = self._offered
        self._offered = await sign_in(self._ready, self._offered, credential, endpoint=self._endpoint)
        if "ID" in self._offered:
            self._introduction = self._ready.unsent(IDENTITY)  # a server that minds says so at the next command
        used = choose_for_imap(credential, capabilities=offered, private=self._endpoint.is_private)
        return API_NAMES[used or "LOGIN"]

    async def open_folders(self, folders: Sequence[str], *, exclude: Sequence[str] = (), leaving: bool = False) -> str:
        """Open each folder by EXAMINE: SELECT would take the flag Recent away from others."""
        chosen = await self._choose(folders, exclude)
        counts = []
        for folder in chosen:
            if leaving and folder is chosen[-1]:
                self._farewell = self._ready.unsent(b"LOGOUT")
            counts.append(f"{folder.name}: {await self._examine(folder)} messages")
        self._places = _distinct((*spell_folders((INBOX,), listed=()), *chosen))[:MOST_PLACES]
        return ", ".join(counts)

    async def find(self, header: str, value: str) -> list[Found]:
        """Return messages whose `header` holds `value`, as `IncomingSession` says. Marks none as seen."""
        if self._junk is None:
            listed = await self._list() if "SPECIAL-USE" in self._offered else []
            self._junk = tuple(one for one in listed if one.opens and matches(one, JUNK))
        found = []
        for folder in _distinct((*self._places, *self._junk)):
            if folder.name == self._opened:
                await self._ask(b"NOOP")  # lets the server tell what is new
            else:
                await self._examine(folder)
            if uids := await self._search(b"HEADER %b %b" % (header.encode(), quoted(value))):
                found += await self._look_at(uids[-MOST_LOOKED_AT:], header, folder)
        return found

    async def delete(self, found: Sequence[Found]) -> None:
        """Delete messages, and only these: UID EXPUNGE (RFC 4315) where the server has it.

        Where it has not, they are expunged only if nothing else waits for that; else they stay, marked as deleted.
        A folder is opened for changes no sooner and no longer than it takes.
        """
        for name in dict.fromkeys(one.folder for one in found):
            folder = next(one for one in (*self._places, *(self._junk or ())) if one.name == name)
            await self._expunge(folder, [int(one.id) for one in found if one.folder == name])
            await self._examine(folder)

    async def close(self) -> None:
        """Say good-bye, if the connection still serves for it, and close the socket."""
        if self._reached is not None:
            self._reached.close()
        if self._connection is not None:
            self._connection.log_out()
            self._connection.leave()
            await self._connection.wait_closed()

    async def _speak(self, *, tls: Tls | None) -> None:
        """Begin IMAP on what was reached, and read the greeting."""
        reached, self._reached = self._reached, None
        assert reached is not None, "reach() comes first"  # noqa: S101 - a fault of ours
        with asking("TLS", protocol=Protocol.IMAP):
            self._connection = await speak(ImapConnection, reached, tls=tls, host=self._endpoint.server_name)
        self._offered = await greet(self._connection)

    async def _choose(self, folders: Sequence[str], exclude: Sequence[str]) -> tuple[Folder, ...]:
        """Return the folders that are meant. Raises MailError: there is none by one of the names."""
        if not needs_listing(folders, exclude):
            names = dict.fromkeys(map(plain_name, folders))
            return spell_folders(names, listed=await self._list() if any(map(has_spellings, names)) else ())
        selection = select_folders(await self._list(), include=folders, exclude=exclude)
        named = [one for one in selection.unmatched if not set(one) & GLOB]
        lost = named if selection.folders else (*named, *folders)
        if lost:
            raise MailError(
                "no such folder",
                area=Area.IMAP,
                protocol=Protocol.IMAP,
                response_code="NONEXISTENT",
                command="LIST",
                about=lost[0],
            )
        return selection.folders

    async def _list(self) -> list[Folder]:
        lines = await self._ask(render_list(self._offered))
        return [folder for folder in map(parse_list, lines) if folder is not None]

    async def _examine(self, folder: Folder) -> int:
        """Open a folder to read it; return how many messages it has."""
        with asking("EXAMINE", protocol=Protocol.IMAP, about=folder.name):
            self._validity[folder.name] = await self._open(b"EXAMINE", folder)
        self._opened = folder.name
        return self._ready.exists

    async def _open(self, verb: bytes, folder: Folder) -> int | None:
        """Open a folder; return its UIDVALIDITY."""
        self._opened, self._ready.exists = "", 0
        argument = mailbox_argument(folder.wire, literals=bool(self._offered & LITERALS))
        return parse_uidvalidity(await self._ask(b"%b %b" % (verb, argument)))

    async def _search(self, criteria: bytes) -> list[int]:
        lines = await self._ask(b"UID SEARCH " + criteria)
        return sorted({uid for found in map(parse_search, lines) for uid in found or ()})

    async def _look_at(self, uids: Sequence[int], header: str, folder: Folder) -> list[Found]:
        section = b"BODY.PEEK[HEADER.FIELDS (%b)]" % header.upper().encode()
        lines = await self._ask(b"UID FETCH %b (INTERNALDATE %b)" % (_set(uids), section))
        return [
            Found(id=str(one.uid), folder=folder.name, value=one.value, received=one.received or datetime.now(UTC))
            for one in map(parse_header_field, lines)
            if one is not None
        ]

    async def _expunge(self, folder: Folder, uids: list[int]) -> None:
        if await self._open(b"SELECT", folder) != self._validity.get(folder.name):
            return  # these UIDs are other messages' now
        await self._ask(rb"UID STORE %b +FLAGS.SILENT (\Deleted)" % _set(uids))
        if self._offered & EXPUNGING:
            await self._ask(b"UID EXPUNGE " + _set(uids))
        elif set(await self._search(b"DELETED")) <= set(uids):
            await self._ask(b"EXPUNGE")

    async def _ask(self, command: bytes) -> list[bytes]:
        """Send a command; return the data that came with the server's OK."""
        with asking(command.removeprefix(b"UID ").partition(b" ")[0].decode(), protocol=Protocol.IMAP):
            self._ready.take_untagged()
            before, after = self._introduction, self._farewell
            self._introduction = self._farewell = b""
            reply = await self._ready.send(command, before=before, after=after)
            if reply.status != "OK":
                raise reply.failed()
            return self._ready.take_untagged()

    @property
    def _ready(self) -> ImapConnection:
        assert self._connection is not None, "reach() and secure() come first"  # noqa: S101 - a fault of ours
        return self._connection


def _distinct(folders: Iterable[Folder]) -> tuple[Folder, ...]:
    """Return the folders, each name once."""
    return tuple({folder.name: folder for folder in folders}.values())


def _set(uids: Sequence[int]) -> bytes:
    return b",".join(b"%d" % uid for uid in uids)
