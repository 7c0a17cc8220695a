"""What is done with is never asked for again while the server shows it; what is not settled is never taken for done."""

import json
import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mailbox_operator.fetcher.checkpoint.checkpoint import Checkpoint
from mailbox_operator.fetcher.pop3.ledger import DAY, GONE_DAYS, HOUR, LIMIT, Pop3Ledger, UidlHash, hash_uidl

NOW = 1_800_000_000.0
MIB = 1024 * 1024


def again(ledger: Pop3Ledger) -> Pop3Ledger:
    """Return it as the next process finds it."""
    return Pop3Ledger.from_data(json.loads(json.dumps(ledger.to_data())))


def of(*uidls: str) -> list[UidlHash]:
    return [hash_uidl(uidl.encode()) for uidl in uidls]


def handed_over(*uidls: str, delete_after: float | None = None, now: float = NOW) -> Pop3Ledger:
    ledger = Pop3Ledger(since=None)
    ledger.begin_session(held=(), delete_after=delete_after)
    for uidl in uidls:
        ledger.settle(uidl)
        ledger.follow_up(uidl, now=now)
    return ledger


def test_a_message_is_known_from_when_it_is_announced_and_for_ever_once_it_is_settled() -> None:
    ledger = Pop3Ledger(since=None)
    ledger.announce(*of("a"))
    ledger.announce(*of("b"))
    assert ledger.pending == 2
    ledger.settle("a")
    assert [ledger.knows(one) for one in of("a", "b", "c")] == [True, True, False]
    assert [again(ledger).knows(one) for one in of("a", "b", "c")] == [True, False, False]


def test_what_the_sink_still_holds_is_not_fetched_again() -> None:
    ledger = Pop3Ledger(since=None)
    for one in of("a", "b"):
        ledger.announce(one)
    ledger.begin_session(held=["a"], delete_after=None)
    assert [ledger.knows(one) for one in of("a", "b")] == [True, False]


def test_a_message_that_is_left_is_never_due() -> None:
    assert handed_over("a").due(now=NOW + 1e9) == []


def test_a_message_is_due_at_once_or_later_and_never_too_early() -> None:
    assert handed_over("a", delete_after=0.0).due(now=NOW) == of("a")
    ledger = again(handed_over("a", delete_after=14 * DAY))
    ledger.begin_session(held=(), delete_after=14 * DAY)
    assert ledger.due(now=NOW + 14 * DAY - 1) == []
    assert ledger.due(now=NOW + 14 * DAY * 33 / 32) == of("a")


def test_what_was_handed_over_before_deletion_was_asked_for_is_left() -> None:
    ledger = again(handed_over("a"))
    ledger.begin_session(held=(), delete_after=0.0)
    assert ledger.due(now=NOW) == []


def test_a_deletion_that_the_server_did_not_confirm_is_repeated_and_a_confirmed_one_is_not() -> None:
    ledger = handed_over("a", "b", delete_after=0.0)
    ledger.deleted(of("a"))
    ledger.shown(of("b"), now=NOW)
    assert again(ledger).to_data()["due"] == {"0": ledger.to_data()["due"]["0"]}
    later = again(ledger)
    later.begin_session(held=(), delete_after=0.0)
    assert later.due(now=NOW) == of("b")
    assert later.remembered == 1


def test_a_server_that_shows_nothing_on_a_bad_day_makes_nobody_repeat_everything() -> None:
    ledger = handed_over("a", "b")
    ledger.shown([], now=NOW)
    ledger = again(ledger)
    ledger.shown(of("a"), now=NOW + GONE_DAYS * DAY)
    assert [ledger.knows(one) for one in of("a", "b")] == [True, True]
    ledger.shown(of("a"), now=NOW + (GONE_DAYS + 1) * DAY)
    assert [ledger.knows(one) for one in of("a", "b")] == [True, False]


def test_one_that_comes_back_is_not_deleted_by_an_old_wish() -> None:
    ledger = handed_over("a", delete_after=0.0)
    ledger.shown([], now=NOW)
    ledger.shown(of("a"), now=NOW)
    assert ledger.knows(*of("a"))
    assert ledger.due(now=NOW) == []


