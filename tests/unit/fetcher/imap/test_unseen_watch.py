"""Which messages were marked unread since the last look."""

import json

from mailbox_operator.fetcher.ids import Uid
from mailbox_operator.fetcher.imap.unseen_watch import LIMIT, UnseenWatch


def uids(*numbers: int) -> list[Uid]:
    return [Uid(number) for number in numbers]


def test_at_the_first_look_nothing_has_changed() -> None:
    watch = UnseenWatch()
    assert watch.look(uids(1, 2)) == []
    assert watch.look(uids(1, 2, 3)) == [3]
    assert watch.look(uids(1)) == []
    assert watch.look(uids(1, 2)) == [2], "it had been read in between"


def test_it_survives_a_restart() -> None:
    watch = UnseenWatch()
    assert UnseenWatch.from_data(watch.to_data()).look(uids(1)) == []
    watch.look(uids(1))
    again = UnseenWatch.from_data(json.loads(json.dumps(watch.to_data())))
    assert again.look(uids(1, 2)) == [2]


def test_of_very_many_the_youngest_are_watched_and_older_ones_do_not_seem_new() -> None:
    watch = UnseenWatch()
    watch.look(uids(*range(1, LIMIT + 101)))
    assert watch.look(uids(*range(1, LIMIT + 50))) == [], "those that come into view again have not changed"
    assert watch.look(uids(*range(1, LIMIT + 50), LIMIT + 200)) == [LIMIT + 200]
