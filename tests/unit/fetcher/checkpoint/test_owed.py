"""What is still to be done on the server, and when it is time to delete."""

import json

from mailbox_operator.fetcher.checkpoint.owed import LATER_LIMIT, LIMIT, Owed
from mailbox_operator.fetcher.ids import Uid

DAY = 86_400.0


def reread(owed: Owed) -> Owed:
    return Owed.from_data(json.loads(json.dumps(owed.to_data())))


def test_nothing_is_deleted_before_its_time() -> None:
    owed = Owed()
    owed.add_later(Uid(1), now=1_000_000.0, after=7 * DAY)
    again = reread(owed)
    assert again.expired(now=1_000_000.0 + 7 * DAY - 1, after=7 * DAY) == []
    assert again.expired(now=1_000_000.0 + 7 * DAY + 3_600, after=7 * DAY) == [1]
    again.deleted([Uid(1)])
    assert again.expired(now=1e12, after=7 * DAY) == []


def test_a_short_time_is_kept_to_the_minute() -> None:
    owed = Owed()
    owed.add_later(Uid(1), now=1_000_000.0, after=600.0)
    assert owed.expired(now=1_000_000.0 + 660, after=600.0) == [1]


def test_another_time_in_the_plan_holds_for_what_was_handed_over_before() -> None:
    owed = Owed()
    owed.add_later(Uid(1), now=0.0, after=30 * DAY)
    assert owed.expired(now=8 * DAY, after=7 * DAY) == [1]


def test_many_messages_take_little_room() -> None:
    owed = Owed()
    for uid in range(1, 30_001):
        owed.add_later(Uid(uid), now=uid * 60.0, after=30 * DAY)
    assert len(json.dumps(owed.to_data())) < 20_000
    assert len(reread(owed).expired(now=1e12, after=30 * DAY)) == 30_000


def test_beyond_the_limit_the_oldest_are_forgotten_and_stay_on_the_server() -> None:
    owed = Owed()
    for uid in range(1, LIMIT + 3):
        owed.add(Uid(uid))
    assert (min(owed.at_once), len(owed.at_once)) == (3, LIMIT)
    for uid in range(1, LATER_LIMIT + 2):
        owed.add_later(Uid(uid), now=uid * 60.0, after=60.0)
    assert min(owed.expired(now=1e12, after=60.0)) == 2
