"""What every checkpoint store must do. A subclass gives `place`: each call of `opened` is another process's store."""

import contextlib
from typing import Protocol

import pytest

from mailbox_operator.fetcher.checkpoint.store import FencedError, Store


class Place(Protocol):
    """Where stores keep one checkpoint."""

    def opened(self, holder: str) -> contextlib.AbstractAsyncContextManager[Store]:
        """Return a store that `holder` uses, not opened yet; it is closed at the end."""


class StoreSuite:
    """Inherit, and define a fixture `place`."""

    async def test_there_is_none_at_first(self, place: Place) -> None:
        async with place.opened("pod-1") as store:
            assert await store.open() is None

    async def test_what_is_saved_is_there_when_it_is_opened_again(self, place: Place) -> None:
        async with place.opened("pod-1") as store:
            await store.open()
            await store.save(checkpoint='{"mail": "ü"}', progress="{}")
            await store.save(checkpoint='{"mail": "ß"}', progress='{"state": "Idle"}')
        async with place.opened("pod-2") as store:
            assert await store.open() == '{"mail": "ß"}'

    async def test_of_two_holders_one_is_fenced_off_and_writes_nothing(self, place: Place) -> None:
        async with place.opened("pod-1") as first, place.opened("pod-2") as second:
            await first.open()
            await first.save(checkpoint="1", progress="{}")
            fenced = 0
            with contextlib.suppress(FencedError):
                fenced += 1
                assert await second.open() == "1"
                fenced -= 1
            for store, written in ((first, "by the first"), (second, "by the second")):
                with contextlib.suppress(FencedError):
                    fenced += 1
                    await store.save(checkpoint=written, progress="{}")
                    fenced -= 1
                if fenced:
                    break
            assert fenced == 1
        async with place.opened("pod-3") as store:
            assert await store.open() in {"1", "by the first", "by the second"}

    @pytest.mark.parametrize("octets", [1_000, 900_000])
    async def test_a_checkpoint_of_any_size_that_a_configmap_takes_comes_back(self, place: Place, octets: int) -> None:
        text = "x" * octets
        async with place.opened("pod-1") as store:
            await store.open()
            await store.save(checkpoint=text, progress="{}")
        async with place.opened("pod-2") as store:
            assert await store.open() == text
