"""An IMAP session for proving and control (RFC 9051), by imapclient. The fetcher's hot path has its own reader."""

import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

import imapclient
from imapclient.exceptions import IMAPClientError

from mailbox_operator.mail.blocking import close, in_thread
from mailbox_operator.mail.dial import connect_tcp
from mailbox_operator.mail.endpoint import Endpoint, Security
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.secret import Secret
from mailbox_operator.mail.tls import Negotiated, client_context, negotiated, tls_error

T = TypeVar("T")

READ_SECONDS: Final = 60.0
"""No single read takes longer, whatever becomes of the caller's deadline."""
RESPONSE_CODE: Final = re.compile(r"\[([A-Z][A-Z0-9-]*)[^\]]*\]")  # RFC 9051 section 7.1
WRAPPED: Final = re.compile(r"""b(['"])(.*)\1""", re.DOTALL)
IDENTITY: Final = {"name": "mailbox-operator", "vendor": "mailbox-operator"}


class _Handed(imaplib.IMAP4):
    """imaplib on a socket that is already connected."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._handed = connection
        super().__init__(host)

    def _create_socket(self, _timeout: float | None) -> socket.socket:
        return self._handed


class _Client(imapclient.IMAPClient):  # type: ignore[misc]  # the library is untyped
    def __init__(self, connection: socket.socket, host: str) -> None:
        self._handed = connection
        super().__init__(host, ssl=False)
        self._imap.debug = 0  # the library sets 5 and formats every line for its logger

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - the library's name
        return _Handed(self._handed, self.host)


class ImapSession:
    """Call `reach`, `secure`, `sign_in`, then the rest; `close` in any case. All raise MailError."""

    def __init__(self, endpoint: Endpoint, *, policy: AddressPolicy) -> None:
        self._endpoint = endpoint
        self._policy = policy
        self._socket: socket.socket | None = None
        self._client: _Client | None = None
        self._name = endpoint.tls.server_name or endpoint.host.strip("[]")

    async def reach(self) -> None:
        """Connect, and read the greeting where it comes before TLS."""
        self._socket = await connect_tcp(self._endpoint.host, self._endpoint.port, policy=self._policy)
        self._socket.settimeout(READ_SECONDS)
        if self._endpoint.security is not Security.TLS:
            await self._greet(self._socket)

    async def secure(self) -> Negotiated | None:
        """Speak TLS as asked, never less. Returns what was negotiated; None where no TLS is asked for."""
        context = client_context(self._endpoint.tls)
        connection = self._connection
        if self._endpoint.security is Security.TLS:

            def handshake() -> ssl.SSLSocket:
                return context.wrap_socket(connection, server_hostname=self._name)

            try:
                secured = await in_thread(handshake, connection=connection)
            except (ssl.SSLError, OSError) as error:
                raise tls_error(error, host=self._name) from error
            self._socket = secured
            await self._greet(secured)
            return negotiated(secured)
        if self._endpoint.security is Security.NONE:
            return None
        client = self._signed
        if not client.has_capability("STARTTLS"):
            raise MailError("STARTTLS not advertised", area=Area.STARTTLS)
        try:
            await in_thread(lambda: client.starttls(context), connection=connection)
        except (ssl.SSLError, OSError) as error:
            raise tls_error(error, host=self._name) from error
        except (IMAPClientError, imaplib.IMAP4.error) as error:
            raise _mail_error(error) from error
        secured = client.socket()
        self._socket = secured
        return negotiated(secured)

    async def sign_in(self, username: str, password: Secret, *, mechanism: str | None) -> None:
        """Sign in, by SASL PLAIN (RFC 4616) where it is offered, else LOGIN."""
        client = self._signed

        def login() -> None:
            if mechanism == "Login" or (mechanism is None and not client.has_capability("AUTH=PLAIN")):
                client.login(username, password.reveal())
            else:
                client.plain_login(username, password.reveal())
            if client.has_capability("ID"):  # RFC 2971; some providers refuse folders without it
                client.id_(IDENTITY)

        await self._call(login)

    async def examine(self, folder: str) -> int:
        """Open a folder read-only and return how many messages it holds."""
        return int((await self._call(lambda: self._signed.select_folder(folder, readonly=True)))[b"EXISTS"])

    async def select(self, folder: str) -> None:
        """Open a folder for changes."""
        await self._call(lambda: self._signed.select_folder(folder))

    async def find(self, header: str, value: str) -> list[int]:
        """Return the UIDs of messages in the open folder whose `header` holds `value`."""
        found = await self._call(lambda: self._signed.search(["HEADER", header, value]))
        return [int(uid) for uid in found]

    async def poll(self) -> None:
        """Let the server tell what is new."""
        await self._call(self._signed.noop)

    async def delete(self, uids: list[int]) -> None:
        """Delete messages of the open folder, and only these: UID EXPUNGE (RFC 4315) where the server has it."""
        client = self._signed

        def delete() -> None:
            client.delete_messages(uids, silent=True)
            if client.has_capability("UIDPLUS") or client.has_capability("IMAP4REV2"):
                client.uid_expunge(uids)
            elif set(client.search(["DELETED"])) <= set(uids):
                client.expunge()

        await self._call(delete)

    async def close(self) -> None:
        """Say good-bye without waiting long, and close the socket."""
        if self._socket is not None:
            if self._client is not None:
                with suppress(OSError):  # a cancelled call has closed it
                    self._socket.settimeout(1)
                try:
                    await self._call(self._client.logout)
                except MailError:  # the server need not answer
                    with suppress(OSError):
                        self._client.shutdown()
            close(self._socket)

    @property
    def _connection(self) -> socket.socket:
        assert self._socket is not None, "reach() comes first"  # noqa: S101 - a fault of ours
        return self._socket

    @property
    def _signed(self) -> _Client:
        assert self._client is not None, "reach() and secure() come first"  # noqa: S101 - a fault of ours
        return self._client

    async def _greet(self, connection: socket.socket) -> None:
        with _errors():
            self._client = await in_thread(lambda: _Client(connection, self._name), connection=connection)

    async def _call(self, function: Callable[[], T]) -> T:
        with _errors():
            return await in_thread(function, connection=self._connection)


@contextmanager
def _errors() -> Iterator[None]:
    """Turn what the libraries raise into MailError."""
    try:
        yield
    except (IMAPClientError, imaplib.IMAP4.error) as error:
        raise _mail_error(error) from None  # the library's exception may quote what was sent
    except OSError as error:
        raise MailError(str(error), area=Area.TCP) from error


def _mail_error(error: Exception) -> MailError:
    """Return the server's own words out of a library's exception."""
    text = str(error)
    if inner := WRAPPED.search(text):
        text = inner[2]
    code = RESPONSE_CODE.search(text)
    return MailError(text[:512], area=Area.IMAP, code=code[1] if code else "")
