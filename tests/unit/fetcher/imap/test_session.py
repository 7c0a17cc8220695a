"""A source against a server with holes: every message is offered once, whatever its UID, and none stops the others."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbox_operator.fetcher.checkpoint import owed
from mailbox_operator.fetcher.checkpoint.checkpoint import Checkpoint
from mailbox_operator.fetcher.ids import MessageId
from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.fetcher.imap.session import open_imap_session
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Fetch, Source
from mailbox_operator.fetcher.source import SourceContext
from mailbox_operator.fetcher.valve import Valve
from mailbox_operator.mail.endpoint import Protocol, Security
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.secret import Secret
from unit.fetcher.mail_server import MailServer
from unit.fetcher.memory_sink import MemorySink
from unit.fetcher.peer import playing

NOW = 1_800_000_000.0


@dataclass
class Session:
    """Everything around a source."""

    fetch: Fetch
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    bodies: dict[MessageId, bytes] = field(default_factory=dict)
    repeats: int = 0
    ids: list[bytes] = field(default_factory=list)
    spool_folder: Path = Path("/nonexistent")

    @property
    def ledger(self) -> ImapLedger:
        found = self.checkpoint.folders["INBOX"]
        assert isinstance(found, ImapLedger)
        return found

    async def run(self, server: MailServer, *, once: bool = True) -> None:
        """Sign in and run the source."""
        pipeline = Pipeline(
            checkpoint=self.checkpoint, fetch=self.fetch, meter=Meter(), valve=Valve(), clock=lambda: NOW
        )
        sink = MemorySink(pipeline, answers=True, bodies=self.bodies)
        pipeline.sink = sink
        async with playing(server.script) as peer:
            source = Source(
                protocol=Protocol.IMAP,
                host="127.0.0.1",
                port=peer.port,
                security=Security.NONE,
                username="a",
                password_file="",
            )
            context = SourceContext(
                plan=source,
                policy=ANYTHING,
                spool_folder=self.spool_folder,
                pipeline=pipeline,
                chance=lambda: 0.5,
                silence=60.0,
            )
            session = await open_imap_session(context, Secret("x"))
            try:
                await session.run(once=once)
            finally:
                self.ids += [message.message_id for message in sink.delivered]
                self.repeats += len(sink.delivered) - len({message.id for message in sink.delivered})
                await session.close()


def mail(uids: set[int] | range) -> dict[int, bytes]:
    return {uid: b"Message-ID: <%d@x>\r\n\r\nbody %d" % (uid, uid) for uid in uids}


def everything(**change: object) -> Fetch:
    return Fetch(since_seconds=None, **change)  # type: ignore[arg-type]


async def test_more_messages_than_a_ledger_remembers_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owed, "LIMIT", 4_000)
    server, session = MailServer(messages=mail(range(1, 9_001))), Session(everything())
    await session.run(server)
    assert server.seen == set(range(1, 9_001))


@pytest.mark.parametrize(
    "uids",
    [set[int](), {1}, {4_000}, {1, 5_000, 70_000, 70_001, 900_000}, set(range(1, 2_600)), set(range(990, 3_100, 3))],
)
async def test_every_message_comes_once_however_sparse_their_uids(uids: set[int]) -> None:
    server, session = MailServer(messages=mail(uids)), Session(everything())
    async with asyncio.timeout(40):
        await session.run(server)
    assert session.bodies == server.messages
    assert session.repeats == 0
    assert server.seen == uids
    assert session.ledger.last == max(uids, default=0)


@settings(max_examples=25, deadline=None)
@given(
    st.sets(st.integers(1, 3_000), max_size=40),
    st.sets(st.integers(1, 3_000), max_size=20),
    st.sets(st.integers(1, 3_000), max_size=20),
)
def test_none_is_lost_among_those_that_vanish_or_are_left_out(
    uids: set[int], vanishing: set[int], forgetful: set[int]
) -> None:
    messages = mail(uids)
    server = MailServer(messages=messages, vanishing=vanishing & uids, forgetful=(forgetful & uids) - vanishing)
    session = Session(everything())
    asyncio.run(session.run(server))
    assert set(session.bodies) == uids - vanishing
    assert session.ledger.to_data()["above"] == ""
    assert session.ledger.last == max(uids, default=0)


async def test_a_store_that_is_away_for_a_while_costs_no_message_its_tries() -> None:
    server = MailServer(messages=mail(range(1, 6)), broken={1, 2, 3, 4, 5}, broken_code=b"UNAVAILABLE")
    session = Session(everything())
    for _ in range(6):
        with pytest.raises(MailError, match="cannot read it"):
            await session.run(server)
    server.broken.clear()
    await session.run(server)
    assert set(session.bodies) == {1, 2, 3, 4, 5}
    assert session.checkpoint.quarantine.count == 0


async def test_a_message_that_the_server_cannot_hand_out_is_given_up_in_the_end() -> None:
    server, session = MailServer(messages=mail(range(1, 6)), broken={3}), Session(everything())
    for _ in range(2):
        with pytest.raises(MailError, match="cannot read it"):
            await session.run(server)
        assert set(session.bodies) == {1, 2, 4, 5}, "it stops no other"
        assert session.ledger.last == 2
    await session.run(server)
    [quarantined] = session.checkpoint.quarantine.messages.values()
    assert (quarantined.id, "cannot read it" in quarantined.said) == (3, True)
    assert session.ledger.last == 5
    assert session.repeats == 0


async def test_a_server_may_be_wrong_about_sizes() -> None:
    large = b"Subject: x\r\n\r\n" + b"x" * 500
    server = MailServer(
        messages={1: large, 2: b"\r\nsmall", 3: b"Subject: y\r\n\r\nnot large"}, sizes={1: 10, 3: 9_999}
    )
    session = Session(everything(max_message_size=100))
    await session.run(server)
    assert session.bodies == {1: b"Subject: x\r\n\r\n", 2: b"\r\nsmall", 3: b"Subject: y\r\n\r\n"}


async def test_a_server_may_keep_its_uidnext_to_itself() -> None:
    server, session = MailServer(messages=mail({3, 9}), names_uidnext=False), Session(everything())
    await session.run(server)
    assert set(session.bodies) == {3, 9}


async def test_the_first_sync_takes_what_is_young_enough_and_later_ones_everything() -> None:
    dates = {1: b"01-Jan-2020 00:00:00 +0000", 2: b"14-Jan-2027 10:00:00 +0000", 3: b"15-Jan-2027 07:00:00 +0000"}
    server, session = MailServer(messages=mail({1, 2, 3}), dates=dates), Session(Fetch(since_seconds=86_400.0))
    await session.run(server)  # now is 2027-01-15T08:00:00Z
    assert set(session.bodies) == {2, 3} - {1}
    server.messages |= mail({4})
    server.dates[4] = dates[1]
    await session.run(server)
    assert set(session.bodies) == {2, 3, 4}, "what was moved into the folder is new, however old"


async def test_new_mail_ends_idling_and_so_do_marks() -> None:
    server, session = MailServer(messages=mail({1})), Session(everything())
    async with asyncio.timeout(40):
        watching = asyncio.ensure_future(session.run(server, once=False))
        await server.idling.wait()
        server.messages |= mail({2, 7})
        server.news.set()
        while server.seen != {1, 2, 7}:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        watching.cancel()
        await asyncio.wait((watching,))
    assert session.bodies == server.messages
    assert not any(command.startswith(b"EXAMINE") for command in server.commands)


async def test_without_marking_the_folder_is_opened_for_reading_only() -> None:
    server, session = MailServer(messages=mail({1})), Session(everything(mark_seen=False))
    await session.run(server)
    assert b'EXAMINE "INBOX"' in server.commands
    assert not any(b"STORE" in command or b"SELECT" in command for command in server.commands)
    assert all(b"BODY[" not in command for command in server.commands), "only PEEK leaves flags alone"


@pytest.mark.parametrize(
    "found", [b'* ESEARCH (TAG "m5") UID ALL 1:4000000000', b"* WHAT", b'* ESEARCH (TAG "m5") UID X']
)
async def test_a_search_whose_answer_cannot_be_read_loses_nothing(found: bytes) -> None:
    server = MailServer(messages=mail({1, 2, 4_000_000_000}), capabilities=b"IMAP4rev1 ESEARCH", found=found)
    session = Session(Fetch(since_seconds=86_400.0 * 365))
    async with asyncio.timeout(40):
        await session.run(server)
    if b"UID X" in found:
        assert not session.bodies, "nothing was found, it says"
    else:
        assert set(session.bodies) == {1, 2, 4_000_000_000}


async def test_a_large_folder_is_searched_for_what_is_young_enough_and_not_listed() -> None:
    server = MailServer(messages=mail(range(1, 100_001)))
    server.dates = dict.fromkeys(range(1, 99_991), b"01-Jan-2020 00:00:00 +0000")
    server.found = b"* SEARCH" + b"".join(b" %d" % uid for uid in range(99_991, 100_001))
    session = Session(Fetch(since_seconds=86_400.0 * 365))
    async with asyncio.timeout(40):
        await session.run(server)
    assert set(session.bodies) == set(range(99_991, 100_001))
    listed = [command for command in server.commands if command.startswith(b"UID FETCH") and b"BODY" not in command]
    assert sum(command.startswith(b"UID SEARCH") for command in server.commands) == 5
    assert listed == [b"UID FETCH 99991:100000 (UID INTERNALDATE RFC822.SIZE)"]
    assert len(session.checkpoint.to_json()) < 2_000


@pytest.mark.parametrize(
    ("name", "wire", "is_listed"),
    [
        ("Büro", "Büro".encode(), True),
        ("Büro", b"B&APw-ro", True),
        ("Büro", b"B&APw-ro", False),
        (r"B\xfcro", b"B\xfcro", True),
    ],
)
async def test_a_folder_is_found_by_its_name_however_the_server_spells_it(
    name: str, wire: bytes, *, is_listed: bool
) -> None:
    server = MailServer(messages=mail({1}), folder=wire, is_listed=is_listed)
    session = Session(everything(folders=(name,)))
    async with asyncio.timeout(40):
        await session.run(server)
    assert session.bodies == server.messages


async def test_a_folder_that_is_there_in_no_spelling_is_named() -> None:
    server = MailServer(messages=mail({1}), folder="Büro".encode())
    with pytest.raises(MailError) as caught:
        await Session(everything(folders=("Entwürfe",))).run(server)
    assert caught.value.response_code == "NONEXISTENT"


LISTING = b"UID FETCH %d:%d (UID INTERNALDATE RFC822.SIZE)"


@pytest.mark.parametrize("piece", [0, 1, 7, 50])
async def test_the_first_listing_comes_with_the_sign_in_however_it_is_cut(piece: int) -> None:
    server, session = MailServer(messages=mail(range(1, 40)), piece=piece), Session(everything())
    await session.run(server)
    assert [command.split(b" ")[0] for command in server.commands[:2]] == [b"LOGIN", b"SELECT"]
    assert server.commands[2] == LISTING % (1, 1000)
    assert b"BODY" in server.commands[3]
    assert session.bodies == server.messages

    server.messages |= mail({60})
    server.commands.clear()
    await session.run(server)
    assert server.commands[2] == LISTING % (40, 1039)
    assert b"UID FETCH 60 (UID FLAGS" in server.commands[3]
    assert session.bodies == server.messages
    assert session.repeats == 0


async def test_what_was_listed_ahead_is_left_unread_where_the_folder_began_anew() -> None:
    server, session = MailServer(messages=mail({1, 2, 3})), Session(everything())
    await session.run(server)
    server.uidvalidity, server.messages = 6, {uid: b"Message-ID: <n%d@x>\r\n\r\nx" % uid for uid in (1, 2, 4, 5)}
    server.commands.clear()
    session.bodies.clear()
    await session.run(server)
    assert server.commands[2:4] == [LISTING % (4, 1003), LISTING % (1, 5)]
    assert session.bodies == server.messages


async def test_a_server_that_opens_no_folder_so_early_is_asked_again() -> None:
    server, session = MailServer(messages=mail(range(1, 4)), shy=1), Session(everything())
    await session.run(server)
    assert session.bodies == server.messages
    assert server.commands.count(LISTING % (1, 3)) == 1


async def test_a_message_that_comes_while_the_folder_is_opened_is_not_passed_over() -> None:
    server, session = MailServer(messages=mail({1, 2}), arriving=mail({3})[3]), Session(everything())
    await session.run(server)
    assert set(session.bodies) == {1, 2}
    assert session.ledger.last == 2
    await session.run(server)
    assert session.bodies == server.messages
    assert session.repeats == 0


@pytest.mark.parametrize("fetch", [Fetch(), everything(unseen_only=True), everything(senders=("a@x",))])
async def test_nothing_is_listed_ahead_where_the_server_can_search(fetch: Fetch) -> None:
    server = MailServer(messages=mail({1, 2}))
    await Session(fetch).run(server)
    assert not [command for command in server.commands[:3] if command.startswith(b"UID FETCH")]
