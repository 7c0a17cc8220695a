"""What is remembered, written and read back."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from mailbox_operator.fetcher.checkpoint.checkpoint import ANY, CHECKPOINT_VERSION, Checkpoint, CheckpointError
from mailbox_operator.fetcher.checkpoint.seen_window import WINDOW, SeenWindow
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap.ledger import ImapLedger, begin_ledger
from mailbox_operator.fetcher.quarantine import LIMIT, OLDER_LIMIT, Quarantined

EARLIER: Final = Path(__file__).parents[3] / "data/fetcher/checkpoints"


def checkpoint() -> Checkpoint:
    made = Checkpoint()
    ledger = ImapLedger(uidvalidity=UidValidity(7), last=Uid(10), since=5.0, since_through=Uid(20))
    ledger.announce([Uid(11), Uid(12), Uid(14)], through=Uid(14))
    made.folders["INBOX"] = ledger
    return made


def test_everything_reads_back() -> None:
    made = checkpoint()
    made.settle("INBOX", Uid(12))
    made.folders["INBOX"].follow_up(Uid(12), now=0.0)
    made.seen.add(b"<1@x>")
    assert made.count_try("INBOX", Uid(11)) == 1
    made.give_up(
        Quarantined(
            folder="INBOX",
            uidvalidity=UidValidity(7),
            id=Uid(14),
            said="The sink answered 400",
            time="2026-01-01T00:00:00Z",
        )
    )
    made.messages_delivered, made.last_message_seconds, made.saved_seconds = 3, 1.5, 2.5
    again = Checkpoint.from_json(made.to_json())
    assert again.to_json() == made.to_json()
    ledger = again.folders["INBOX"]
    assert isinstance(ledger, ImapLedger)
    assert (ledger.last, ledger.announce([Uid(11), Uid(12), Uid(14)], through=Uid(14))) == (10, [11])
    assert b"<1@x>" in again.seen
    assert again.count_try("INBOX", Uid(11)) == 2
    assert again.quarantine.messages == made.quarantine.messages


def test_tries_end_with_the_message() -> None:
    made = checkpoint()
    made.count_try("INBOX", Uid(11))
    made.settle("INBOX", Uid(11))
    assert made.tries == {}


def test_the_quarantine_is_bounded_and_counted() -> None:
    made = checkpoint()
    for uid in range(LIMIT + 5):
        made.give_up(Quarantined(folder="INBOX", uidvalidity=UidValidity(7), id=Uid(uid), said="no", time=""))
    assert len(made.quarantine.messages) == LIMIT
    assert made.quarantine.last == f"INBOX/7/{LIMIT + 4}: no"
    assert made.quarantine.count == LIMIT + 5
    again = Checkpoint.from_json(made.to_json()).quarantine
    assert (again.count, list(again.older), again.last) == (
        LIMIT + 5,
        [f"INBOX/7/{uid}" for uid in range(5)],
        made.quarantine.last,
    )


def test_requests_reach_what_is_not_listed_any_more() -> None:
    made = checkpoint()
    uids = range(LIMIT + OLDER_LIMIT + 3)
    ledger = made.folders["INBOX"]
    assert isinstance(ledger, ImapLedger)
    ledger.announce(map(Uid, uids), through=Uid(uids[-1]))
    for uid in uids:
        made.give_up(Quarantined(folder="INBOX", uidvalidity=UidValidity(7), id=Uid(uid), said="no", time=""))
    made = Checkpoint.from_json(made.to_json())
    assert made.obey("retry INBOX/7/5") == 1, "one that is not listed"
    assert made.obey("retry INBOX/7/0") == 0, "so old that it is only counted"
    assert made.obey("retry all") == LIMIT + OLDER_LIMIT - 1
    ledger = made.folders["INBOX"]
    assert isinstance(ledger, ImapLedger)
    assert ledger.reopened == [*uids][3:]
    assert made.quarantine.count == 3
    made.obey("drop all")
    assert made.quarantine.count == 0


def test_a_request_is_obeyed_once_and_another_token_makes_it_another() -> None:
    made = checkpoint()
    for uid in (11, 12):
        made.give_up(
            Quarantined(folder="INBOX", uidvalidity=UidValidity(7), id=Uid(uid), said="no", time="", message_id="<a@x>")
        )
    ledger = made.folders["INBOX"]
    assert isinstance(ledger, ImapLedger)
    assert made.obey("retry INBOX/7/11 t1") == 1
    assert (ledger.reopened, list(made.quarantine.messages)) == ([11], ["INBOX/7/12"])
    again = Checkpoint.from_json(made.to_json())
    assert again.obey("retry INBOX/7/11 t1") == 0, "it was obeyed by the process before"
    again.settle("INBOX", Uid(11))
    again.give_up(Quarantined(folder="INBOX", uidvalidity=UidValidity(7), id=Uid(11), said="no", time=""))
    assert again.obey("retry all t2") == 2
    assert again.quarantine.count == 0


def test_what_is_dropped_is_not_handed_over_and_what_uids_no_longer_mean_neither() -> None:
    made = checkpoint()
    made.give_up(Quarantined(folder="INBOX", uidvalidity=UidValidity(7), id=Uid(11), said="no", time=""))
    made.give_up(Quarantined(folder="INBOX", uidvalidity=UidValidity(6), id=Uid(12), said="no", time=""))
    ledger = made.folders["INBOX"]
    assert isinstance(ledger, ImapLedger)
    assert made.obey("drop INBOX/7/11") == 1
    assert made.obey("retry all") == 1
    assert ledger.reopened == []
    assert (made.obey("whatever"), made.obey("")) == (0, 0)


def test_after_a_loss_what_is_older_may_repeat() -> None:
    made = Checkpoint()
    assert not made.may_repeat("INBOX", 5.0)
    made.rescans[ANY] = 10.0
    assert [made.may_repeat("INBOX", arrived) for arrived in (None, 5.0, 10.0, 11.0)] == [True, True, True, False]
    made.rescans = {"Sent": 10.0}
    assert [made.may_repeat(name, 5.0) for name in ("INBOX", "Sent")] == [False, True]


def change(text: str, **values: Any) -> str:
    return json.dumps(json.loads(text) | values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        change(checkpoint().to_json(), version=3),
        change(checkpoint().to_json(), seen="%"),
        change(checkpoint().to_json(), quarantine=[["INBOX"]]),
        change(checkpoint().to_json(), folders={"INBOX": {}}),
        change(checkpoint().to_json(), folders=[]),
        checkpoint().to_json().replace('"above":""', '"above":"1:4000000000"'),
    ],
)
def test_what_cannot_be_read_is_an_error_and_no_empty_checkpoint(text: str) -> None:
    with pytest.raises(CheckpointError):
        Checkpoint.from_json(text)


def test_the_window_forgets_the_oldest_and_nothing_else() -> None:
    window = SeenWindow()
    for number in range(WINDOW + 1):
        window.add(b"<%d@x>" % number)
    window.add(b"<2@x>")  # seen again: youngest now
    window.add(b"<more@x>")
    assert b"<0@x>" not in window
    assert b"<1@x>" not in window
    assert b"<2@x>" in window
    assert len(SeenWindow.from_text(window.to_text()).to_text()) < 50_000
    assert b"" not in window


@pytest.mark.parametrize(
    ("since_seconds", "saved", "last", "since"),
    [
        (None, None, 0, None),
        (0.0, None, 99, None),
        (60.0, None, 0, 940.0),
        (60.0, 500.0, 0, 940.0),
        (0.0, 500.0, 0, 500.0),
        (None, 500.0, 0, None),
    ],
)
def test_where_a_folder_begins(
    since_seconds: float | None, saved: float | None, last: int, since: float | None
) -> None:
    ledger = begin_ledger(
        uidvalidity=UidValidity(1), uidnext=Uid(100), since_seconds=since_seconds, now=1000.0, known_until=saved
    )
    assert (ledger.last, ledger.since) == (last, since)


@pytest.mark.parametrize("path", sorted(EARLIER.glob("*.json")), ids=lambda path: path.stem)
def test_a_checkpoint_of_an_earlier_version_is_read_and_nothing_of_it_is_lost(path: Path) -> None:
    read = Checkpoint.from_json(path.read_text())
    ledger = read.folders["INBOX"]
    assert isinstance(ledger, ImapLedger)
    assert (ledger.uidvalidity, ledger.last, ledger.since_through) == (1732406400, 1040, 1038)
    assert ledger.announce([Uid(1041), Uid(1042), Uid(1044), Uid(1050)], through=Uid(1050)) == [1041, 1050]
    assert list(ledger.owed.at_once) == [1042]
    assert b"<1042@example.com>" in read.seen
    assert read.count_try("INBOX", Uid(1041)) == 2
    assert read.quarantine.last == "INBOX/1732406400/1044: The sink answered 400"
    assert (read.quarantine.count, read.messages_delivered, read.saved_seconds) == (1, 41, 1764000001.25)
    assert json.loads(read.to_json())["version"] == CHECKPOINT_VERSION
