"""From a connection to a signed-in one, by IMAP: greeting, STARTTLS, the credential once."""

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from mailbox_operator.mail.connection import clean
from mailbox_operator.mail.credential import Credential, masked, require_sendable
from mailbox_operator.mail.endpoint import Endpoint, Protocol
from mailbox_operator.mail.errors import Area, MailError, SaslError, asking
from mailbox_operator.mail.imap.connection import ImapConnection, Reply, parse_reply
from mailbox_operator.mail.imap.mechanism import ASCII_ONLY, choose_for_imap
from mailbox_operator.mail.sasl import Exchange, begin, decoded

IDENTITY: Final = b'ID ("name" "mailbox-operator" "vendor" "mailbox-operator")'
CAPABILITY: Final = re.compile(rb"\* (?:(?:OK|PREAUTH) \[)?CAPABILITY ([^\]]*)", re.IGNORECASE)


async def greet(connection: ImapConnection) -> frozenset[str]:
    """Read the greeting; return the server's capabilities, in upper case. Raises MailError."""
    with asking("GREETING", protocol=Protocol.IMAP):
        greeting = await connection.greeting()
        reply = parse_reply(greeting[2:])
        if reply.status != "OK":  # PREAUTH would hide whose mailbox this is, and forbids STARTTLS
            raise reply.failed()
        return _capabilities([greeting]) or await _ask_capabilities(connection)


async def start_tls(connection: ImapConnection, offered: frozenset[str], endpoint: Endpoint) -> frozenset[str]:
    """Go on over TLS; return the capabilities within it. Raises MailError."""
    with asking("STARTTLS", protocol=Protocol.IMAP):
        if "STARTTLS" not in offered:
            raise MailError("STARTTLS not advertised", area=Area.STARTTLS)
        reply = await connection.send(b"STARTTLS")
        if reply.status != "OK":
            raise reply.failed(area=Area.STARTTLS)
        await connection.start_tls(endpoint)
        connection.take_untagged()
        return await _ask_capabilities(connection)  # those from before TLS mean nothing (RFC 9051 section 6.2.1)


async def sign_in(
    connection: ImapConnection,
    offered: frozenset[str],
    credential: Credential,
    *,
    endpoint: Endpoint,
    ahead: Sequence[bytes] = (),
) -> frozenset[str]:
    """Show the credential once, by the mechanism that fits; return the capabilities from then on.

    Args:
        connection: greeted, and secured as it is to be.
        offered: its capabilities.
        credential: what is shown.
        endpoint: whom it is shown to.
        ahead: commands that come first once signed in; they leave with the credential where that is one step.

    Raises:
        MailError: of a refused credential with the server's status.
    """
    with asking("AUTHENTICATE", protocol=Protocol.IMAP):
        try:
            require_sendable(credential)
            reply = await _show(connection, offered, credential, endpoint, ahead)
        except SaslError as error:
            raise MailError(str(error), area=Area.POLICY) from None
        except MailError as error:
            raise masked(error, credential) from None
        lines = connection.take_untagged()
        if reply.code.upper().startswith("CAPABILITY "):
            offered = frozenset(reply.code.upper().split()[1:])
        else:
            with asking("CAPABILITY", protocol=Protocol.IMAP):
                offered = _capabilities(lines) or await _ask_capabilities(connection)
        connection.put_back(_others(lines))
        return offered


async def _show(
    connection: ImapConnection,
    offered: frozenset[str],
    credential: Credential,
    endpoint: Endpoint,
    ahead: Sequence[bytes],
) -> Reply:
    """Return the OK. Raises SaslError and MailError."""
    name = choose_for_imap(credential, capabilities=offered, private=endpoint.is_private)
    if name is None:
        words = quoted(credential.username), quoted(credential.secret.reveal())
        running = connection.send(b"LOGIN %b %b" % words)
        _send_ahead(connection, offered, ahead)
        return _accepted(await running, refusal="")
    exchange = begin(name, credential, host=endpoint.host, port=endpoint.port)
    reply = await _authenticate(connection, exchange, offered, ahead)
    accepted = _accepted(reply, refusal=exchange.refusal)
    exchange.conclude()
    return accepted


def _send_ahead(connection: ImapConnection, offered: frozenset[str], ahead: Sequence[bytes]) -> None:
    """Send what comes first, with who asks (RFC 2971) before it: some refuse folders to the nameless."""
    if ahead and "ID" in offered:
        connection.send_ahead(IDENTITY)
    for command in ahead:
        connection.send_ahead(command)


def _accepted(reply: Reply, *, refusal: str) -> Reply:
    """Return the reply if it is OK. Raises MailError."""
    if reply.status == "OK":
        return reply
    error = reply.failed()
    raise error.with_text(f"{error.text}: {clean(refusal)}") if refusal else error


async def _authenticate(
    connection: ImapConnection, exchange: Exchange, offered: frozenset[str], ahead: Sequence[bytes]
) -> Reply:
    """The command AUTHENTICATE, with the initial response (RFC 4959) where the server takes it."""
    unsaid = exchange.initial
    command = f"AUTHENTICATE {exchange.name}".encode()
    if unsaid is not None and "SASL-IR" in offered:
        command, unsaid = command + b" " + (b64encode(unsaid) or b"="), None
    running = connection.send(command)
    if unsaid is None and exchange.name == "PLAIN":  # a mechanism that may ask back would take it for the answer
        _send_ahead(connection, offered, ahead)
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
    lines = connection.take_untagged()
    connection.put_back(_others(lines))
    return _capabilities(lines)


def _others(lines: list[bytes]) -> list[bytes]:
    """Return what says nothing of capabilities: the first of what was sent ahead."""
    return [line for line in lines if not CAPABILITY.match(line)]


def _capabilities(lines: list[bytes]) -> frozenset[str]:
    for line in lines:
        if found := CAPABILITY.match(line):
            return frozenset(found[1].decode("ascii", "replace").upper().split())
    return frozenset()
