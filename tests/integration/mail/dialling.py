"""Dial a name from within a network namespace and say which address was connected to, and after how long."""

import asyncio
import sys
import time

from mailbox_operator.fetcher.http.library import JudgedNetwork
from mailbox_operator.mail.dial import connect_tcp
from mailbox_operator.mail.guard import AddressPolicy, parse_networks


async def main(by: str, host: str, port: str, *allowed: str) -> None:
    began, policy = time.monotonic(), AddressPolicy(allowed=parse_networks(allowed))
    async with asyncio.timeout(40):
        if by == "library":
            stream = await JudgedNetwork(policy).connect_tcp(host, int(port))
            address = stream.get_extra_info("server_addr")[0]
            await stream.aclose()
        else:
            with await connect_tcp(host, int(port), policy=policy) as connected:
                address = connected.getpeername()[0]
    print(address, round(time.monotonic() - began, 2))  # noqa: T201 - the answer


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
