"""The one dialler: resolve once, judge every address, connect to one that was judged, speak over TLS. The deadline is the caller's."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from aiohappyeyeballs import start_connection

from mailbox_operator.mail.errors import Area, MailError, system_words
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.resolve import AddressInfo, judge_addresses, look_up, read_address
from mailbox_operator.mail.tls import tls_error

HAPPY_EYEBALLS_DELAY: Final = 0.25
"""Seconds before the next address is tried too (RFC 8305 section 5)."""
RESOLVERS: Final = 32

Spoken = TypeVar("Spoken", bound=asyncio.BaseProtocol)


@lru_cache(maxsize=1)
def _resolvers() -> ThreadPoolExecutor:
    """Threads for look-ups alone: a name whose servers are silent holds one for half a minute, whatever our deadline."""
    return ThreadPoolExecutor(max_workers=RESOLVERS, thread_name_prefix="resolve")


async def resolve_checked(host: str, port: int, *, policy: AddressPolicy) -> list[AddressInfo]:
    """Return the addresses of `host` that the policy lets us dial. Raises MailError, as `mail.resolve`."""
    found = read_address(host, port)
    if found is None:
        found = await asyncio.get_running_loop().run_in_executor(_resolvers(), look_up, host, port)
    return judge_addresses(found, host=host, policy=policy)


async def connect_tcp(host: str, port: int, *, policy: AddressPolicy) -> socket.socket:
    """Return a connected, non-blocking socket with TCP_NODELAY set.

    Raises:
        MailError: as `resolve_checked`; TCP, no address answered.
    """
    willing = await resolve_checked(host, port, policy=policy)
    try:
        connected = await start_connection(willing, happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY, interleave=1)
    except OSError as error:
        raise MailError(f"{host} port {port}: {system_words(error)}", area=Area.TCP) from error
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


class Tls(NamedTuple):
    """How a connection is secured."""

    context: ssl.SSLContext
    server_name: str
    """What the certificate must be for."""


async def dial(create: Callable[[], Spoken], host: str, port: int, *, policy: AddressPolicy, tls: Tls | None) -> Spoken:
    """Return a connected protocol, with `tls` after the handshake. Raises MailError."""
    return await speak(create, await connect_tcp(host, port, policy=policy), tls=tls, host=host)


async def speak(create: Callable[[], Spoken], connected: socket.socket, *, tls: Tls | None, host: str) -> Spoken:
    """Return a protocol on a connected socket, with `tls` after the handshake. Raises MailError."""
    try:  # whatever happens from here on, asyncio closes the socket
        _, protocol = await asyncio.get_running_loop().create_connection(
            create, sock=connected, ssl=tls.context if tls else None, server_hostname=tls.server_name if tls else None
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
