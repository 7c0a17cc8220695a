"""When a group of messages is made durable; what a sink does besides is in the suite that all sinks run."""

import asyncio
from pathlib import Path

import pytest

from conformance.sink import Listener, octets_of, parcel
from mailbox_operator.fetcher.maildir.sink import HELD, MANY, PATIENCE, MaildirSink
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.plan import Identity, Maildir
from mailbox_operator.fetcher.sink import SinkContext
from mailbox_operator.mail.guard import AddressPolicy

GROUPS = 6


def make_sink(folder: Path, listener: Listener) -> MaildirSink:
    context = SinkContext(
        mailbox=Identity(uid="u", namespace="n", name="m", address="a@b.test"),
        policy=AddressPolicy(allowed=()),
        listener=listener,
        meter=Meter(),
        chance=lambda: 0.0,
    )
    return MaildirSink(Maildir(path=str(folder / "Maildir")), context)


async def test_the_last_of_many_does_not_wait_for_more(tmp_path: Path) -> None:
    """By the quickest of several groups: a busy machine makes each of them slower, and none quicker."""
    loop, listener, took = asyncio.get_running_loop(), Listener(), list[float]()
    async with asyncio.TaskGroup() as tasks:
        sink = make_sink(tmp_path, listener)
        sink.start(tasks)
        for group in range(GROUPS):
            began = loop.time()
            for uid in range(group * MANY + 1, (group + 1) * MANY + 1):
                sink.offer([parcel(octets_of(uid), uid=uid)])
            await listener.wait((group + 1) * MANY)
            took.append(loop.time() - began)
        sink.close()
    assert min(took[1:]) < PATIENCE / 2


@pytest.mark.parametrize("count", [3, HELD + 1])
async def test_nothing_but_repeats_lets_mail_in_again(tmp_path: Path, count: int) -> None:
    """They are told of without a group, whose end is what else looks whether there is room."""
    for life in ("the first delivers them", "the next meets them again"):
        listener = Listener()
        async with asyncio.TaskGroup() as tasks, asyncio.timeout(15):
            sink = make_sink(tmp_path, listener)
            for uid in range(1, count + 1):  # more than it holds, or before it is open: no more is wanted
                sink.offer([parcel(octets_of(uid), uid=uid)])
            assert listener.full
            sink.start(tasks)
            await listener.wait(count)
            while listener.full:
                listener.news.clear()
                await listener.news.wait()
            assert len(listener.delivered_keys) == count, life
            sink.close()
    assert len(list((tmp_path / "Maildir/new").iterdir())) == count
