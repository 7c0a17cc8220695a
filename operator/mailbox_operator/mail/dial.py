"""The one dialler: resolve once, judge every address, connect to one that was judged. The deadline is the caller's."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from aiohappyeyeballs import start_connection

from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import AddressPolicy, judge_address

HAPPY_EYEBALLS_DELAY: Final = 0.25
"""Seconds before the next address is tried too (RFC 8305 section 5)."""
MOST_ADDRESSES: Final = 16
"""Of one name; a DNS server could send hundreds."""
RESOLVERS: Final = 32

AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]


@lru_cache(maxsize=1)
def _resolvers() -> ThreadPoolExecutor:
    """Threads for look-ups alone: a name whose servers are silent holds one for half a minute, whatever our deadline."""
    return ThreadPoolExecutor(max_workers=RESOLVERS, thread_name_prefix="resolve")


async def resolve_checked(host: str, port: int, *, policy: AddressPolicy) -> list[AddressInfo]:
    """Return the addresses of `host` that the policy lets us dial.

    Raises:
        MailError: DNS, the name has no address; POLICY, none of its addresses may be dialled.
    """

    def look_up() -> list[AddressInfo]:
        return socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)  # type: ignore[return-value]  # typeshed allows families that SOCK_STREAM has not

    try:
        found = await asyncio.get_running_loop().run_in_executor(_resolvers(), look_up)
    except (OSError, UnicodeError) as error:
        raise MailError(f"{host}: {error}", area=Area.DNS) from error
    willing: list[AddressInfo] = []
    refusals = []
    for info in found[:MOST_ADDRESSES]:
        refusal = judge_address(ip_address(str(info[4][0]).partition("%")[0]), host=host, policy=policy)
        if refusal:
            refusals.append(refusal)
        else:
            willing.append(info)
    if not willing:
        raise MailError(f"forbidden address: {min(refusals)}", area=Area.POLICY)  # DNS shuffles, a message must not
    return willing


async def connect_tcp(host: str, port: int, *, policy: AddressPolicy) -> socket.socket:
    """Return a connected, non-blocking socket with TCP_NODELAY set.

    Raises:
        MailError: as `resolve_checked`; TCP, no address answered.
    """
    willing = await resolve_checked(host, port, policy=policy)
    try:
        connected = await start_connection(willing, happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY, interleave=1)
    except OSError as error:
        raise MailError(f"{host} port {port}: {error}", area=Area.TCP) from error
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected
