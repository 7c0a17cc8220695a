"""Which message goes to the sink next; time is a number here."""

import pytest

from mailbox_operator.fetcher.delivery_schedule import (
    FAILING_AFTER,
    LONELY_FAILURES,
    MEMORY_LIMIT,
    Delivery,
    DeliverySchedule,
)
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.message import Message
from mailbox_operator.fetcher.webhook.answer import Answer, Verdict, judge_answer

DOWN = Answer(verdict=Verdict.AGAIN, said="The connection ended", is_transport=True)


def schedule(*, concurrency: int = 2) -> DeliverySchedule:
    return DeliverySchedule(concurrency=concurrency, chance=lambda: 0.999, now=0.0)


def delivery(uid: int, *, octets: bytes = b"x", now: float = 0.0) -> Delivery:
    message = Message(("INBOX", UidValidity(1), Uid(uid)), b"", None, 1, header_only=False, message_id=b"")
    return Delivery(message, octets, None, now=now)


def take_uid(plan: DeliverySchedule, *, now: float, under_way: int = 0) -> int | None:
    found = plan.take(now=now, under_way=under_way)
    return int(found.message.id) if found else None


def test_messages_go_in_order() -> None:
    plan = schedule()
    for uid in (1, 2, 3):
        plan.add(delivery(uid))
    assert [take_uid(plan, now=0) for _ in range(4)] == [1, 2, 3, None]


def test_a_failed_message_waits_longer_each_time_while_others_go_on() -> None:
    plan = schedule(concurrency=5)
    one, two = delivery(1), delivery(2)
    plan.add(one)
    plan.add(two)
    assert plan.take(now=0, under_way=0) is one
    assert plan.fail(one, judge_answer(500), now=0) is False
    assert plan.wake_at(now=0) == 0.999
    assert plan.take(now=0, under_way=0) is two
    assert plan.take(now=0.9, under_way=0) is None
    assert plan.take(now=1.0, under_way=0) is one
    plan.fail(one, judge_answer(500), now=1.0)
    assert plan.wake_at(now=1.0) == 1.0 + 2 * 0.999


def test_a_sink_that_fails_is_asked_one_at_a_time_until_it_accepts() -> None:
    plan = schedule(concurrency=2)
    for uid in range(1, 7):
        plan.add(delivery(uid))
    first, second = plan.take(now=0, under_way=0), plan.take(now=0, under_way=1)
    assert first
    assert second
    plan.fail(first, DOWN, now=0)
    plan.fail(second, DOWN, now=0)
    assert plan.take(now=0.5, under_way=0) is None, "closed for a while"
    probe = plan.take(now=1.0, under_way=0)
    assert probe
    assert plan.take(now=1.0, under_way=1) is None, "one at a time"
    plan.accept(probe, now=1.1)
    assert sorted(filter(None, (take_uid(plan, now=1.1) for _ in range(9)))) == [
        uid for uid in range(1, 7) if uid != probe.message.id
    ], "and then all, without waiting out their own delays"


def test_what_was_under_way_when_the_sink_went_down_makes_no_wait_longer() -> None:
    plan = schedule(concurrency=8)
    under_way = []
    for uid in range(1, 16):
        plan.add(delivery(uid))
        under_way.append(plan.take(now=0, under_way=min(uid, 7)))
    for one in under_way:
        assert one
        plan.fail(one, DOWN, now=0.1)
    assert take_uid(plan, now=1.0) is None
    assert take_uid(plan, now=1.1) is not None, "one second, as after the first failure"


def test_retry_after_closes_the_sink_for_all() -> None:
    plan = schedule(concurrency=5)
    one = delivery(1)
    plan.add(one)
    plan.add(delivery(2))
    plan.take(now=0, under_way=0)
    plan.fail(one, judge_answer(429, retry_after=b"30"), now=0)
    assert plan.take(now=29, under_way=0) is None
    assert plan.wake_at(now=29) == 30
    assert plan.take(now=30, under_way=0) is not None


def test_a_message_that_fails_alone_is_given_up_in_the_end() -> None:
    plan = schedule(concurrency=5)
    poison = delivery(1)
    plan.add(poison)
    given_up = 0
    for round_ in range(LONELY_FAILURES):
        other = delivery(100 + round_)
        plan.add(other)
        plan.accept(other, now=round_)
        given_up = plan.fail(poison, judge_answer(500), now=round_)
    assert given_up is True


@pytest.mark.parametrize("busy", [judge_answer(429), judge_answer(503, retry_after=b"1")])
def test_no_message_is_given_up_since_it_came_when_the_sink_was_busy(busy: Answer) -> None:
    plan = schedule(concurrency=5)
    unlucky = delivery(1)
    plan.add(unlucky)
    for number in range(3 * LONELY_FAILURES):
        other = delivery(100 + number)
        plan.add(other)
        plan.accept(other, now=number)
        assert plan.fail(unlucky, busy, now=number) is False


