"""What a visit to a maildrop does, and does not do, against a small server."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.source import EVERYTHING, Rig, octets_of
from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.pop3 import session
from mailbox_operator.fetcher.pop3.ledger import Pop3Ledger, hash_uidl
from unit.fetcher.peer import playing
from unit.fetcher.pop3.visiting import fetch, serving, try_to_fetch
from unit.fetcher.pop3_server import Pop3Server

REMOVING = replace(EVERYTHING, leave_on_server=False)


async def test_messages_are_asked_for_many_at_a_time_in_the_order_of_the_server(tmp_path: Path) -> None:
    server = Pop3Server()
    sent = [octets_of(number) for number in range(250)]
    for octets in sent:
        server.put(octets)
    rig = await fetch(server, tmp_path)
    assert rig.bodies == sent
    assert [command for command in server.commands if command.startswith(b"RETR")][-1] == b"RETR 250"


async def test_a_server_that_takes_one_command_at_a_time_gets_one_at_a_time(tmp_path: Path) -> None:
    server = Pop3Server(capabilities=())
    sent = [octets_of(number) for number in range(5)]
    for octets in sent:
        server.put(octets)
    server.capabilities = (b"UIDL", b"USER")
    assert (await fetch(server, tmp_path)).bodies == sent


@pytest.mark.parametrize("has_utf8", [True, False])
async def test_a_name_beyond_ascii_is_announced_where_the_server_knows_how(tmp_path: Path, *, has_utf8: bool) -> None:
    server = Pop3Server(capabilities=(b"UIDL", b"USER", *((b"UTF8 USER",) if has_utf8 else ())))
    server.put(octets_of(1))
    async with serving(server, tmp_path) as plan:
        rig = Rig(replace(plan, username="jürgen"), fetch=EVERYTHING)
        assert await rig.once() is None
    user = "USER jürgen".encode()
    assert server.commands[1 : server.commands.index(user) + 1] == ([b"UTF8", user] if has_utf8 else [user])
    assert rig.bodies == [octets_of(1)]


async def test_lines_that_begin_with_a_dot_come_as_they_were(tmp_path: Path) -> None:
    server = Pop3Server()
    octets = b"Message-ID: <1@x>\r\n\r\n.\r\n..\r\n.a\r\nb.\r\n.\r\n"
    server.put(octets)
    assert (await fetch(server, tmp_path)).bodies == [octets]


async def test_mail_is_left_unless_it_is_to_be_removed(tmp_path: Path) -> None:
    server = Pop3Server()
    server.put(octets_of(1))
    await fetch(server, tmp_path)
    assert len(server.messages) == 1
    assert not any(command.startswith(b"DELE") for command in server.commands)


async def test_mail_is_removed_once_the_sink_has_it_and_no_sooner(tmp_path: Path) -> None:
    server = Pop3Server()
    for number in range(1, 6):
        server.put(octets_of(number))
    async with serving(server, tmp_path) as plan:
        rig = Rig(plan, fetch=REMOVING)
        rig.sink.refuses = lambda message: message.message_id == b"<3@x>"
        assert await rig.once() is None
    assert list(server.messages) == [b"u3"], "what was quarantined stays"


async def test_a_removal_that_quit_does_not_confirm_is_repeated_and_nothing_is_delivered_twice(tmp_path: Path) -> None:
    server = Pop3Server(quits=False)
    for number in range(1, 4):
        server.put(octets_of(number))
    first, finding = await try_to_fetch(server, tmp_path, REMOVING)
    assert finding is not None
    assert len(server.messages) == 3
    server.quits = True
    second = await fetch(server, tmp_path, REMOVING, checkpoint=first.checkpoint.to_json())
    assert second.bodies == []
    assert server.messages == {}


async def test_a_message_that_the_server_does_not_delete_is_delivered_once(tmp_path: Path) -> None:
    server = Pop3Server()
    server.undeletable.add(server.put(octets_of(1)))
    server.put(octets_of(2))
    first = await fetch(server, tmp_path, REMOVING)
    assert list(server.messages) == [b"u1"]
    again = await fetch(server, tmp_path, REMOVING, checkpoint=first.checkpoint.to_json())
    assert again.bodies == []


async def test_mail_is_removed_some_time_after_it_was_handed_over(tmp_path: Path) -> None:
    server = Pop3Server()
    server.put(octets_of(1))
    later = replace(EVERYTHING, delete_after_seconds=86400.0)
    first = await fetch(server, tmp_path, later)
    assert len(server.messages) == 1
    async with serving(server, tmp_path) as plan:
        second = Rig(plan, fetch=later, checkpoint=first.checkpoint.to_json())
        second.pipeline.clock = lambda: 1_800_000_000.0 + 2 * 86400
        assert await second.once() is None
    assert second.bodies == []
    assert server.messages == {}


@pytest.mark.parametrize("command", [b"UIDL", b"LIST", b"RETR 1", b"RETR 7", b"DELE 3", b"QUIT"])
async def test_a_connection_that_is_cut_loses_nothing_and_repeats_nothing(tmp_path: Path, command: bytes) -> None:
    server = Pop3Server(cut_at=command)
    sent = [octets_of(number) for number in range(1, 11)]
    for octets in sent:
        server.put(octets)
    async with serving(server, tmp_path) as plan:
        rig = Rig(plan, fetch=REMOVING)
        await rig.once()
        assert await rig.once() is None
    assert rig.bodies == sent
    assert server.messages == {}


async def test_a_sink_that_takes_its_time_does_not_hold_the_maildrop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HOLD_SECONDS", 0.1)
    server = Pop3Server()
    server.put(octets_of(1))
    async with serving(server, tmp_path) as plan:
        rig = Rig(plan, fetch=REMOVING)
        rig.sink.answers = False
        running = asyncio.ensure_future(rig.once())
        async with asyncio.timeout(40):
            while not rig.sink.held_now or server.locked:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        assert len(server.messages) == 1
        rig.sink.settle(rig.sink.held_now[0])
        assert await running is None
    assert server.messages == {}, "deleted by another visit"


async def test_messages_that_share_a_unique_id_are_one_message(tmp_path: Path) -> None:
    """RFC 1939 section 7: a server may hash the octets, and two messages may have the same."""
    server = Pop3Server()
    server.put(octets_of(1))
    server.put(octets_of(2))

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n")
        while line := await reader.readline():
            answers = {
                b"CAPA": b"+OK\r\nUSER\r\nPIPELINING\r\n.\r\n",
                b"UIDL": b"+OK\r\n1 same\r\n2 same\r\n.\r\n",
                b"LIST": b"+OK\r\n1 9\r\n2 9\r\n.\r\n",
                b"RETR": b"+OK\r\nA: b\r\n\r\nc\r\n.\r\n",
            }
            commands.append(line.strip())
            writer.write(answers.get(line[:4].strip(), b"+OK\r\n"))

    commands: list[bytes] = []
    (tmp_path / "password").write_text("right")
    async with serving(server, tmp_path) as plan, playing(script) as peer:
        rig = Rig(replace(plan, port=peer.port), fetch=REMOVING)
        assert await rig.once() is None
    assert rig.bodies == [b"A: b\r\n\r\nc\r\n"]
    assert [command for command in commands if command[:4] in {b"RETR", b"DELE"}] == [b"RETR 1", b"DELE 1", b"DELE 2"]


def dated(number: int, date: str) -> bytes:
    return b"Received: from a by b;\r\n\t%b\r\n%b" % (date.encode(), octets_of(number))


@pytest.mark.parametrize("has_top", [True, False])
async def test_the_first_sync_reaches_as_far_back_as_it_is_told(tmp_path: Path, *, has_top: bool) -> None:
    """The rig's clock stands at 2027-01-15 08:00:00 UTC."""
    server = Pop3Server(capabilities=(*((b"TOP",) if has_top else ()), b"UIDL", b"USER", b"PIPELINING"))
    for number in range(300):
        server.put(dated(number, "Mon, 4 Jan 2027 10:00:00 +0000"))
    wanted = [
        dated(301, "Fri, 8 Jan 2027 10:00:00 +0100"),
        octets_of(302),  # no date: it may be new
        dated(303, "Thu, 14 Jan 2027 23:00:00 +0000"),
    ]
    for octets in wanted:
        server.put(octets)
    week = Fetch(since_seconds=7 * 86400.0)
    first = await fetch(server, tmp_path, week)
    assert first.bodies == wanted
    server.put(dated(400, "Mon, 4 Jan 2027 10:00:00 +0000"))  # it arrives now, whatever it says
    second = await fetch(server, tmp_path, week, checkpoint=first.checkpoint.to_json())
    assert len(second.bodies) == 1


