"""The ledger under arbitrary histories: kills, restarts, new mail, held and expunged messages."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mailbox_operator.fetcher.checkpoint.uid_set import parse_uid_set, render_uid_set
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap.ledger import ImapLedger


def new_ledger() -> ImapLedger:
    return ImapLedger(uidvalidity=UidValidity(7), last=Uid(0), since=None, since_through=Uid(0))


class History(RuleBasedStateMachine):
    """A server that gains and loses mail, a sink that takes messages in any order, a process that is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.server: set[Uid] = set()
        self.next_uid = 1
        self.ledger = new_ledger()
        self.in_flight: set[Uid] = set()
        self.delivered: set[Uid] = set()
        self.gone: set[Uid] = set()
        self.saved = json.dumps(self.ledger.to_data())
        self.delivered_at_save: set[Uid] = set()

    @rule(gap=st.integers(1, 4), count=st.integers(1, 5))
    def mail_arrives(self, gap: int, count: int) -> None:
        first = self.next_uid + gap - 1
        self.server |= {Uid(uid) for uid in range(first, first + count)}
        self.next_uid = first + count

    @rule(width=st.integers(1, 12))
    def list_more(self, width: int) -> None:
        through = Uid(min(self.ledger.through + width, self.next_uid - 1))
        found = sorted(uid for uid in self.server if self.ledger.through < uid <= through)
        fresh = self.ledger.announce(found, through=through)
        assert not set(fresh) & self.in_flight, "what the sink holds is not fetched again"
        self.in_flight |= set(fresh)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def sink_takes_one(self, data: st.DataObject) -> None:
        uid = data.draw(st.sampled_from(sorted(self.in_flight)))
        self.in_flight.discard(uid)
        self.delivered.add(uid)
        self.ledger.settle(uid)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def one_is_expunged(self, data: st.DataObject) -> None:
        uid = data.draw(st.sampled_from(sorted(self.in_flight)))
        self.in_flight.discard(uid)
        self.server.discard(uid)
        self.gone.add(uid)
        self.ledger.settle(uid)

    @rule()
    def save(self) -> None:
        self.saved = json.dumps(self.ledger.to_data())

    @rule()
    def killed(self) -> None:
        self.ledger = ImapLedger.from_data(json.loads(self.saved))
        self.in_flight = set()

    @rule(data=st.data())
    def connection_is_lost(self, data: st.DataObject) -> None:
        self.in_flight = set(data.draw(st.lists(st.sampled_from(sorted(self.in_flight))))) if self.in_flight else set()
        self.ledger.begin_session(held=self.in_flight)

    @invariant()
    def last_never_passes_an_undelivered_message(self) -> None:
        done = self.delivered | self.gone
        assert {uid for uid in self.server if uid <= self.ledger.last} <= done
        assert set(parse_uid_set(self.ledger.to_data()["above"], limit=10_000)) <= done

    @invariant()
    def everything_comes_in_the_end(self) -> None:
        rest = ImapLedger.from_data(json.loads(json.dumps(self.ledger.to_data())))
        fresh = rest.announce(sorted(self.server), through=Uid(self.next_uid - 1))
        assert self.server - set(fresh) <= self.delivered, "what is not fetched now was delivered before"
        for uid in fresh:
            rest.settle(uid)
        assert rest.last == max(rest.last, self.next_uid - 1)
        assert rest.to_data()["above"] == ""


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.sets(st.integers(1, 500)))
def test_a_uid_set_reads_back(uids: set[int]) -> None:
    assert set(parse_uid_set(render_uid_set(sorted(uids)), limit=1_000)) == uids


def test_a_uid_set_is_short() -> None:
    assert render_uid_set([1, 2, 3, 5, 8, 9]) == "1:3,5,8:9"


def test_what_is_owed_waits_until_the_server_has_done_it() -> None:
    ledger = new_ledger()
    ledger.acts_at_once = True
    ledger.follow_up(Uid(1), now=0.0)
    ledger.follow_up(Uid(2), now=0.0)
    ledger.owed.done([Uid(1)])
    assert list(ImapLedger.from_data(ledger.to_data()).owed.at_once) == [2]


def test_what_is_reopened_is_pending_until_it_is_settled_again_and_survives_a_kill() -> None:
    ledger = new_ledger()
    ledger.announce([Uid(1), Uid(2), Uid(3)], through=Uid(3))
    ledger.settle(Uid(1))
    ledger.settle(Uid(3))
    ledger.reopen([Uid(1), Uid(2), Uid(3), Uid(9)])
    assert ledger.reopened == [1, 3], "2 is not done with yet, and 9 not known"
    assert (ledger.last, ledger.pending) == (1, 3)
    again = ImapLedger.from_data(json.loads(json.dumps(ledger.to_data())))
    assert again.reopened == [1, 3]
    again.settle(Uid(1))
    assert (again.reopened, again.is_done(Uid(1))) == ([3], True)


def test_marked_unread_by_others_is_noticed_and_what_we_owe_is_not() -> None:
    ledger = new_ledger()
    ledger.acts_at_once = True
    ledger.announce([Uid(uid) for uid in range(1, 5)], through=Uid(4))
    for uid in (1, 2, 3):
        ledger.settle(Uid(uid))
    ledger.follow_up(Uid(3), now=0.0)
    assert ledger.look_at_unseen([Uid(3), Uid(4)]) == [], "at first nothing is known to have changed"
    assert ledger.look_at_unseen([Uid(2), Uid(3), Uid(4)]) == [2]
    assert ledger.look_at_unseen([Uid(2), Uid(3), Uid(4)]) == [], "told once"
    ledger.owed.done([Uid(3)])
    ledger.unseen.forget([Uid(3)])
    assert ledger.look_at_unseen([Uid(3)]) == [3], "we marked it, and someone took the mark off"
