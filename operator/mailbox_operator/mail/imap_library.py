"""imapclient on a socket of ours: bounded, quiet, signing in by any mechanism, its errors turned into MailError."""

import imaplib
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import imapclient
from imapclient.exceptions import IMAPClientError

from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.errors import Area, MailError, SaslError
from mailbox_operator.mail.folders import Folder
from mailbox_operator.mail.imap_mechanism import choose_for_imap
from mailbox_operator.mail.library_wire import READ_SECONDS
from mailbox_operator.mail.mailbox_name import encode_mailbox_name
from mailbox_operator.mail.sasl import Exchange, begin, told

LIBRARY_ERRORS: Final = (IMAPClientError, imaplib.IMAP4.error)
MOST_OCTETS: Final = 8 * 1024 * 1024
"""Of a whole session; the libraries believe whatever length a literal announces."""
MOST_QUOTED: Final = 512
"""Characters of a server's words that are kept as evidence."""
RESPONSE_CODE: Final = re.compile(r"\[([A-Z][A-Z0-9-]*)[^\]]*\]")  # RFC 9051 section 7.1
WRAPPED: Final = re.compile(r"""b(['"])(.*)\1""", re.DOTALL)
IDENTITY: Final = {"name": "mailbox-operator", "vendor": "mailbox-operator"}
ATOM: Final = re.compile(r"[!#$&'+-\[^-z|}~\]]+")  # ASTRING-CHAR (RFC 3501 section 9)


class Handed(imaplib.IMAP4):
    """imaplib on a socket that is already connected, reading so much and no more."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._handed = connection
        self._left = MOST_OCTETS
        super().__init__(host)

    def _create_socket(self, _timeout: float | None) -> socket.socket:
        return self._handed

    def read(self, size: int) -> bytes:
        """Read octets of a literal."""
        self._take(size)
        return super().read(size)

    def readline(self) -> bytes:
        """Read a line."""
        line = super().readline()
        self._take(len(line))
        return line

    def _take(self, octets: int) -> None:
        self._left -= octets
        if self._left < 0:
            raise imaplib.IMAP4.abort(f"the server sent more than {MOST_OCTETS} octets")


class Client(imapclient.IMAPClient):  # type: ignore[misc]  # the library is untyped
    """imapclient on top of it."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._connected = connection
        super().__init__(host, ssl=False, timeout=READ_SECONDS)
        self.normalise_times = False  # else they lose their zone
        self._imap.debug = 0  # the library sets 5 and formats every line for its logger

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - the library's name
        self.handed = Handed(self._connected, self.host)
        return self.handed


def sign_in(client: Client, credential: Credential, *, host: str, port: int, private: bool) -> None:
    """Show a credential once, by the mechanism that fits, and tell who we are where the server wants to know. Raises MailError, SaslError, and what imapclient raises."""
    capabilities = {str(one, "ascii", "replace").upper() for one in client.capabilities()}
    name = choose_for_imap(credential, capabilities=capabilities, private=private)
    if name is None:
        client.login(astring(credential.username), credential.secret.reveal())
    else:
        _authenticate(client, begin(name, credential, host=host, port=port))
    if client.has_capability("ID"):  # RFC 2971; some refuse folders to the nameless
        with suppress(IMAPClientError):  # a server that minds says so at the next command
            client.id_(IDENTITY)


def list_folders(client: Client) -> list[Folder]:
    """Return all folders, with their special uses where the server tells them (RFC 6154). Raises what imapclient raises."""
    extended = client.has_capability("LIST-EXTENDED") and client.has_capability("SPECIAL-USE")
    status, rows = client._imap.list('""', '"*" RETURN (SPECIAL-USE)' if extended else '"*"')  # noqa: SLF001 - the library's own cannot ask for uses
    client._checkok("LIST", status, rows)  # noqa: SLF001 - as its own does
    return [
        Folder(
            name=str(name),
            wire=encode_mailbox_name(str(name)),
            delimiter=delimiter.decode("ascii", "replace") if delimiter else "",
            attributes=frozenset(flag.decode("ascii", "replace").upper() for flag in flags),
        )
        for flags, delimiter, name in client._proc_folder_list(rows)  # noqa: SLF001 - as its own does
    ]


def astring(text: str) -> str:
    """Return a user name as an argument of LOGIN (RFC 3501 section 9): an atom as it is, else quoted; imaplib does neither."""
    return text if ATOM.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _authenticate(client: Client, exchange: Exchange) -> None:
    """The command AUTHENTICATE; the library knows no initial response (RFC 4959)."""
    unsaid = exchange.initial
    fault: SaslError | None = None

    def answer(challenge: bytes) -> bytes | None:
        nonlocal unsaid, fault
        said, unsaid = unsaid, None
        if said is not None:
            return said
        try:
            return exchange.answer(challenge)
        except SaslError as error:
            fault = error
            return None  # the library breaks the exchange off

    try:
        client.sasl_login(exchange.name, answer)
    except IMAPClientError as error:
        raise fault or told(exchange, mail_error(error)) from None
    exchange.conclude()


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the libraries raise into MailError."""
    try:
        yield
    except LIBRARY_ERRORS as error:
        raise mail_error(error) from None  # the library's exception may quote what was sent
    except SaslError as error:
        raise MailError(str(error), area=Area.POLICY) from None
    except ssl.SSLError as error:
        raise MailError(error.reason or "TLS failed", area=Area.TLS, vendor_code=error.reason or "") from None
    except OSError as error:
        raise MailError(str(error), area=Area.TCP) from error
    except (ValueError, AssertionError) as error:  # imapclient's parser and imaplib, of what is no IMAP
        raise MailError(f"not understood: {type(error).__name__}", area=Area.IMAP) from None


def mail_error(error: Exception) -> MailError:
    """Return the server's own words out of a library's exception."""
    text = str(error)
    if inner := WRAPPED.search(text):
        text = inner[2]
    code = RESPONSE_CODE.search(text)
    return MailError(text[:MOST_QUOTED] or "no IMAP response", area=Area.IMAP, response_code=code[1] if code else "")
