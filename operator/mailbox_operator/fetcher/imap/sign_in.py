"""From nothing to a signed-in IMAP connection over which messages come."""

from pathlib import Path
from typing import Final

from mailbox_operator.fetcher.imap.connection import FetchConnection
from mailbox_operator.fetcher.mounted_tls import endpoint_of
from mailbox_operator.fetcher.plan import Source
from mailbox_operator.fetcher.source import refused
from mailbox_operator.mail.connection import connect
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Protocol, Security
from mailbox_operator.mail.errors import MailError, asking
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.head_start import HeadStart
from mailbox_operator.mail.imap.sign_in import greet, sign_in, start_tls
from mailbox_operator.mail.secret import Secret
from mailbox_operator.values import dataclass

TEMPORARY: Final = frozenset({"UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT"})
"""Codes (RFC 5530, RFC 9051) of a NO that says nothing of the credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where and how to sign in."""

    source: Source
    policy: AddressPolicy
    max_message: int
    spool_folder: Path
    ahead: tuple[bytes, ...] = ()
    """As in `mail.imap.sign_in.sign_in`."""
    head_start: HeadStart | None = None


async def open_imap(door: Door, password: Secret) -> tuple[FetchConnection, frozenset[str]]:
    """Return a signed-in connection and the server's capabilities, in upper case. The deadline is the caller's.

    Raises:
        LoginRefusedError: the server refused the credential.
        MailError: anything else.
    """
    source = door.source
    credential = Credential(username=source.username, secret=password, mechanism=source.mechanism)
    with asking("CONNECT", protocol=Protocol.IMAP):
        endpoint = endpoint_of(source)
        connection = await connect(
            lambda: FetchConnection(max_message=door.max_message, spool_folder=door.spool_folder),
            endpoint,
            policy=door.policy,
            head_start=door.head_start,
        )
    try:
        offered = await greet(connection)
        if endpoint.security is Security.START_TLS:
            offered = await start_tls(connection, offered, endpoint)
        offered = await sign_in(connection, offered, credential, endpoint=endpoint, ahead=door.ahead)
    except BaseException as error:
        connection.close()
        await connection.wait_closed()
        if isinstance(error, MailError) and _is_refusal(error):
            raise refused(error) from None
        raise
    return connection, offered


def _is_refusal(error: MailError) -> bool:
    return error.command == "AUTHENTICATE" and error.status == "NO" and error.response_code not in TEMPORARY
