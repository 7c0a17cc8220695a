"""An IMAP session for proving and control (RFC 3501, RFC 9051), by imapclient. The fetcher has its own reader."""

import imaplib
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from imapclient.exceptions import IMAPClientError

from mailbox_operator.mail.credential import Credential, masked, require_sendable
from mailbox_operator.mail.endpoint import Endpoint, Protocol
from mailbox_operator.mail.errors import Area, MailError, asking
from mailbox_operator.mail.folders import INBOX, Folder, matches, needs_listing, plain_name, select_folders
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.imap_library import LIBRARY_ERRORS, Client, list_folders, sign_in, translated
from mailbox_operator.mail.library_wire import LibraryWire
from mailbox_operator.mail.session import Found
from mailbox_operator.mail.tls import Negotiated, client_context

T = TypeVar("T")

MOST_LOOKED_AT: Final = 50
"""Messages at once."""
GREETING: Final = re.compile(r"(?i)\bBYE\b|^\+OK|^no IMAP|sent more than|socket error")
"""A greeting that is one (RFC 9051 section 7.1.5) or another protocol's; what the library says of none, and of a broken wire."""
JUNK: Final = "\\Junk"
GLOB: Final = frozenset("*?")
MOST_PLACES: Final = 8
"""Folders that are searched for a message."""


