"""An IMAP session for proving and control (RFC 3501, RFC 9051), by imapclient. The fetcher has its own reader."""

import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import imapclient
from imapclient.exceptions import IMAPClientError

from mailbox_operator.mail.blocking import BlockingConnection
from mailbox_operator.mail.credential import Credential, masked, plain_response, require_sendable
from mailbox_operator.mail.dial import connect_tcp
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.mail.errors import Area, MailError, asking
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.secret import Secret
from mailbox_operator.mail.session import Found
from mailbox_operator.mail.tls import Negotiated, client_context, negotiated, tls_error

T = TypeVar("T")

READ_SECONDS: Final = 60.0
"""No single read takes longer, whatever becomes of the caller's deadline."""
MOST_OCTETS: Final = 8 * 1024 * 1024
"""Of a whole session; the libraries believe whatever length a literal announces."""
MOST_LOOKED_AT: Final = 50
"""Messages at once."""
MOST_QUOTED: Final = 512
"""Characters of a server's words that are kept as evidence."""
RESPONSE_CODE: Final = re.compile(r"\[([A-Z][A-Z0-9-]*)[^\]]*\]")  # RFC 9051 section 7.1
WRAPPED: Final = re.compile(r"""b(['"])(.*)\1""", re.DOTALL)
ATOM: Final = re.compile(r"[!#$&'+-\[^-z|}~\]]+")  # ASTRING-CHAR (RFC 3501 section 9)
ASCII_ONLY: Final = "LOGIN takes ASCII only; the server offers no AUTHENTICATE PLAIN"
IDENTITY: Final = {"name": "mailbox-operator", "vendor": "mailbox-operator"}