async def test_old_messages_are_found_out_without_looking_at_each(tmp_path: Path) -> None:
    server = Pop3Server()
    for number in range(2_000):
        server.put(dated(number, "Mon, 4 Jan 2027 10:00:00 +0000"))
    await fetch(server, tmp_path, Fetch(since_seconds=7 * 86400.0))
    assert sum(command.startswith(b"TOP") for command in server.commands) == 100


async def test_of_a_message_that_is_too_large_the_header_is_fetched_and_the_message_is_left(tmp_path: Path) -> None:
    server = Pop3Server()
    server.put(octets_of(1) + b"x" * 2_000 + b"\r\n")
    server.put(octets_of(2))
    rig = await fetch(server, tmp_path, replace(REMOVING, max_message_size=1_000))
    assert {message.message_id: message.header_only for message in rig.sink.delivered} == {
        b"<1@x>": True,
        b"<2@x>": False,
    }
    large = next(message for message in rig.sink.delivered if message.header_only)
    assert large.size > 2_000
    assert rig.sink.bodies[large.id] == b"From: a@example.com\r\nMessage-ID: <1@x>\r\n\r\n"
    assert list(server.messages) == [b"u1"]


@pytest.mark.parametrize(("oversize", "has_top"), [("Skip", True), ("HeadersOnly", False)])
async def test_a_message_that_is_too_large_is_skipped_where_that_is_asked_or_there_is_no_top(
    tmp_path: Path, oversize: str, *, has_top: bool
) -> None:
    server = Pop3Server(capabilities=(*((b"TOP",) if has_top else ()), b"UIDL", b"USER"))
    server.put(octets_of(1) + b"x" * 2_000 + b"\r\n")
    rig = await fetch(server, tmp_path, replace(EVERYTHING, max_message_size=1_000, oversize=oversize))
    assert rig.bodies == []
    assert rig.pipeline.meter.skipped == 1