class ImapSession:
    """Call `reach`, `secure`, `sign_in`, then the rest; `close` in any case. All raise MailError."""

    def __init__(self, endpoint: Endpoint, *, policy: AddressPolicy) -> None:
        self._endpoint = endpoint
        self._wire = LibraryWire(endpoint, policy=policy, translated=translated, library_errors=LIBRARY_ERRORS)
        self._call = self._wire.call
        self._client: Client | None = None
        self._places: tuple[str, ...] = (INBOX,)
        self._junk: tuple[str, ...] | None = None
        """Where misfiled mail goes; None: not asked yet."""
        self._opened = ""
        self._validity: dict[str, object] = {}

    async def reach(self) -> None:
        """Connect, and read the greeting where it comes before TLS."""
        await self._wire.reach(self._greet)

    async def secure(self) -> Negotiated | None:
        """Speak TLS as asked, never less. Returns what was negotiated; None where no TLS is asked for."""
        return await self._wire.secure(self._greet, start_tls=self._start_tls)

    async def sign_in(self, credential: Credential) -> None:
        """Sign in once, and tell who we are where the server wants to know (RFC 2971)."""
        require_sendable(credential)
        client, endpoint = self._ready, self._endpoint
        try:
            with asking("AUTHENTICATE", protocol=Protocol.IMAP):
                await self._call(
                    lambda: sign_in(
                        client, credential, host=endpoint.host, port=endpoint.port, private=endpoint.is_private
                    )
                )
        except MailError as error:
            raise masked(error, credential) from None

    async def open_folders(self, folders: Sequence[str], *, exclude: Sequence[str] = ()) -> str:
        """Open each folder by EXAMINE: SELECT would take the flag Recent away from others."""
        chosen = await self._choose(folders, exclude)
        counts = [f"{name}: {(await self._examine(name))[b'EXISTS']} messages" for name in chosen]
        self._places = tuple(dict.fromkeys((INBOX, *chosen)))[:MOST_PLACES]
        return ", ".join(counts)

    async def find(self, header: str, value: str) -> list[Found]:
        """Return messages whose `header` holds `value`, as `IncomingSession` says. Marks none as seen."""
        if self._junk is None:
            listed = await self._list() if await self._has("SPECIAL-USE") else []
            self._junk = tuple(one.name for one in listed if one.opens and matches(one, JUNK))
        found = []
        for folder in dict.fromkeys((*self._places, *self._junk)):
            if folder == self._opened:
                with asking("NOOP", protocol=Protocol.IMAP):
                    await self._call(self._ready.noop)  # lets the server tell what is new
            else:
                await self._examine(folder)
            with asking("SEARCH", protocol=Protocol.IMAP):
                uids = await self._call(lambda: self._ready.search(["HEADER", header, value]))
            if uids:
                found += await self._look_at(uids[-MOST_LOOKED_AT:], header, folder)
        return found

    async def delete(self, found: Sequence[Found]) -> None:
        """Delete messages, and only these: UID EXPUNGE (RFC 4315) where the server has it.

        Where it has not, they are expunged only if nothing else waits for that; else they stay, marked as deleted.
        A folder is opened for changes no sooner and no longer than it takes.
        """
        for folder in dict.fromkeys(one.folder for one in found):
            await self._expunge(folder, [int(one.id) for one in found if one.folder == folder])

    async def _start_tls(self) -> ssl.SSLSocket:
        client, context = self._ready, client_context(self._endpoint.tls)

        def start() -> ssl.SSLSocket:
            client.starttls(context)
            secured: ssl.SSLSocket = client.socket()
            return secured

        if not await self._has("STARTTLS"):
            raise MailError("STARTTLS not advertised", area=Area.STARTTLS, protocol=Protocol.IMAP)
        return await self._wire.begin_tls(start)

    async def _choose(self, folders: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the folders that are meant. Raises MailError: there is none by one of the names."""
        if not needs_listing(folders, exclude):
            return tuple(dict.fromkeys(map(plain_name, folders)))
        selection = select_folders(await self._list(), include=folders, exclude=exclude)
        named = [one for one in selection.unmatched if not set(one) & GLOB]
        lost = named if selection.folders else (*named, *folders)
        if lost:
            raise MailError(
                "no such folder", area=Area.IMAP, response_code="NONEXISTENT", command="LIST", about=lost[0]
            )
        return tuple(one.name for one in selection.folders)

    async def _list(self) -> list[Folder]:
        with asking("LIST", protocol=Protocol.IMAP):
            return await self._call(lambda: list_folders(self._ready))

    async def _has(self, capability: str) -> bool:
        return bool(await self._call(lambda: self._ready.has_capability(capability)))

    async def _examine(self, folder: str) -> dict[bytes, Any]:
        self._opened = ""
        with asking("EXAMINE", protocol=Protocol.IMAP, about=folder):
            answer: dict[bytes, Any] = await self._call(lambda: self._ready.select_folder(folder, readonly=True))
        self._opened = folder
        self._validity[folder] = answer.get(b"UIDVALIDITY")
        return answer

    async def _look_at(self, uids: Sequence[int], header: str, folder: str) -> list[Found]:
        part = f"BODY.PEEK[HEADER.FIELDS ({header.upper()})]"
        with asking("FETCH", protocol=Protocol.IMAP):
            seen = await self._call(lambda: self._ready.fetch(uids, ["INTERNALDATE", part]))
        return [_found(uid, items, folder) for uid, items in seen.items()]

    async def _expunge(self, folder: str, uids: list[int]) -> None:
        client, validity = self._ready, self._validity.get(folder)

        def expunge() -> None:
            if client.select_folder(folder).get(b"UIDVALIDITY") != validity:
                return  # these UIDs are other messages' now
            client.delete_messages(uids, silent=True)
            if client.has_capability("UIDPLUS") or client.has_capability("IMAP4REV2"):
                client.uid_expunge(uids)
            elif set(client.search(["DELETED"])) <= set(uids):
                client.expunge()

        self._opened = ""
        with asking("EXPUNGE", protocol=Protocol.IMAP):
            await self._call(expunge)
        await self._examine(folder)

    async def close(self) -> None:
        """Say good-bye, if the connection still serves for it, and close the socket."""
        await self._wire.close(farewell=self._log_out, release=self._release)

    def _log_out(self) -> None:
        if self._client is not None:
            with suppress(IMAPClientError, imaplib.IMAP4.error, OSError):
                self._client.logout()

    def _release(self) -> None:
        if self._client is not None:
            with suppress(OSError):  # LOGOUT has closed it already
                self._client.handed.shutdown()

    @property
    def _ready(self) -> Client:
        assert self._client is not None, "reach() and secure() come first"  # noqa: S101 - a fault of ours
        return self._client

    async def _greet(self, connection: socket.socket) -> None:
        with asking("GREETING", protocol=Protocol.IMAP):
            try:
                self._client = await self._call(lambda: Client(connection, self._wire.name))
            except MailError as error:
                if error.area is Area.IMAP and not GREETING.search(error.text):
                    raise error.with_text(f"no IMAP response: {error.text}") from None
                raise


def _found(uid: int, items: dict[bytes, Any], folder: str) -> Found:
    header = next((value for key, value in items.items() if key.startswith(b"BODY[")), b"") or b""
    value = header.decode("ascii", "replace").partition(":")[2]
    return Found(
        id=str(uid),
        folder=folder,
        value=" ".join(value.split()),
        received=_moment(items.get(b"INTERNALDATE")) or datetime.now(UTC),
    )


def _moment(date: object) -> datetime | None:
    """Return a date that the library has read, or None: it is none, or its zone is none (`+9999`)."""
    with suppress(ValueError, OverflowError):
        if isinstance(date, datetime) and date.tzinfo:
            return date.astimezone(UTC)
    return None
