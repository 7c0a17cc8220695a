"""An SMTP submission session (RFC 6409) for proving, by smtplib."""

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from typing import Final, TypeVar

from mailbox_operator.mail.blocking import close, in_thread
from mailbox_operator.mail.dial import connect_tcp
from mailbox_operator.mail.endpoint import Endpoint, Security
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.secret import Secret
from mailbox_operator.mail.tls import Negotiated, client_context, negotiated, tls_error

T = TypeVar("T")

READ_SECONDS: Final = 60.0
READY: Final = 220  # RFC 5321 section 4.2
OK: Final = 250


class _Handed(smtplib.SMTP):
    """smtplib on a socket that is already connected."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        # The name in EHLO: an address literal (RFC 5321 section 4.1.3); asking DNS for our own name can take seconds.
        super().__init__(local_hostname=f"[{connection.getsockname()[0]}]", timeout=READ_SECONDS)
        self._handed = connection
        self._host = host

    def _get_socket(self, _host: str, _port: int, _timeout: float) -> socket.socket:
        return self._handed


class SmtpSession:
    """Call `reach`, `secure`, `sign_in`, then the rest; `close` in any case. All raise MailError."""

    def __init__(self, endpoint: Endpoint, *, policy: AddressPolicy) -> None:
        self._endpoint = endpoint
        self._policy = policy
        self._socket: socket.socket | None = None
        self._client: _Handed | None = None
        self._name = endpoint.tls.server_name or endpoint.host.strip("[]")

    async def reach(self) -> None:
        """Connect, and read greeting and EHLO where they come before TLS."""
        self._socket = await connect_tcp(self._endpoint.host, self._endpoint.port, policy=self._policy)
        self._socket.settimeout(READ_SECONDS)
        if self._endpoint.security is not Security.TLS:
            await self._greet(self._socket)

    async def secure(self) -> Negotiated | None:
        """Speak TLS as asked, never less. Returns what was negotiated; None where no TLS is asked for."""
        context = client_context(self._endpoint.tls)
        connection = self._connection
        if self._endpoint.security is Security.NONE:
            return None
        try:
            if self._endpoint.security is Security.TLS:
                secured = await in_thread(
                    lambda: context.wrap_socket(connection, server_hostname=self._name), connection=connection
                )
            else:
                secured = await self._start_tls(context, connection)
        except (ssl.SSLError, OSError) as error:
            raise tls_error(error, host=self._name) from error
        self._socket = secured
        if self._endpoint.security is Security.TLS:
            await self._greet(secured)
        return negotiated(secured)

    async def sign_in(self, username: str, password: Secret, *, mechanism: str | None) -> None:
        """Sign in once, by one mechanism: a library that tries all of them makes a wrong password count thrice."""
        client = self._ready

        def auth() -> None:
            client.ehlo_or_helo_if_needed()
            offered = client.esmtp_features.get("auth", "").upper().split()
            client.user, client.password = username, password.reveal()
            try:
                if mechanism == "Login" or (mechanism is None and "PLAIN" not in offered and "LOGIN" in offered):
                    client.auth("LOGIN", client.auth_login)
                else:
                    client.auth("PLAIN", client.auth_plain)
            finally:
                del client.user, client.password

        await self._call(auth)

    async def judge_sender(self, address: str, *, recipient: str) -> None:
        """Prove that `address` may be a reverse path here, without sending: MAIL FROM, RCPT TO, then RSET.

        Servers that delay their refusals (Postfix does) judge the sender only when they hear a recipient.
        """
        client = self._ready

        def envelope() -> None:
            _expect_ok(*client.mail(address))
            _expect_ok(*client.rcpt(recipient))
            client.rset()

        await self._call(envelope)

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        """Send a message."""
        await self._call(lambda: self._ready.send_message(message, from_addr=sender, to_addrs=[recipient]))

    async def close(self) -> None:
        """Say good-bye without waiting long, and close the socket."""
        if self._socket is not None:
            if self._client is not None:
                with suppress(OSError):  # a cancelled call has closed it
                    self._socket.settimeout(1)
                with suppress(MailError):  # the server need not answer
                    await self._call(self._client.quit)
                self._client.close()
            close(self._socket)

    @property
    def _connection(self) -> socket.socket:
        assert self._socket is not None, "reach() comes first"  # noqa: S101 - a fault of ours
        return self._socket

    @property
    def _ready(self) -> _Handed:
        assert self._client is not None, "reach() and secure() come first"  # noqa: S101 - a fault of ours
        return self._client

    async def _start_tls(self, context: ssl.SSLContext, connection: socket.socket) -> ssl.SSLSocket:
        client = self._ready

        def starttls() -> ssl.SSLSocket:
            if not client.has_extn("starttls"):
                raise MailError("STARTTLS not advertised", area=Area.STARTTLS)
            with _errors(tls=True):
                client.starttls(context=context)
            assert isinstance(client.sock, ssl.SSLSocket)  # noqa: S101 - smtplib has just made it
            client.ehlo()
            return client.sock

        return await in_thread(starttls, connection=connection)

    async def _greet(self, connection: socket.socket) -> None:
        client = self._client = _Handed(connection, self._name)

        def greeting() -> None:
            status, words = client.connect(self._name, self._endpoint.port)
            if status != READY:
                raise _reply_error(status, words)
            _expect_ok(*client.ehlo())

        with _errors():
            await in_thread(greeting, connection=connection)

    async def _call(self, function: Callable[[], T]) -> T:
        with _errors():
            return await in_thread(function, connection=self._connection)


def _expect_ok(status: int, words: bytes) -> None:
    if status != OK:
        raise _reply_error(status, words)


@contextmanager
def _errors(*, tls: bool = False) -> Iterator[None]:
    """Turn what smtplib raises into MailError; with `tls`, leave handshake errors to the caller."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        raise _reply_error(*next(iter(error.recipients.values()))) from None
    except smtplib.SMTPResponseException as error:
        raise _reply_error(error.smtp_code, error.smtp_error) from None
    except smtplib.SMTPException as error:
        raise MailError(str(error)[:512], area=Area.SMTP) from None
    except OSError as error:
        if tls:
            raise
        raise MailError(str(error), area=Area.TCP) from error


def _reply_error(status: int, words: bytes | str) -> MailError:
    """Return a reply as evidence: `535 5.7.8 Error: …` in one line, the enhanced status code apart (RFC 3463)."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    text = " ".join(text.split())
    first = text.partition(" ")[0]
    enhanced = first if first.count(".") == 2 and first.replace(".", "").isdigit() else ""  # noqa: PLR2004 - as in 5.7.8
    reply = f"{status} {text}" if status > 0 else text
    return MailError(reply[:512], area=Area.SMTP, status=str(status), code=enhanced)
