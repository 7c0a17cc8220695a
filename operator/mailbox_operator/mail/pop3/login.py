"""One login at a POP3 server (RFC 1939), by poplib: from the connection to QUIT."""

import poplib
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

from mailbox_operator.mail.credential import Credential, masked, require_sendable
from mailbox_operator.mail.endpoint import Endpoint, Protocol
from mailbox_operator.mail.errors import Area, MailError, SaslError, asking, system_words
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.library_wire import READ_SECONDS, LibraryWire
from mailbox_operator.mail.pop3.capability import UNKNOWN, Capabilities, note_delay, parse_capabilities
from mailbox_operator.mail.pop3.mechanism import USER, choose_mechanism, needs_utf8
from mailbox_operator.mail.sasl import API_NAMES, Exchange, begin, decoded, told
from mailbox_operator.mail.tls import Negotiated, client_context

T = TypeVar("T")

MOST_OCTETS: Final = 16 * 1024 * 1024
"""Of a whole login: 150,000 lines of UIDL (RFC 1939 section 7: 79 octets each at most) and of LIST."""
LONGEST_LINE: Final = 64 * 1024
"""Octets; poplib's own limit of 2,048 is met by header lines of common mail."""
MOST_QUOTED: Final = 512
"""Characters of a server's words that are kept as evidence."""
RESPONSE_CODE: Final = re.compile(r"-ERR\s+\[([A-Z][A-Z0-9/-]*)\]", re.IGNORECASE)  # RFC 2449 section 8


class _Handed(poplib.POP3):
    """poplib on a socket that is already connected, reading so much and no more."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._handed = connection
        self._left = MOST_OCTETS
        try:
            super().__init__(host, timeout=READ_SECONDS)
        except BaseException:  # no greeting: nobody else could close what reads from the socket
            self.file.close()
            raise

    def _create_socket(self, _timeout: float) -> socket.socket:
        return self._handed

    def _getline(self) -> tuple[bytes, int]:
        line = self.file.readline(LONGEST_LINE)
        self._left -= len(line)
        if self._left < 0:
            raise OSError(f"the server sent more than {MOST_OCTETS} octets")
        if not line:
            raise OSError("Connection unexpectedly closed")
        if not line.endswith(b"\n"):
            raise poplib.error_proto(f"a line longer than {LONGEST_LINE} octets, or cut off")
        return line.rstrip(b"\r\n"), len(line)

    def ask(self, command: str) -> bytes:
        """Send a line and return the first line of the answer. Raises error_proto: it does not begin with `+`."""
        line: bytes = self._shortcmd(command)  # type: ignore[attr-defined]  # poplib's own, which typeshed leaves out
        return line

    def ask_long(self, command: str) -> list[bytes]:
        """Send a line and return the lines of the answer but the first. Raises error_proto."""
        lines: list[bytes] = self._longcmd(command)[1]  # type: ignore[attr-defined]  # as above
        return lines

    def start_tls(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Do STLS (RFC 2595 section 4). What was read before is thrown away: it may be somebody else's."""
        self.ask("STLS")
        self.file.close()
        secured = self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
        self.file = secured.makefile("rb")
        return secured


