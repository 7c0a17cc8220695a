"""An SMTP submission session (RFC 6409) for proving, by smtplib."""

import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from io import BufferedIOBase
from typing import Final, TypeVar

from mailbox_operator.mail.credential import Credential, masked, require_sendable
from mailbox_operator.mail.endpoint import Endpoint, Protocol
from mailbox_operator.mail.errors import Area, MailError, SaslError, asking, system_words
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.library_wire import READ_SECONDS, LibraryWire
from mailbox_operator.mail.sasl import API_NAMES, Exchange, begin, choose, decoded, told
from mailbox_operator.mail.tls import Negotiated, client_context

T = TypeVar("T")

MOST_OCTETS: Final = 1024 * 1024
"""Of a whole session; the library collects a reply's lines without an end."""
MOST_QUOTED: Final = 512
"""Characters of a server's words that are kept as evidence."""
LONGEST_COMMAND: Final = 510
"""RFC 5321 section 4.5.3.1.4, without CRLF: what would be longer goes into a continuation."""
READY: Final = 220  # RFC 5321 section 4.2
OK: Final = 250
SIGNED_IN: Final = 235  # RFC 4954 section 4
CONTINUE: Final = 334


class _Bounded:
    """The reading end of a connection, so much and no more."""

    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream = stream
        self._left = MOST_OCTETS

    def readline(self, most: int) -> bytes:
        """Return a line, at most `most` octets of it. Raises OSError."""
        line = self._stream.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise OSError(f"the server sent more than {MOST_OCTETS} octets")
        return line

    def close(self) -> None:
        """Close it."""
        self._stream.close()


class _Handed(smtplib.SMTP):
    """smtplib on a socket that is already connected."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        # The name in EHLO: an address literal (RFC 5321 section 4.1.3); asking DNS for our own name can take seconds.
        super().__init__(local_hostname=_literal(connection), timeout=READ_SECONDS)
        self._handed = connection
        self._host = host

    def _get_socket(self, _host: str, _port: int, _timeout: float) -> socket.socket:
        return self._handed

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:  # before the first reply, and after STARTTLS
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()


class SmtpSession:
    """Call `reach`, `secure`, `sign_in`, then the rest; `close` in any case. All raise MailError."""

    def __init__(self, endpoint: Endpoint, *, policy: AddressPolicy) -> None:
        self._endpoint = endpoint
        self._wire = LibraryWire(endpoint, policy=policy, translated=_errors, library_errors=(smtplib.SMTPException,))
        self._call = self._wire.call
        self._client: _Handed | None = None

    async def reach(self) -> None:
        """Connect, and read greeting and EHLO where they come before TLS."""
        await self._wire.reach(self._greet)

    async def secure(self) -> Negotiated | None:
        """Speak TLS as asked, never less. Returns what was negotiated; None where no TLS is asked for."""
        return await self._wire.secure(self._greet, start_tls=self._start_tls)

    async def sign_in(self, credential: Credential) -> str:
        """Sign in once, by one mechanism, which is returned: trying all of them makes a wrong password count thrice."""
        require_sendable(credential)
        client, endpoint = self._ready, self._endpoint
        offered = client.esmtp_features.get("auth", "").upper().split()
        if not offered:
            raise MailError("AUTH not advertised", area=Area.SMTP, protocol=Protocol.SMTP, command="EHLO")

        def sign_in() -> str:
            name = choose(credential, offered=set(offered), private=endpoint.is_private)
            _authenticate(client, begin(name, credential, host=endpoint.host, port=endpoint.port))
            return API_NAMES[name]

        try:
            with asking("AUTHENTICATE", protocol=Protocol.SMTP):
                return await self._call(sign_in)
        except MailError as error:
            raise masked(error, credential) from None

    async def judge_sender(self, address: str, *, recipient: str) -> bool:
        """Prove that `address` may be a reverse path here, without sending: MAIL FROM, RCPT TO, then RSET.

        Servers that delay their refusals (Postfix does) judge the sender only when they hear a recipient.
        """
        client = self._ready

        def envelope() -> None:
            with asking("MAIL", protocol=Protocol.SMTP):
                _expect(OK, *client.mail(address, [] if (address + recipient).isascii() else ["SMTPUTF8"]))
            with asking("RCPT", protocol=Protocol.SMTP):
                _expect(OK, *client.rcpt(recipient))
            client.rset()

        with asking("MAIL", protocol=Protocol.SMTP, about=address):
            await self._call(envelope)
        return True

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        """Send a message."""
        with asking("DATA", protocol=Protocol.SMTP):
            await self._call(lambda: self._ready.send_message(message, from_addr=sender, to_addrs=[recipient]))

    async def _start_tls(self) -> ssl.SSLSocket:
        client, context = self._ready, client_context(self._endpoint.tls)

        def start() -> ssl.SSLSocket:
            client.starttls(context=context)
            assert isinstance(client.sock, ssl.SSLSocket)  # noqa: S101 - smtplib has just made it
            return client.sock

        if not client.has_extn("starttls"):
            raise MailError("STARTTLS not advertised", area=Area.STARTTLS, protocol=Protocol.SMTP)
        secured = await self._wire.begin_tls(start)
        with asking("EHLO", protocol=Protocol.SMTP):
            await self._call(lambda: _expect(OK, *client.ehlo()))
        return secured

    async def close(self) -> None:
        """Say good-bye, if the connection still serves for it, and close the socket."""
        await self._wire.close(farewell=self._quit, release=self._release)

    def _quit(self) -> None:
        if self._client is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._client.quit()

    def _release(self) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def _ready(self) -> _Handed:
        assert self._client is not None, "reach() and secure() come first"  # noqa: S101 - a fault of ours
        return self._client

    async def _greet(self, connection: socket.socket) -> None:
        client = self._client = _Handed(connection, self._wire.name)

        def greeting() -> None:
            _expect(READY, *client.connect(self._wire.name, self._endpoint.port))
            _expect(OK, *client.ehlo())

        with asking("GREETING", protocol=Protocol.SMTP):
            await self._call(greeting)


def _literal(connection: socket.socket) -> str:
    """Return our own address as EHLO wants it (RFC 5321 section 4.1.3)."""
    address = str(connection.getsockname()[0])
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _authenticate(client: smtplib.SMTP, exchange: Exchange) -> None:
    """RFC 4954. smtplib's own writes ASCII only, and takes 503 (no login here) for a success."""
    unsaid = exchange.initial
    command = f"AUTH {exchange.name}"
    if unsaid is not None and len(whole := f"{command} {_written(unsaid) or '='}") <= LONGEST_COMMAND:
        command, unsaid = whole, None
    status, words = client.docmd(command)
    while status == CONTINUE:
        try:
            answer = exchange.answer(decoded(words)) if unsaid is None else unsaid
        except SaslError:
            client.docmd("*")
            raise
        unsaid = None
        status, words = client.docmd(_written(answer))
    if status != SIGNED_IN:
        raise told(exchange, _reply_error(status, words))
    exchange.conclude()


