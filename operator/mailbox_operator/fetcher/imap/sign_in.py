"""From nothing to a signed-in IMAP connection: greeting, STARTTLS as asked, the credential once."""

import re
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailbox_operator.fetcher.imap.connection import ImapConnection, Reply, parse_reply
from mailbox_operator.fetcher.mail_connection import clean, connect
from mailbox_operator.fetcher.plan import Source
from mailbox_operator.fetcher.source import LoginRefusedError
from mailbox_operator.mail.credential import Credential, masked, require_sendable
from mailbox_operator.mail.endpoint import Protocol, Security
from mailbox_operator.mail.errors import Area, MailError, SaslError, asking
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.imap_mechanism import ASCII_ONLY, choose_for_imap
from mailbox_operator.mail.sasl import Exchange, begin, decoded
from mailbox_operator.mail.secret import Secret

TEMPORARY: Final = frozenset({"UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT"})
"""Codes (RFC 5530, RFC 9051) of a NO that says nothing of the credential."""
IDENTITY: Final = b'ID ("name" "mailbox-operator" "vendor" "mailbox-operator")'
CAPABILITY: Final = re.compile(rb"\* (?:(?:OK|PREAUTH) \[)?CAPABILITY ([^\]]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where and how to sign in."""

    source: Source
    policy: AddressPolicy
    max_message: int
    spool_folder: Path
    ahead: tuple[bytes, ...] = ()
    """Commands that come first once signed in; they leave with the credential where that is one step."""


async def open_imap(door: Door, password: Secret) -> tuple[ImapConnection, frozenset[str]]:
    """Return a signed-in connection and the server's capabilities, in upper case. The deadline is the caller's.

    Raises:
        LoginRefusedError: the server refused the credential.
        MailError: anything else.
    """
    with asking("CONNECT", protocol=Protocol.IMAP):
        connection = await connect(
            lambda: ImapConnection(max_message=door.max_message, spool_folder=door.spool_folder),
            door.source,
            policy=door.policy,
        )
    try:
        with asking("GREETING", protocol=Protocol.IMAP):
            offered = await _greet(connection)
        if door.source.security is Security.START_TLS:
            with asking("STARTTLS", protocol=Protocol.IMAP):
                offered = await _start_tls(connection, offered, door.source)
        with asking("AUTHENTICATE", protocol=Protocol.IMAP):
            offered = await _sign_in(connection, offered, door, password)
    except BaseException:
        connection.close()
        await connection.wait_closed()
        raise
    return connection, offered


async def _greet(connection: ImapConnection) -> frozenset[str]:
    greeting = await connection.greeting()
    reply = parse_reply(greeting[2:])
    if reply.status != "OK":  # PREAUTH would hide whose mailbox this is, and forbids STARTTLS
        raise reply.failed()
    return _capabilities([greeting]) or await _ask_capabilities(connection)


async def _start_tls(connection: ImapConnection, offered: frozenset[str], source: Source) -> frozenset[str]:
    if "STARTTLS" not in offered:
        raise MailError("the server does not offer STARTTLS", area=Area.STARTTLS)
    reply = await connection.send(b"STARTTLS")
    if reply.status != "OK":
        raise MailError(reply.text, area=Area.STARTTLS, status=reply.status, response_code=reply.code)
    await connection.start_tls(source)
    connection.take_untagged()
    return await _ask_capabilities(connection)  # those from before TLS mean nothing (RFC 9051 section 6.2.1)


async def _sign_in(connection: ImapConnection, offered: frozenset[str], door: Door, password: Secret) -> frozenset[str]:
    source = door.source
    credential = Credential(username=source.username, secret=password, mechanism=source.mechanism)
    try:
        require_sendable(credential)
        reply = await _show(connection, offered, door, credential)
    except SaslError as error:
        raise MailError(str(error), area=Area.POLICY) from None
    except MailError as error:
        raise masked(error, credential) from None
    lines = connection.take_untagged()
    if reply.code.upper().startswith("CAPABILITY "):
        offered = frozenset(reply.code.upper().split()[1:])
    else:
        offered = _capabilities(lines) or await _ask_capabilities(connection)
    connection.put_back([line for line in lines if not CAPABILITY.match(line)])  # the first of what was sent ahead
    return offered


async def _show(connection: ImapConnection, offered: frozenset[str], door: Door, credential: Credential) -> Reply:
    """Show the credential once, by the mechanism that fits; return the OK. Raises SaslError and MailError."""
    source = door.source
    private = source.security is not Security.NONE and not source.insecure_skip_verify
    name = choose_for_imap(credential, capabilities=offered, private=private)
    if name is None:
        words = quoted(credential.username), quoted(credential.secret.reveal())
        running = connection.send(b"LOGIN %b %b" % words)
        _send_ahead(connection, offered, door)
        return _accepted(await running, refusal="")
    exchange = begin(name, credential, host=source.host, port=source.port)
    reply = await _authenticate(connection, exchange, offered, door)
    accepted = _accepted(reply, refusal=exchange.refusal)
    exchange.conclude()
    return accepted


def _send_ahead(connection: ImapConnection, offered: frozenset[str], door: Door) -> None:
    """Send what comes first, with who asks (RFC 2971) before it: some refuse folders to the nameless."""
    if door.ahead and "ID" in offered:
        connection.send_ahead(IDENTITY)
    for command in door.ahead:
        connection.send_ahead(command)


def _accepted(reply: Reply, *, refusal: str) -> Reply:
    """Return the reply if it is OK. Raises LoginRefusedError, MailError."""
    if reply.status == "OK":
        return reply
    error = reply.failed()
    if refusal:
        error = error.with_text(f"{error.text}: {clean(refusal)}")
    if reply.status == "NO" and reply.code.upper().partition(" ")[0] not in TEMPORARY:
        raise LoginRefusedError(error.text, area=Area.IMAP, status=reply.status, response_code=reply.code)
    raise error


async def _authenticate(connection: ImapConnection, exchange: Exchange, offered: frozenset[str], door: Door) -> Reply:
    """The command AUTHENTICATE, with the initial response (RFC 4959) where the server takes it."""
    unsaid = exchange.initial
    command = f"AUTHENTICATE {exchange.name}".encode()
    if unsaid is not None and "SASL-IR" in offered:
        command, unsaid = command + b" " + (b64encode(unsaid) or b"="), None
    running = connection.send(command)
    if unsaid is None and exchange.name == "PLAIN":  # a mechanism that may ask back would take it for the answer
        _send_ahead(connection, offered, door)
    while (challenge := await connection.continuation(running)) is not None:
        try:
            said = exchange.answer(decoded(challenge)) if unsaid is None else unsaid
        except SaslError:
            connection.write(b"*\r\n")
            await running
            raise
        unsaid = None
        connection.write(b64encode(said) + b"\r\n")
    return await running


def quoted(text: str) -> bytes:
    """Write an astring (RFC 9051 section 4.3). Raises MailError: it cannot be a quoted string."""
    if not text.isascii() or any(character in text for character in "\r\n\0"):
        raise MailError(ASCII_ONLY, area=Area.POLICY)
    return b'"%b"' % text.replace("\\", "\\\\").replace('"', '\\"').encode()


async def _ask_capabilities(connection: ImapConnection) -> frozenset[str]:
    reply = await connection.send(b"CAPABILITY")
    if reply.status != "OK":
        raise reply.failed()
    return _capabilities(connection.take_untagged())


def _capabilities(lines: list[bytes]) -> frozenset[str]:
    for line in lines:
        if found := CAPABILITY.match(line):
            return frozenset(found[1].decode("ascii", "replace").upper().split())
    return frozenset()
