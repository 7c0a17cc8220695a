"""A fault of our own is told by its kind and place."""

import asyncio

import pytest

from mailbox_operator.controller.fault import describe, trace
from mailbox_operator.mail.guard import parse_networks


async def stumble() -> None:
    parse_networks(["sesame"])


async def test_it_is_the_first_of_a_group_and_its_words_are_left_out() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(stumble())
    told, frames = describe(caught.value), trace(caught.value)
    assert told.startswith("ValueError in mail/guard.py line ")
    assert any("guard.py" in frame for frame in frames)
    assert "sesame" not in f"{told} {frames}"


def test_one_from_elsewhere_is_told_by_its_kind() -> None:
    assert describe(KeyError("sesame")) == "KeyError"
    assert trace(KeyError("sesame")) == []