def _written(message: bytes) -> str:
    return b64encode(message).decode()


def _expect(wanted: int, status: int, words: bytes) -> None:
    if status != wanted:
        raise _reply_error(status, words)


@contextmanager
def _errors() -> Iterator[None]:
    """Turn what smtplib raises into MailError."""
    try:
        yield
    except SaslError as error:
        raise MailError(str(error), area=Area.POLICY) from None
    except smtplib.SMTPRecipientsRefused as error:
        raise _reply_error(*next(iter(error.recipients.values()))) from None
    except smtplib.SMTPResponseException as error:
        raise _reply_error(error.smtp_code, error.smtp_error) from None
    except smtplib.SMTPException as error:
        raise _library_error(error) from None
    except ssl.SSLError as error:
        raise MailError(error.reason or "TLS failed", area=Area.TLS, vendor_code=error.reason or "") from None
    except OSError as error:
        raise MailError(system_words(error), area=Area.TCP) from error
    except ValueError:  # an address beyond ASCII, and the server has no SMTPUTF8
        raise MailError("the address cannot be written to this server", area=Area.SMTP) from None


def _library_error(error: smtplib.SMTPException) -> MailError:
    """Return what the library says by itself as evidence. What it met on the network, it tells after its own words."""
    text = str(error)[:MOST_QUOTED]
    if not isinstance(error, smtplib.SMTPServerDisconnected):
        return MailError(text, area=Area.SMTP)
    return MailError(text.removeprefix("Connection unexpectedly closed: "), area=Area.TCP)


def _reply_error(status: int, words: bytes | str) -> MailError:
    """Return a reply as evidence: `535 5.7.8 Error: …` in one line, the enhanced status code apart (RFC 3463)."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    text = " ".join(text.split())
    first = text.partition(" ")[0]
    enhanced = first if first.count(".") == 2 and first.replace(".", "").isdigit() else ""  # noqa: PLR2004 - as in 5.7.8
    reply = f"{status} {text}" if status > 0 else f"no SMTP reply: {text}"
    return MailError(reply[:MOST_QUOTED], area=Area.SMTP, status=str(status), enhanced_code=enhanced)
