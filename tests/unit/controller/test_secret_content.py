"""What is a change of a Secret, and what is not: by its version, as the store tells it."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.controller.kinds import Key
from mailbox_operator.controller.store import Store

KEY = Key("Secret", "ns", "a")
OLD, NEW = {"password": "b2xk"}, {"password": "bmV3"}


def writer(name: str, second: int, *fields: str) -> dict[str, Any]:
    time = f"2026-11-25T12:00:{second:02}Z"
    return {"manager": name, "operation": "Update", "time": time, "fieldsV1": {field: {} for field in fields}}


def secret(version: int, data: dict[str, str], *writers: dict[str, Any], uid: str = "1") -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "ns", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata | {"managedFields": list(writers)}, "type": "Opaque", "data": dict(data)}


def seen(*shown: dict[str, Any]) -> list[tuple[bool, str | None]]:
    """Return of each version whether it was news, and by what it is known."""
    store = Store()
    return [(store.put("Secret", deepcopy(one)), store.seen_version(KEY)) for one in shown]


PERSON, STAMPER = writer("kubectl", 1, "f:data", "f:type"), writer("stamper", 2, "f:metadata")


def test_a_label_or_an_annotation_is_no_change_nor_is_it_one_after_a_restart() -> None:
    stamped = secret(2, OLD, PERSON, STAMPER)
    (first, known), (again, same) = seen(secret(1, OLD, PERSON), stamped)
    assert (first, again) == (True, False)
    assert seen(stamped) == [(True, known)]
    assert same == known


def test_another_value_is_a_change_and_the_same_one_after_a_restart() -> None:
    changed = secret(2, NEW, writer("kubectl", 5, "f:data"))
    (_, old), (news, new) = seen(secret(1, OLD, PERSON), changed)
    assert news
    assert old != new
    assert seen(changed) == [(True, new)]


def test_two_changes_within_a_second_by_one_hand_are_two() -> None:
    found = seen(
        secret(1, OLD, PERSON), secret(2, NEW, PERSON), secret(3, OLD, PERSON), secret(4, OLD, PERSON, STAMPER)
    )
    assert [news for news, _ in found] == [True, True, True, False]
    assert len({version for _, version in found}) == 3


def test_who_owns_the_data_may_stamp_too() -> None:
    """Its record moves with each stamp; the digest does not."""
    found = seen(*(secret(n, OLD, writer("sync", n, "f:data", "f:metadata")) for n in range(1, 5)))
    assert [news for news, _ in found] == [True, False, False, False]
    assert len({version for _, version in found}) == 1


def test_what_was_applied_as_string_data_counts_as_data() -> None:
    one, other = (secret(1, OLD, writer("kubectl", second, "f:stringData")) for second in (1, 2))
    assert seen(one)[0][1] != seen(other)[0][1]


def test_without_a_record_of_the_writers_a_stamp_is_no_change_while_the_operator_runs() -> None:
    (_, known), (news, same) = seen(secret(1, OLD), secret(2, OLD))
    assert (news, same) == (False, known)


@pytest.mark.parametrize("change", [{"uid": "2"}, {"type": "kubernetes.io/basic-auth"}])
def test_another_secret_by_the_same_name_is_a_change(change: dict[str, str]) -> None:
    other = secret(2, OLD, PERSON, uid=change.get("uid", "1")) | {"type": change.get("type", "Opaque")}
    (_, one), (news, two) = seen(secret(1, OLD, PERSON), other)
    assert news
    assert one != two


def test_a_secret_that_went_is_not_there() -> None:
    store = Store()
    store.put("Secret", secret(1, OLD, PERSON))
    store.remove(KEY)
    assert store.seen_version(KEY) is None


WORDS = st.text("ab:1", max_size=3)


@given(one=st.dictionaries(WORDS, WORDS), other=st.dictionaries(WORDS, WORDS))
def test_what_differs_is_told_apart_wherever_a_key_ends(one: dict[str, str], other: dict[str, str]) -> None:
    (_, first), (news, second) = seen(secret(1, one, PERSON), secret(2, other, PERSON))
    assert news == (one != other)
    assert (first == second) == (one == other)