async def test_a_server_without_uidl_is_refused_by_name(tmp_path: Path) -> None:
    server = Pop3Server(capabilities=(b"TOP", b"USER"))
    server.put(octets_of(1))
    rig, finding = await try_to_fetch(server, tmp_path)
    assert finding is not None
    assert finding.reason == "UIDLUnsupported"
    assert rig.bodies == []


async def test_more_than_can_be_remembered_is_a_fault_and_no_silent_loss(tmp_path: Path) -> None:
    server = Pop3Server(messages={b"u%d" % number: b"" for number in range(100_001)})
    rig, finding = await try_to_fetch(server, tmp_path)
    assert finding is not None
    assert (finding.reason, finding.retry) == ("MaildropTooLarge", Retry.BACKOFF)
    assert rig.bodies == []


@pytest.mark.parametrize("code", ["IN-USE", "LOGIN-DELAY", "SYS/TEMP"])
async def test_a_lock_or_a_delay_is_no_refusal_of_the_credential(tmp_path: Path, code: str) -> None:
    server = Pop3Server(refusal=f"-ERR [{code}] come again".encode())
    server.put(octets_of(1))
    async with serving(server, tmp_path) as plan:
        rig = Rig(plan)
        assert await rig.once() is not None
        assert rig.source.refused is None
        assert await rig.once() is None
    assert rig.bodies == [octets_of(1)]


async def test_a_server_that_was_asked_too_soon_is_left_alone_for_as_long_as_it_says(tmp_path: Path) -> None:
    capabilities = (*Pop3Server().capabilities, b"LOGIN-DELAY 900")
    server = Pop3Server(refusal=b"-ERR [LOGIN-DELAY] too soon", capabilities=capabilities)
    _, finding = await try_to_fetch(server, tmp_path)
    assert finding is not None
    assert (finding.reason, finding.retry_after_seconds) == ("LoginRateLimited", 900.0)


async def test_the_maildrop_is_not_held_between_visits(tmp_path: Path) -> None:
    server = Pop3Server()
    server.put(octets_of(1))
    async with serving(server, tmp_path) as plan:
        rig = Rig(plan, fetch=replace(EVERYTHING, interval_seconds=0.3))
        running = asyncio.ensure_future(rig.source.run())
        await rig.until_delivered(1)
        async with asyncio.timeout(40):
            while server.locked:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        server.put(octets_of(2))
        await rig.until_delivered(2)
        running.cancel()
        await asyncio.wait((running,))
    assert rig.pipeline.meter.reconnects == 0, "a visit is no lost connection"
    assert server.logins >= 2


async def test_what_is_known_is_kept_apart_by_hash(tmp_path: Path) -> None:
    server = Pop3Server()
    uidl = server.put(octets_of(1))
    rig = await fetch(server, tmp_path)
    ledger = rig.checkpoint.folders["INBOX"]
    assert isinstance(ledger, Pop3Ledger)
    assert ledger.knows(hash_uidl(uidl))
    assert [message.key for message in rig.sink.delivered] == [("INBOX", None, "u1")]
