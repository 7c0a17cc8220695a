"""From a name to the addresses behind it that may be dialled: looked up once, and each judged."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from mailbox_operator.mail.errors import Area, MailError, system_words
from mailbox_operator.mail.guard import AddressPolicy, judge_address

MOST_ADDRESSES: Final = 16
"""Of one name; a DNS server could send hundreds."""

AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]


def read_address(host: str, port: int) -> list[AddressInfo] | None:
    """Return an address that needs nobody's answer. None: it is a name. Raises MailError, as `look_up`."""
    try:
        return _ask(host, port, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return None


def look_up(host: str, port: int) -> list[AddressInfo]:
    """Return what the system's resolver knows of a name; for a thread, which a silent DNS server blocks for long.

    Raises MailError: DNS, the name has no address.
    """
    try:
        return _ask(host, port, flags=0)
    except OSError as error:
        raise MailError(f"{host}: {system_words(error)}", area=Area.DNS) from error


def judge_addresses(found: Sequence[AddressInfo], *, host: str, policy: AddressPolicy) -> list[AddressInfo]:
    """Return those addresses of `host` that the policy lets us dial. Raises MailError: POLICY, it is none of them."""
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


def _ask(host: str, port: int, *, flags: int) -> list[AddressInfo]:
    try:
        return socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=flags)  # type: ignore[return-value]  # typeshed allows families that SOCK_STREAM has not
    except UnicodeError as error:
        raise MailError(f"{host}: {error}", area=Area.DNS) from error
