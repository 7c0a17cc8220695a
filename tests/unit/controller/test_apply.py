from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.controller.apply import Applier, covers
from mailbox_operator.controller.kinds import CONFIG_MAP
from mailbox_operator.controller.store import Store
from unit.controller.api_server import ApiServer, serving

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(JSON)
def test_everything_covers_itself(value: Any) -> None:
    assert covers(value, value)


@pytest.mark.parametrize(
    ("observed", "wanted", "expected"),
    [
        ({"a": 1, "added": 2}, {"a": 1}, True),
        ({"a": 2}, {"a": 1}, False),
        ({}, {"a": 1}, False),
        ({}, {"a": {}}, True),
        ({}, {"a": []}, True),
        ({"a": [1]}, {"a": []}, False),
        ([{"a": 1, "default": 2}], [{"a": 1}], True),
        ([1, 2], [1], False),
        ([2, 1], [1, 2], False),
        ({"a": "1"}, {"a": 1}, False),
        (None, {"a": 1}, False),
    ],
)
def test_what_others_added_does_not_count(observed: Any, wanted: Any, *, expected: bool) -> None:
    assert covers(observed, wanted) is expected


def config_map(data: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": "mbx-a"}, "data": {"k": data}}


async def test_an_object_is_sent_only_where_it_differs() -> None:
    server = ApiServer(answer=lambda asked: (200, stored(asked.body, version=len(server.asked))))
    store = Store()
    async with serving(server) as client:
        applier = Applier(client, store)
        assert await applier.apply(CONFIG_MAP, config_map("one")) is True
        assert await applier.apply(CONFIG_MAP, config_map("one")) is False
        assert await applier.apply(CONFIG_MAP, config_map("two")) is False
    assert [one.body["data"]["k"] for one in server.asked] == ["one", "two"]


async def test_what_the_api_server_spells_otherwise_is_sent_once() -> None:
    server = ApiServer(answer=lambda asked: (200, stored(asked.body, version=1) | {"data": {"k": "1Gi"}}))
    store = Store()
    async with serving(server) as client:
        applier = Applier(client, store)
        for _ in range(3):
            await applier.apply(CONFIG_MAP, config_map("1024Mi"))
        assert len(server.asked) == 1
        drifted = stored(config_map("9Gi"), version=2)
        store.put(CONFIG_MAP.name, drifted)
        await applier.apply(CONFIG_MAP, config_map("1024Mi"))
    assert len(server.asked) == 2, "an edit by hand is mended all the same"


def stored(obj: dict[str, Any], *, version: int) -> dict[str, Any]:
    return obj | {"metadata": obj["metadata"] | {"resourceVersion": str(version)}}
