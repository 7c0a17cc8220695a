"""When a group of messages is made durable; what a sink does besides is in the suite that all sinks run."""

import asyncio
from pathlib import Path

from conformance.sink import Listener, octets_of, parcel
from mailbox_operator.fetcher.maildir.sink import MANY, PATIENCE, MaildirSink
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.plan import Identity, Maildir
from mailbox_operator.fetcher.sink import SinkContext
from mailbox_operator.mail.guard import AddressPolicy

GROUPS = 6


async def test_the_last_of_many_does_not_wait_for_more(tmp_path: Path) -> None:
    """By the quickest of several groups: a busy machine makes each of them slower, and none quicker."""
    loop, listener, took = asyncio.get_running_loop(), Listener(), list[float]()
    async with asyncio.TaskGroup() as tasks:
        sink = MaildirSink(
            Maildir(path=str(tmp_path / "Maildir")),
            SinkContext(
                mailbox=Identity(uid="u", namespace="n", name="m", address="a@b.test"),
                policy=AddressPolicy(allowed=()),
                listener=listener,
                meter=Meter(),
                chance=lambda: 0.0,
            ),
        )
        sink.start(tasks)
        for group in range(GROUPS):
            began = loop.time()
            for uid in range(group * MANY + 1, (group + 1) * MANY + 1):
                sink.offer([parcel(octets_of(uid), uid=uid)])
            await listener.wait((group + 1) * MANY)
            took.append(loop.time() - began)
        sink.close()
    assert min(took[1:]) < PATIENCE / 2
