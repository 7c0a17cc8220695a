"""Messages that a maildrop does not hand out: tried again, given up, and asked for once more."""

from dataclasses import replace
from pathlib import Path

from conformance.source import EVERYTHING, Rig, octets_of
from mailbox_operator.fetcher.pop3 import download
from unit.fetcher.pop3.visiting import fetch, serving, try_to_fetch
from unit.fetcher.pop3_server import Pop3Server

REMOVING = replace(EVERYTHING, leave_on_server=False)


async def test_a_store_that_is_away_for_a_while_costs_no_message_its_tries(tmp_path: Path) -> None:
    server = Pop3Server(broken_words=b"[SYS/TEMP] the store is away")
    server.broken.add(server.put(octets_of(1)))
    checkpoint: str | None = None
    for _ in range(6):
        rig, finding = await try_to_fetch(server, tmp_path, checkpoint=checkpoint)
        assert finding is not None
        checkpoint = rig.checkpoint.to_json()
    server.broken.clear()
    rig = await fetch(server, tmp_path, checkpoint=checkpoint)
    assert (len(rig.bodies), rig.checkpoint.quarantine.count) == (1, 0)


async def test_a_message_that_the_server_never_hands_out_is_given_up_and_stops_nobody(tmp_path: Path) -> None:
    server = Pop3Server()
    server.broken.add(server.put(octets_of(1)))
    server.put(octets_of(2))
    checkpoint: str | None = None
    for _ in range(2):
        rig, finding = await try_to_fetch(server, tmp_path, checkpoint=checkpoint)
        assert finding is not None
        checkpoint = rig.checkpoint.to_json()
    rig = await fetch(server, tmp_path, checkpoint=checkpoint)
    assert rig.checkpoint.quarantine.count == 1
    assert "cannot read it" in rig.checkpoint.quarantine.last


async def test_a_message_at_which_the_connection_ends_each_time_is_given_up_and_stops_nobody(tmp_path: Path) -> None:
    server = Pop3Server(tears=b"RETR 2")
    sent = [octets_of(number) for number in range(1, 6)]
    for octets in sent:
        server.put(octets)
    async with serving(server, tmp_path) as plan:
        rig = Rig(plan)
        for _ in range(download.TORN):
            assert await rig.once() is not None
        assert await rig.once() is None
    assert rig.bodies == [sent[0], *sent[2:]]
    assert "u2: The connection ends each time" in rig.checkpoint.quarantine.last


async def test_a_message_that_was_given_up_comes_when_somebody_asks_for_it(tmp_path: Path) -> None:
    server = Pop3Server()
    server.put(octets_of(1))
    server.put(octets_of(2))
    async with serving(server, tmp_path) as plan:
        first = Rig(plan, fetch=REMOVING)
        first.sink.refuses = lambda message: message.message_id == b"<1@x>"
        await first.once()
        first.checkpoint.folders["INBOX"].reopen(["u1"])
        second = Rig(plan, fetch=REMOVING, checkpoint=first.checkpoint.to_json())
        assert await second.once() is None
    assert second.bodies == [octets_of(1)]
    assert server.messages == {}
