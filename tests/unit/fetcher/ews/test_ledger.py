"""The ledger of an Exchange folder: the sync state moves over pages that are done with, and over nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.checkpoint.ledger import read_ledger
from mailbox_operator.fetcher.ews.ledger import PAGES, EwsLedger, begin_ledger


def fresh() -> EwsLedger:
    return EwsLedger(state="", since=None, is_first=True)


def again(ledger: EwsLedger) -> EwsLedger:
    """Begin at the checkpoint, as a process does that was killed."""
    read = read_ledger(ledger.to_data())
    assert isinstance(read, EwsLedger)
    return read


def test_the_state_moves_when_a_whole_page_is_done_with() -> None:
    ledger = fresh()
    assert ledger.announce(["a", "b"], state="1", is_last=False) == ["a", "b"]
    ledger.settle("b")
    assert (ledger.state, ledger.position, ledger.pending) == ("", "1", 1)
    ledger.settle("a")
    assert (ledger.state, ledger.pending) == ("1", 0)


def test_a_later_page_does_not_move_it() -> None:
    ledger = fresh()
    ledger.announce(["a"], state="1", is_last=False)
    ledger.announce(["b"], state="2", is_last=True)
    ledger.settle("b")
    assert ledger.state == ""
    assert ledger.is_first_listing is False
    ledger.settle("a")
    assert ledger.state == "2"


def test_a_page_without_messages_is_done_with_at_once() -> None:
    ledger = fresh()
    assert ledger.announce([], state="1", is_last=True) == []
    assert (ledger.state, ledger.is_first_listing) == ("1", False)


def test_what_was_settled_in_an_open_page_is_not_fetched_again() -> None:
    ledger = fresh()
    ledger.announce(["a", "b", "c"], state="1", is_last=True)
    ledger.settle("b")
    begun = again(ledger)
    assert begun.is_first_listing
    assert begun.announce(["a", "b", "c"], state="1", is_last=True) == ["a", "c"]


def test_a_new_session_waits_for_what_the_sink_holds_and_does_not_fetch_it() -> None:
    ledger = fresh()
    ledger.announce(["a", "b"], state="1", is_last=True)
    ledger.begin_session(held=["a"])
    assert ledger.announce(["a", "b"], state="1", is_last=True) == ["b"]
    ledger.settle("b")
    assert ledger.state == ""
    ledger.settle("a")
    assert ledger.state == "1"


def test_too_many_open_pages_are_a_crowd() -> None:
    ledger = fresh()
    for number in range(PAGES):
        ledger.announce([f"m{number}"], state=str(number), is_last=False)
    assert ledger.is_crowded


def test_what_is_due_on_the_server_is_remembered() -> None:
    ledger = fresh()
    ledger.follow_up("a", now=100.0)
    ledger.follow_up("b", now=200.0)
    begun = again(ledger)
    assert list(begun.owed) == ["a", "b"]
    assert begun.expired(now=160.0, after=60.0) == ["a"]
    begun.acted(["a", "b"])
    assert (list(begun.owed), list(begun.owed_later)) == ([], ["a", "b"])
    begun.removed(["a"])
    assert list(begun.owed_later) == ["b"]


def test_what_is_to_be_handed_over_once_more_is_pending_until_it_is() -> None:
    ledger = fresh()
    ledger.announce(["a", "b"], state="1", is_last=True)
    ledger.settle("a")
    ledger.reopen(["a", "b"])
    begun = again(ledger)
    assert (begun.reopened, begun.pending) == (["a"], 1)
    begun.settle("a")
    assert (begun.reopened, begun.pending) == ([], 0)


def test_how_far_back_the_first_listing_reaches() -> None:
    def since(seconds: float | None, *, before: EwsLedger | None = None, saved: float | None = None) -> float | None:
        return begin_ledger(since_seconds=seconds, now=1000.0, before=before, saved=saved).since

    assert since(None) is None
    assert since(600.0) == 400.0
    assert (since(0.0) or 0) > 1e10
    assert since(0.0, saved=900.0) == 900.0
    owing = fresh()
    owing.follow_up("a", now=1.0)
    assert list(begin_ledger(since_seconds=None, now=0.0, before=owing, saved=None).owed) == ["a"]


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4), max_size=6), st.data())
def test_a_message_is_never_passed_that_was_not_settled(pages: list[list[str]], data: st.DataObject) -> None:
    """Whatever is settled in whatever order, a process that begins anew fetches all the rest."""
    ledger = fresh()
    announced: dict[str, str] = {}
    for number, page in enumerate(pages):
        for one in ledger.announce([f"{number}{name}" for name in page], state=str(number), is_last=False):
            announced[one] = str(number)
    settled = data.draw(st.lists(st.sampled_from(sorted(announced)), unique=True) if announced else st.just([]))
    for one in settled:
        ledger.settle(one)
    begun = again(ledger)
    first = int(begun.state) + 1 if begun.state else 0
    refetched = {
        one
        for number, page in enumerate(pages)
        if number >= first
        for one in begun.announce([f"{number}{name}" for name in page], state=str(number), is_last=False)
    }
    assert refetched == set(announced) - set(settled)
