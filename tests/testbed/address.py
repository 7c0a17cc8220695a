"""An address of this machine's own for a test's servers: not loopback to anybody who dials it, and with the usual ports free."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

NETWORK: Final = "10.99"
"""Private, and none of the development cluster's."""


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
def address_of_its_own() -> Iterator[str]:
    """Hold the first address of `NETWORK` that nobody has."""
    used = taken()
    wanted = next(one for number in range(1, 255) if (one := f"{NETWORK}.{number}.1") not in used)
    add_address(wanted)
    try:
        yield wanted
    finally:
        remove_address(wanted)