class Pop3Login:
    """Call `connect`, `secure`, `sign_in`, then the rest; `close` in any case. All raise MailError."""

    def __init__(self, endpoint: Endpoint, *, policy: AddressPolicy) -> None:
        self._endpoint = endpoint
        self._wire = LibraryWire(endpoint, policy=policy, translated=_errors, library_errors=(poplib.error_proto,))
        self._call = self._wire.call
        self._client: _Handed | None = None
        self._capabilities: Capabilities | None = None
        self._has_quit = False

    async def connect(self) -> None:
        """Connect, and read the greeting where it comes before TLS."""
        await self._wire.reach(self._greet)

    async def secure(self) -> Negotiated | None:
        """Speak TLS as asked, never less. Returns what was negotiated; None where no TLS is asked for."""
        return await self._wire.secure(self._greet, start_tls=self._start_tls)

    async def sign_in(self, credential: Credential) -> str:
        """Sign in once, by one mechanism, which is returned."""
        require_sendable(credential)
        client, endpoint = self._ready, self._endpoint
        offered = await self.capabilities()
        try:
            name = choose_mechanism(credential, offered=offered, private=endpoint.is_private)
            with asking("AUTHENTICATE", protocol=Protocol.POP3):
                if name == USER:
                    if needs_utf8(credential, offered=offered):
                        await self._speak_utf8(client)
                    await self._call(lambda: client.ask(f"USER {credential.username}"))
                    await self._call(lambda: client.ask(f"PASS {credential.secret.reveal()}"))
                else:
                    exchange = begin(name, credential, host=endpoint.host, port=endpoint.port)
                    await self._call(lambda: _authenticate(client, exchange))
        except MailError as error:
            note_delay(error, offered)
            raise masked(error, credential) from None
        self._capabilities = None  # RFC 2449 section 5: another state, another list
        return API_NAMES[name]

    async def capabilities(self) -> Capabilities:
        """Return what the server can do, in the state it is in."""
        if self._capabilities is None:
            try:
                self._capabilities = parse_capabilities(await self.ask_long("CAPA"))
            except MailError as error:
                if not error.status:
                    raise
                self._capabilities = UNKNOWN  # RFC 1939 alone
        return self._capabilities

    async def ask(self, command: str) -> bytes:
        """Send a command and return the first line of a good answer."""
        with asking(command.partition(" ")[0], protocol=Protocol.POP3):
            return await self._call(lambda: self._ready.ask(command))

    async def ask_long(self, command: str) -> list[bytes]:
        """Send a command and return the lines of a good answer but the first."""
        with asking(command.partition(" ")[0], protocol=Protocol.POP3):
            return await self._call(lambda: self._ready.ask_long(command))

    async def _speak_utf8(self, client: _Handed) -> None:
        try:
            await self._call(lambda: client.ask("UTF8"))
        except MailError as error:
            if not error.status:
                raise

    async def quit(self) -> None:
        """Sign off: that makes deletions come true and ends the lock on the mailbox (RFC 1939 section 6)."""
        self._has_quit = True
        await self.ask("QUIT")

    async def _start_tls(self) -> ssl.SSLSocket:
        client, context = self._ready, client_context(self._endpoint.tls)
        if not (await self.capabilities()).stls:
            raise MailError("STARTTLS not advertised", area=Area.STARTTLS, protocol=Protocol.POP3)
        secured = await self._wire.begin_tls(lambda: client.start_tls(context))
        self._capabilities = None  # RFC 2595 section 4: what was said before does not count
        return secured

    async def close(self) -> None:
        """Say good-bye, if the connection still serves for it, and close the socket."""
        await self._wire.close(farewell=None if self._has_quit else self._quit, release=self._release)

    def _quit(self) -> None:
        if self._client is not None:
            with suppress(poplib.error_proto, OSError):
                self._client.ask("QUIT")

    def _release(self) -> None:
        if self._client is not None:
            with suppress(OSError):  # the peer was faster, or a failed handshake has closed it
                self._client.close()

    @property
    def _ready(self) -> _Handed:
        assert self._client is not None, "connect() and secure() come first"  # noqa: S101 - a fault of ours
        return self._client

    async def _greet(self, connection: socket.socket) -> None:
        with asking("GREETING", protocol=Protocol.POP3):
            self._client = await self._call(lambda: _Handed(connection, self._wire.name))


def _authenticate(client: _Handed, exchange: Exchange) -> None:
    """AUTH (RFC 5034), without an initial response: a line that holds a token would be too long for some servers."""
    unsaid = exchange.initial
    try:
        answer = client.ask(f"AUTH {exchange.name}")
        while answer[:3].upper() != b"+OK":
            try:
                response = exchange.answer(decoded(answer[1:].strip())) if unsaid is None else unsaid
            except SaslError:
                client.ask("*")
                raise
            unsaid = None
            answer = client.ask(b64encode(response).decode())
    except poplib.error_proto as error:
        raise told(exchange, _mail_error(error)) from None
    exchange.conclude()


@contextmanager
def _errors() -> Iterator[None]:
    """Turn what the libraries raise into MailError."""
    try:
        yield
    except poplib.error_proto as error:
        raise _mail_error(error) from None
    except SaslError as error:
        raise MailError(str(error), area=Area.POLICY) from None
    except ssl.SSLError as error:
        raise MailError(error.reason or "TLS failed", area=Area.TLS, vendor_code=error.reason or "") from None
    except OSError as error:
        raise MailError(system_words(error), area=Area.TCP) from error


def _mail_error(error: poplib.error_proto) -> MailError:
    """Return the server's own words out of poplib's exception."""
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    text = "".join(character if character.isprintable() else " " for character in text[:MOST_QUOTED]).strip()
    if not text.upper().startswith("-ERR"):
        return MailError(f"no POP3 response: {text}".removesuffix(": "), area=Area.POP3)
    code = RESPONSE_CODE.match(text)
    return MailError(text, area=Area.POP3, status="-ERR", response_code=code[1].upper() if code else "")
