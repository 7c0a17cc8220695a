"""How many runs go on at once."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from mailbox_operator.verification.limits import Limits


async def entered(limits: Limits, *hosts: str) -> bool:
    """Whether a run at `hosts` could start now."""
    try:
        async with asyncio.timeout(0.01), limits.at(*hosts):
            return True
    except TimeoutError:
        return False


async def test_a_host_has_so_many_places_and_others_are_not_kept_waiting() -> None:
    limits = Limits(total=10, per_host=2)
    async with AsyncExitStack() as held:
        for _ in range(2):
            await held.enter_async_context(limits.at("a.test", "out.test"))
        assert not await entered(limits, "A.test")
        assert not await entered(limits, "b.test", "out.test")
        assert await entered(limits, "b.test")
    assert await entered(limits, "a.test", "out.test")


async def test_all_together_have_so_many_places() -> None:
    limits = Limits(total=1, per_host=2)
    async with limits.at("a.test"):
        assert not await entered(limits, "b.test")
    assert await entered(limits, "b.test")


async def test_a_provider_has_so_many_places_at_all_its_hosts() -> None:
    limits = Limits(total=10, per_host=10)
    async with limits.at("a.test", provider="p", provider_runs=1):
        assert await entered(limits, "a.test")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), limits.at("b.test", provider="p", provider_runs=1):
                pass
        async with limits.at("b.test", provider="q", provider_runs=1):
            pass
    assert limits._busy == {}


async def test_incoming_and_outgoing_side_at_one_host_take_one_place() -> None:
    assert await entered(Limits(total=1, per_host=1), "a.test", "a.test")


async def test_runs_that_need_the_same_hosts_in_another_order_do_not_wait_for_each_other() -> None:
    limits = Limits(total=10, per_host=1)

    async def run(*hosts: str) -> None:
        for _ in range(50):
            async with limits.at(*hosts):
                await asyncio.sleep(0)

    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        group.create_task(run("a.test", "b.test"))
        group.create_task(run("b.test", "a.test"))


async def test_hosts_are_forgotten_also_after_a_fault() -> None:
    limits = Limits()
    with pytest.raises(ValueError, match="ours"):
        async with limits.at("a.test", "b.test"):
            raise ValueError("ours")
    assert limits._busy == {}
    assert limits._all.free == limits.total


async def test_who_is_waited_for_comes_before_all_others() -> None:
    limits, order = Limits(total=10, per_host=1), []

    async def run(name: str, *, urgent: bool) -> None:
        async with limits.at("a.test", urgent=urgent):
            order.append(name)

    async with asyncio.TaskGroup() as group, limits.at("a.test"):
        for n in range(3):
            group.create_task(run(f"due {n}", urgent=False))
        await asyncio.sleep(0)
        group.create_task(run("changed", urgent=True))
        await asyncio.sleep(0)
    assert order == ["changed", "due 0", "due 1", "due 2"]
    assert limits._busy == {}


@pytest.mark.parametrize("wakes", [0, 1, 2])
async def test_a_place_is_not_lost_with_one_who_gives_up(wakes: int) -> None:
    limits = Limits(total=1, per_host=1)

    async def run() -> None:
        async with limits.at("a.test"):
            pass

    async with limits.at("a.test"):
        impatient = asyncio.get_running_loop().create_task(run())
        await asyncio.sleep(0)
    for _ in range(wakes):
        await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    assert await entered(limits, "a.test")
    assert limits._busy == {}
    assert limits._all.free == 1
