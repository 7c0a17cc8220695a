import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.controller.kinds import Key
from mailbox_operator.controller.work_queue import LONGEST_BACKOFF, Lane, WorkQueue


def key(name: str) -> Key:
    return Key("Mailbox", "ns", name)


@dataclass
class VirtualTime:
    """Timers that fire when the test says so."""

    now: float = 0.0
    timers: list["Timer"] = field(default_factory=list)

    def call_later(self, seconds: float, call: Callable[..., None], *args: Any) -> "Timer":
        timer = Timer(self.now + seconds, call, args)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for timer in sorted(self.timers, key=lambda one: one.at):
            if timer.at <= self.now and not timer.cancelled:
                timer.cancelled = True
                timer.call(*timer.args)


@dataclass
class Timer:
    at: float
    call: Callable[..., None]
    args: tuple[Any, ...]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


def make() -> tuple[WorkQueue, VirtualTime]:
    time = VirtualTime()
    return WorkQueue(call_later=time.call_later), time  # type: ignore[arg-type]  # a handle's cancel() is all that is used


async def drain(queue: WorkQueue) -> list[str]:
    names = []
    while queue.depth(Lane.CHANGED) or queue.depth(Lane.PERIODIC):
        taken = await queue.take()
        names.append(taken.name)
        queue.done(taken)
    return names


async def test_a_key_waits_once() -> None:
    queue, _ = make()
    for _n in range(3):
        queue.add(key("a"))
    assert await drain(queue) == ["a"]


async def test_what_has_changed_goes_before_what_is_periodic() -> None:
    queue, _ = make()
    for number in range(100):
        queue.add(key(f"old{number}"), Lane.PERIODIC)
    queue.add(key("new"), Lane.CHANGED)
    assert (await queue.take()).name == "new"


async def test_a_change_of_a_waiting_periodic_key_moves_it_forward() -> None:
    queue, _ = make()
    queue.add(key("a"), Lane.PERIODIC)
    queue.add(key("b"), Lane.PERIODIC)
    queue.add(key("b"), Lane.CHANGED)
    assert await drain(queue) == ["b", "a"]


async def test_a_key_added_during_its_visit_is_visited_again_and_not_meanwhile() -> None:
    queue, _ = make()
    queue.add(key("a"))
    taken = await queue.take()
    queue.add(key("a"))
    assert (queue.depth(Lane.CHANGED), queue.busy) == (0, 1)
    queue.done(taken)
    assert (queue.depth(Lane.CHANGED), queue.busy) == (1, 0)
    assert await drain(queue) == ["a"]


async def test_a_worker_waits_until_there_is_something() -> None:
    queue, _ = make()
    async with asyncio.TaskGroup() as group:
        taking = group.create_task(queue.take())
        await asyncio.sleep(0)
        assert not taking.done()
        queue.add(key("a"))
    assert taking.result() == key("a")


async def test_of_several_later_visits_the_last_wish_counts() -> None:
    queue, time = make()
    queue.add_after(key("a"), 10)
    queue.add_after(key("a"), 100)
    time.advance(50)
    assert queue.depth(Lane.PERIODIC) == 0
    time.advance(50)
    assert queue.depth(Lane.PERIODIC) == 1


async def test_a_forgotten_key_does_not_come_back() -> None:
    queue, time = make()
    queue.add_after(key("a"), 10)
    queue.forget(key("a"))
    time.advance(20)
    assert queue.depth(Lane.PERIODIC) == 0


@given(count=st.integers(1, 50), jitter=st.floats(0, 1), least=st.none() | st.floats(0, 600))
def test_back_off_grows_and_has_an_end(count: int, jitter: float, least: float | None) -> None:
    queue, _ = make()
    waits = [queue.failed(key("a"), jitter=jitter, least=least) for _ in range(count)]
    assert all(wait >= (least or 0) for wait in waits)
    assert all(wait <= max(LONGEST_BACKOFF, least or 0) for wait in waits)
    assert waits == sorted(waits)
    queue.succeeded(key("a"))
    assert queue.failed(key("a"), jitter=jitter) <= 1


async def test_a_key_wakes_one_worker_and_one_that_is_stopped_then_wakes_another() -> None:
    queue, _ = make()
    async with asyncio.TaskGroup() as workers:
        first, second = workers.create_task(queue.take()), workers.create_task(queue.take())
        await asyncio.sleep(0)  # both wait
        queue.add(key("a"))
        first.cancel()
        async with asyncio.timeout(10):
            assert await second == key("a")
        assert first.cancelled()
        third = workers.create_task(queue.take())
        await asyncio.sleep(0)
        third.cancel()  # nobody's turn is lost with one who only waited
        await asyncio.sleep(0)
        queue.add(key("b"))
        async with asyncio.timeout(10):
            assert await queue.take() == key("b")