def test_no_more_is_remembered_than_fits_also_when_all_that_is_shown_is_settled() -> None:
    chance = random.Random(1)  # noqa: S311 - the same each time
    ledger = Pop3Ledger(since=None)
    for _ in range(60_000):
        ledger.settle_hash(UidlHash(chance.getrandbits(64)))
    shown = [UidlHash(chance.getrandbits(64)) for _ in range(LIMIT)]
    ledger.shown(shown, now=NOW)
    for one in shown:
        ledger.settle_hash(one)
    assert ledger.remembered == LIMIT


@pytest.mark.parametrize("delete_after", [None, 14 * DAY])
def test_a_hundred_thousand_fit_into_one_config_map_with_all_else_that_is_remembered(
    delete_after: float | None,
) -> None:
    checkpoint = Checkpoint()
    ledger = Pop3Ledger(since=None)
    ledger.begin_session(held=(), delete_after=delete_after)
    checkpoint.folders["INBOX"] = ledger
    for number in range(LIMIT):
        uidl = f"{number:08x}4d3c2b1a"
        ledger.settle(uidl)
        ledger.follow_up(uidl, now=NOW + number * 12.0)  # over 14 days
        checkpoint.seen.add(uidl.encode())
    text = checkpoint.to_json()
    assert len(text.encode()) < 0.95 * MIB
    read = Checkpoint.from_json(text).folders["INBOX"]
    assert isinstance(read, Pop3Ledger)
    assert read.remembered == LIMIT
    assert all(read.knows(*of(f"{number:08x}4d3c2b1a")) for number in range(0, LIMIT, 997))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"since": "never", "done": "", "due": {}, "gone": {}},
        {"since": None, "done": "%", "due": {}, "gone": {}},
        {"since": None, "done": "", "due": {"soon": "AAAA"}, "gone": {}},
    ],
)
def test_what_cannot_be_read_is_an_error_and_no_empty_ledger(data: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Pop3Ledger.from_data(data)


class History(RuleBasedStateMachine):
    """A maildrop, its ledger over visits and processes, and what really became of each message."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.there: set[str] = set()
        self.settled: set[str] = set()
        self.came = 0
        self.ledger = Pop3Ledger(since=None)
        self.open: set[str] = set()

    @rule(count=st.integers(1, 4))
    def mail_comes(self, count: int) -> None:
        self.there |= {f"u{self.came + number}" for number in range(count)}
        self.came += count

    @rule()
    def visit(self) -> None:
        self.ledger.begin_session(held=(), delete_after=0.0)
        self.open.clear()
        self.ledger.shown(of(*self.there), now=self.now)
        for uidl in sorted(self.there):
            if not self.ledger.knows(*of(uidl)):
                assert uidl not in self.settled, "asked for again"
                self.ledger.announce(*of(uidl))
                self.open.add(uidl)
            else:
                assert uidl in self.settled, "lost"

    @precondition(lambda self: self.open)
    @rule(data=st.data(), hands_over=st.booleans())
    def settle(self, data: st.DataObject, *, hands_over: bool) -> None:
        uidl = data.draw(st.sampled_from(sorted(self.open)))
        self.open.discard(uidl)
        self.settled.add(uidl)
        self.ledger.settle(uidl)
        if hands_over:
            self.ledger.follow_up(uidl, now=self.now)

    @rule(confirms=st.booleans())
    def delete(self, *, confirms: bool) -> None:
        due = self.ledger.due(now=self.now)
        gone = {uidl for uidl in self.there if of(uidl)[0] in due}
        assert gone <= self.settled, "deleted before it was settled"
        self.there -= gone
        if confirms:  # else the process is killed between QUIT and its answer
            self.ledger.deleted(due)

    @rule()
    def restart(self) -> None:
        self.ledger = again(self.ledger)
        self.open.clear()

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR

    @invariant()
    def counts_what_is_open(self) -> None:
        assert self.ledger.pending == len(self.open)


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