class _Handed(imaplib.IMAP4):
    """imaplib on a socket that is already connected, reading so much and no more."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._handed = connection
        self._left = MOST_OCTETS
        super().__init__(host)

    def _create_socket(self, _timeout: float | None) -> socket.socket:
        return self._handed

    def read(self, size: int) -> bytes:
        self._take(size)
        return super().read(size)

    def readline(self) -> bytes:
        line = super().readline()
        self._take(len(line))
        return line

    def _take(self, octets: int) -> None:
        self._left -= octets
        if self._left < 0:
            raise imaplib.IMAP4.abort(f"the server sent more than {MOST_OCTETS} octets")


class _Client(imapclient.IMAPClient):  # type: ignore[misc]  # the library is untyped
    def __init__(self, connection: socket.socket, host: str) -> None:
        self._handed = connection
        super().__init__(host, ssl=False, timeout=READ_SECONDS)
        self.normalise_times = False  # else they lose their zone
        self._imap.debug = 0  # the library sets 5 and formats every line for its logger

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - the library's name
        self.handed = _Handed(self._handed, self.host)
        return self.handed


class ImapSession:
    """Call `reach`, `secure`, `sign_in`, then the rest; `close` in any case. All raise MailError."""

    def __init__(self, endpoint: Endpoint, *, policy: AddressPolicy) -> None:
        self._endpoint = endpoint
        self._policy = policy
        self._name = endpoint.tls.server_name or endpoint.host.strip("[]")
        self._socket: socket.socket | None = None
        self._calls: BlockingConnection | None = None
        self._client: _Client | None = None
        self._places: tuple[str, ...] = ("INBOX",)
        self._opened = ""
        self._validity: dict[str, object] = {}

    async def reach(self) -> None:
        """Connect, and read the greeting where it comes before TLS."""
        with asking("CONNECT", protocol=Protocol.IMAP):
            connection = await connect_tcp(self._endpoint.host, self._endpoint.port, policy=self._policy)
        self._socket, self._calls = connection, BlockingConnection(connection)
        connection.settimeout(READ_SECONDS)
        if self._endpoint.security is not Security.TLS:
            await self._greet(connection)

    async def secure(self) -> Negotiated | None:
        """Speak TLS as asked, never less. Returns what was negotiated; None where no TLS is asked for."""
        context = client_context(self._endpoint.tls)
        if self._endpoint.security is Security.NONE:
            return None
        assert self._socket is not None, "reach() comes first"  # noqa: S101 - a fault of ours
        if self._endpoint.security is Security.TLS:
            secured = context.wrap_socket(self._socket, server_hostname=self._name, do_handshake_on_connect=False)
            self._socket = secured
            with asking("TLS", protocol=Protocol.IMAP):
                await self._handshake(secured.do_handshake)
            await self._greet(secured)
        else:
            client = self._ready
            if not await self._call(lambda: client.has_capability("STARTTLS")):
                raise MailError("STARTTLS not advertised", area=Area.STARTTLS, protocol=Protocol.IMAP)
            with asking("STARTTLS", protocol=Protocol.IMAP):
                await self._handshake(lambda: client.starttls(context))
            secured = client.socket()
            self._socket = secured
        return negotiated(secured)

    async def sign_in(self, credential: Credential) -> None:
        """Sign in once: by SASL PLAIN (RFC 4616) where it is offered, else LOGIN, never where that is disabled."""
        require_sendable(credential)
        username, password, mechanism = credential.username, credential.secret, credential.mechanism
        if mechanism not in (None, "Plain", "Login"):
            raise MailError(f"mechanism {mechanism} is not implemented for IMAP", area=Area.POLICY)
        client = self._ready

        def login() -> None:
            if mechanism == "Plain" or (mechanism is None and client.has_capability("AUTH=PLAIN")):
                client.sasl_login("PLAIN", lambda _challenge: plain_response(username, password))
            elif client.has_capability("LOGINDISABLED"):  # RFC 3501 section 6.2.3
                raise MailError("LOGINDISABLED is advertised", area=Area.IMAP, response_code="PRIVACYREQUIRED")
            else:
                client.login(astring(username), _require_ascii(password).reveal())

        try:
            with asking("AUTHENTICATE", protocol=Protocol.IMAP):
                await self._call(login)
        except MailError as error:
            raise masked(error, credential) from None
        if await self._call(lambda: client.has_capability("ID")):  # RFC 2971; some refuse folders to the nameless
            with suppress(MailError):  # a server that minds says so at the next command
                await self._call(lambda: client.id_(IDENTITY))

    async def open_folders(self, folders: Sequence[str]) -> str:
        """Open each folder by EXAMINE: SELECT would take the flag Recent away from others."""
        counts = [f"{folder}: {(await self._examine(folder))[b'EXISTS']} messages" for folder in folders]
        self._places = tuple(dict.fromkeys(("INBOX", *folders)))
        return ", ".join(counts)

    async def find(self, header: str, value: str) -> list[Found]:
        """Return messages whose `header` holds `value`, as `IncomingSession` says. Marks none as seen."""
        found = []
        for folder in self._places:
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

    async def _examine(self, folder: str) -> dict[bytes, Any]:
        self._opened = ""
        with asking("EXAMINE", protocol=Protocol.IMAP):
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
        if self._socket is not None and self._calls is not None:
            await self._calls.close(farewell=self._log_out, release=self._release)

    def _log_out(self) -> None:
        if self._client is not None:
            with suppress(IMAPClientError, imaplib.IMAP4.error, OSError):
                self._client.logout()

    def _release(self) -> None:
        if self._client is not None:
            with suppress(OSError):  # LOGOUT has closed it already
                self._client.handed.shutdown()
        if self._socket is not None:
            self._socket.close()

    @property
    def _ready(self) -> _Client:
        assert self._client is not None, "reach() and secure() come first"  # noqa: S101 - a fault of ours
        return self._client

    async def _greet(self, connection: socket.socket) -> None:
        with asking("GREETING", protocol=Protocol.IMAP):
            self._client = await self._call(lambda: _Client(connection, self._name))

    async def _handshake(self, call: Callable[[], object]) -> None:
        assert self._calls is not None, "reach() comes first"  # noqa: S101 - a fault of ours
        try:
            await self._calls.run(call)
        except (IMAPClientError, imaplib.IMAP4.error) as error:
            raise _mail_error(error) from None
        except OSError as error:  # ssl.SSLError is one
            raise tls_error(error, host=self._name) from error

    async def _call(self, function: Callable[[], T]) -> T:
        assert self._calls is not None, "reach() comes first"  # noqa: S101 - a fault of ours
        with _errors():
            return await self._calls.run(function)


@contextmanager
def _errors() -> Iterator[None]:
    """Turn what the libraries raise into MailError."""
    try:
        yield
    except (IMAPClientError, imaplib.IMAP4.error) as error:
        raise _mail_error(error) from None  # the library's exception may quote what was sent
    except ssl.SSLError as error:
        raise MailError(error.reason or "TLS failed", area=Area.TLS, vendor_code=error.reason or "") from None
    except OSError as error:
        raise MailError(str(error), area=Area.TCP) from error
    except (ValueError, AssertionError) as error:  # imapclient's parser and imaplib, of what is no IMAP
        raise MailError(f"not understood: {type(error).__name__}", area=Area.IMAP) from None


def _found(uid: int, items: dict[bytes, Any], folder: str) -> Found:
    header = next((value for key, value in items.items() if key.startswith(b"BODY[")), b"") or b""
    value = header.decode("ascii", "replace").partition(":")[2]
    received = items.get(b"INTERNALDATE")
    return Found(
        id=str(uid),
        folder=folder,
        value=" ".join(value.split()),
        received=received if isinstance(received, datetime) and received.tzinfo else datetime.now(UTC),
    )


def astring(text: str) -> str:
    """Return a user name as an argument of LOGIN (RFC 3501 section 9): an atom as it is, else quoted; imaplib does neither.

    Raises MailError: it is not ASCII.
    """
    if not text.isascii():
        raise MailError(ASCII_ONLY, area=Area.POLICY)
    return text if ATOM.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _require_ascii(password: Secret) -> Secret:
    if not password.reveal().isascii():
        raise MailError(ASCII_ONLY, area=Area.POLICY)
    return password


def _mail_error(error: Exception) -> MailError:
    """Return the server's own words out of a library's exception."""
    text = str(error)
    if inner := WRAPPED.search(text):
        text = inner[2]
    code = RESPONSE_CODE.search(text)
    return MailError(text[:MOST_QUOTED] or "no IMAP response", area=Area.IMAP, response_code=code[1] if code else "")
