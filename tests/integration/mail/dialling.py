"""Dial a name from within a network namespace and say which address was connected to, and after how long."""

import asyncio
import sys
import time

from mailbox_operator.mail.dial import connect_tcp
from mailbox_operator.mail.guard import AddressPolicy, parse_networks


async def main(host: str, port: str, *allowed: str) -> None:
    began = time.monotonic()
    async with asyncio.timeout(40):
        connected = await connect_tcp(host, int(port), policy=AddressPolicy(allowed=parse_networks(allowed)))
    with connected:
        print(connected.getpeername()[0], round(time.monotonic() - began, 2))  # noqa: T201 - the answer


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
