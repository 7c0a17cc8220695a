"""Addresses of this machine's own for a test's servers: not loopback to anybody who dials them, and with the usual ports free."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

NETWORK: Final = "10.99"
"""Private, and none of the development cluster's."""
MOST: Final = 127
"""Addresses of one holder; those from NETWORK.x.128 on are a namespace's (`wire.py`)."""


def taken() -> set[str]:
    """Return the addresses that this machine has."""
    shown = subprocess.run(["ip", "-json", "address"], capture_output=True, text=True, check=True).stdout
    return {one["local"] for link in json.loads(shown) for one in link["addr_info"]}


def add_address(wanted: str) -> None:
    """Give this machine an address. Raises CalledProcessError: not root."""
    subprocess.run(["ip", "address", "add", f"{wanted}/32", "dev", "lo"], check=True, capture_output=True)


def remove_address(address: str) -> None:
    """Take an address away that `add_address` has given."""
    subprocess.run(["ip", "address", "delete", f"{address}/32", "dev", "lo"], check=True, capture_output=True)


@contextmanager
def addresses_of_their_own(count: int) -> Iterator[list[str]]:
    """Hold the first addresses of the first part of `NETWORK` that nobody has."""
    assert count <= MOST
    part = _claim_part()
    held = [f"{part}.1"]
    try:
        for number in range(2, count + 1):
            add_address(f"{part}.{number}")
            held.append(f"{part}.{number}")
        yield held
    finally:
        for address in held:
            remove_address(address)


def _claim_part() -> str:
    """Take the first address of a part, which keeps others off the rest; another test run may be a moment before us."""
    while True:
        used = taken()
        part = next(one for number in range(1, 255) if f"{(one := f'{NETWORK}.{number}')}.1" not in used)
        try:
            add_address(f"{part}.1")
        except subprocess.CalledProcessError:
            if f"{part}.1" not in taken():
                raise
        else:
            return part


@contextmanager
def address_of_its_own() -> Iterator[str]:
    """Hold one."""
    with addresses_of_their_own(1) as (address,):
        yield address
