"""From an address to a protocol of ours on an open connection, in the clear or over TLS. The deadline is the caller's."""

import asyncio
import ssl
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from mailbox_operator.mail.dial import connect_tcp
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.tls import tls_error

Spoken = TypeVar("Spoken", bound=asyncio.BaseProtocol)


class Tls(NamedTuple):
    """How a connection is secured."""

    context: ssl.SSLContext
    server_name: str
    """What the certificate must be for."""


async def dial(create: Callable[[], Spoken], host: str, port: int, *, policy: AddressPolicy, tls: Tls | None) -> Spoken:
    """Return a connected protocol, with `tls` after the handshake. Raises MailError."""
    sock = await connect_tcp(host, port, policy=policy)
    try:  # whatever happens from here on, asyncio closes the socket
        _, protocol = await asyncio.get_running_loop().create_connection(
            create, sock=sock, ssl=tls.context if tls else None, server_hostname=tls.server_name if tls else None
        )
    except OSError as error:  # TLS faults are OSErrors too
        raise tls_error(error, host=host) from error
    return protocol


async def start_tls(
    protocol: asyncio.BaseProtocol, transport: asyncio.Transport, *, tls: Tls, host: str
) -> asyncio.Transport:
    """Return the transport that secures `transport`; if that fails, the protocol is told that its connection is lost.

    Raises MailError.
    """
    loop = asyncio.get_running_loop()
    try:
        secured = await loop.start_tls(transport, protocol, tls.context, server_hostname=tls.server_name)
    except BaseException as error:
        transport.abort()
        loop.call_soon(protocol.connection_lost, None)  # after a handshake that was broken off, asyncio does not say it
        if isinstance(error, OSError):
            raise tls_error(error, host=host) from error
        raise
    if secured is None:
        raise MailError("connection lost during the TLS handshake", area=Area.TCP)
    return secured