def test_what_the_sink_has_said_of_when_to_come_again_holds_though_it_takes_one_meanwhile() -> None:
    plan = schedule(concurrency=2)
    under_way = [delivery(uid) for uid in (1, 2, 3)]
    for one in under_way:
        plan.add(one)
        assert plan.take(now=0, under_way=0) is one
    plan.fail(under_way[0], judge_answer(429, retry_after=b"30"), now=0)
    plan.fail(under_way[1], judge_answer(429, retry_after=b"30"), now=0)
    plan.accept(under_way[2], now=1)
    assert plan.take(now=29, under_way=0) is None
    assert plan.wake_at(now=29) == 30


@pytest.mark.parametrize("answer", [DOWN, judge_answer(500), judge_answer(429), judge_answer(404)])
def test_one_at_a_time_is_in_order_whatever_fails(answer: Answer) -> None:
    chances = iter([0.0, 0.999] * 50)
    plan = DeliverySchedule(concurrency=1, chance=lambda: next(chances), now=0.0)
    for uid in (1, 2):
        plan.add(delivery(uid))
    now = 0.0
    for _ in range(LONELY_FAILURES - 1):
        found = plan.take(now=now, under_way=0)
        assert found
        assert found.message.id == 1
        found.started = now
        plan.fail(found, answer, now=now)
        assert plan.take(now=now, under_way=0) is None
        now = plan.wake_at(now=now) or now
    assert take_uid(plan, now=now) == 1


def test_one_at_a_time_waits_for_a_refused_message_to_be_refused_for_good() -> None:
    plan = schedule(concurrency=1)
    for uid in (1, 2):
        plan.add(delivery(uid))
    refused = plan.take(now=0, under_way=0)
    assert refused
    plan.postpone(refused, now=0)
    assert plan.take(now=0.5, under_way=0) is None
    assert plan.take(now=1, under_way=0) is refused


def test_one_at_a_time_lets_others_past_a_message_that_may_be_at_fault() -> None:
    plan = schedule(concurrency=1)
    for uid in (1, 2):
        plan.add(delivery(uid))
    now = 0.0
    for _ in range(LONELY_FAILURES):
        poison = plan.take(now=now, under_way=0)
        assert poison
        plan.fail(poison, judge_answer(500), now=now)
        now = plan.wake_at(now=now) or now
    assert take_uid(plan, now=now) == 2


def test_a_message_is_not_given_up_while_the_whole_sink_is_down() -> None:
    plan = schedule(concurrency=5)
    one = delivery(1)
    plan.add(one)
    assert not any(plan.fail(one, judge_answer(500), now=n) for n in range(100))
    assert not any(plan.fail(one, DOWN, now=n) for n in range(100))


def test_ten_minutes_of_500_cost_few_requests_and_nothing_is_given_up() -> None:
    plan, now, asked = schedule(concurrency=8), 0.0, 0
    waiting = [delivery(uid) for uid in range(1, 21)]
    for one in waiting:
        plan.add(one)
    while now < 600:
        while tried := plan.take(now=now, under_way=0):
            tried.started = now
            assert not plan.fail(tried, judge_answer(500), now=now)
            asked += 1
        wake = plan.wake_at(now=now)
        assert wake is not None
        now = max(wake, now + 0.001)
    assert asked < 40, "a minute apart in the end"
    assert plan.health(now=now).failing
    accepted = set[int]()
    while now < 661 and len(accepted) < len(waiting):
        while tried := plan.take(now=now, under_way=0):
            plan.accept(tried, now=now)
            accepted.add(int(tried.message.id))
        now += 0.5
    assert accepted == set(range(1, 21)), "all of them, within a minute of its recovery"
    assert not plan.health(now=now).failing


def test_gone_is_gone_for_good() -> None:
    plan = schedule()
    one, two = delivery(1), delivery(2)
    plan.add(one)
    plan.add(two)
    plan.fail(one, judge_answer(410), now=0)
    plan.accept(two, now=0)
    assert plan.take(now=1e9, under_way=0) is None
    health = plan.health(now=1)
    assert (health.gone, health.reason, health.held) == (True, "SinkGone", 1)


def test_a_sink_fails_when_nothing_was_accepted_for_long() -> None:
    plan = schedule()
    one = delivery(1, now=1000.0)
    plan.add(one)
    assert plan.health(now=1000 + FAILING_AFTER).failing is False, "nobody complained"
    plan.fail(one, DOWN, now=1000)
    assert plan.health(now=1000 + FAILING_AFTER - 1).failing is False
    health = plan.health(now=1000 + FAILING_AFTER)
    assert (health.failing, health.said) == (True, "The connection ended")


def test_a_misconfigured_sink_fails_at_once() -> None:
    plan = schedule()
    one = delivery(1)
    plan.add(one)
    plan.fail(one, judge_answer(404), now=0)
    assert plan.health(now=0).failing
    plan.accept(one, now=1)
    assert plan.health(now=1).failing is False


def test_it_is_full_by_octets_and_opens_again_at_half() -> None:
    plan = schedule()
    large = [delivery(uid, octets=bytes(MEMORY_LIMIT // 4)) for uid in range(1, 6)]
    for one in large:
        plan.add(one)
    assert plan.judge_fullness() is True
    assert plan.judge_fullness() is None
    plan.settle(large[0])
    plan.settle(large[1])
    assert plan.judge_fullness() is None, "three quarters"
    plan.settle(large[2])
    assert plan.judge_fullness() is False
