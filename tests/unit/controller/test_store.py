import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.kinds import Key
from mailbox_operator.controller.store import REMEMBERED, Store


def obj(version: int, *, name: str = "a", uid: str = "1", **more: Any) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": "ns",
        "uid": uid,
        "resourceVersion": str(version),
        "managedFields": [{"manager": "long"}],
    }
    return {"metadata": metadata, **more}


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    store = Store()
    assert store.put("Mailbox", obj(5))
    assert not store.put("Mailbox", obj(4))
    assert not store.put("Mailbox", obj(5)), "our own write, seen again"
    assert store.put("Mailbox", obj(6))


def test_an_object_made_anew_under_the_same_name_is_news() -> None:
    store = Store()
    store.put("Mailbox", obj(9, uid="1"))
    assert store.put("Mailbox", obj(3, uid="2"))


def test_of_a_secret_only_the_version_is_kept() -> None:
    store = Store()
    store.put("Secret", obj(1, data={"password": "c2VjcmV0"}))
    kept = store.get(Key("Secret", "ns", "a"))
    assert kept is not None
    assert "data" not in kept
    assert "managedFields" not in kept["metadata"]


def test_the_same_words_in_many_conditions_are_kept_once() -> None:
    store = Store()
    for name in ("a", "b"):
        status = json.loads('{"conditions": [{"type": "Ready", "observedGeneration": 1, "message": "Mail comes in"}]}')
        store.put("Mailbox", obj(5, name=name, status=status))
    one, other = (found["status"]["conditions"][0] for found in store.objects("Mailbox"))
    assert one == other
    assert one["message"] is other["message"]


def test_the_late_answer_to_a_write_does_not_bring_back_what_is_gone() -> None:
    store, key = Store(), Key("Mailbox", "ns", "a")
    store.put("Mailbox", obj(5))
    store.remove(key, last=obj(7))
    assert not store.put("Mailbox", obj(6)), "our write, made before the end and answered after it"
    assert store.get(key) is None
    assert store.put("Mailbox", obj(8, uid="2")), "another by the same name"


def test_what_only_left_the_watch_comes_back() -> None:
    """A child whose label somebody takes away is told as deleted, and keeps its uid when the label is put back."""
    store, key = Store(), Key("ConfigMap", "ns", "a")
    store.put("ConfigMap", obj(5))
    store.remove(key, last=obj(7))
    assert store.put("ConfigMap", obj(8))
    assert store.get(key) is not None


def test_without_a_last_word_what_was_known_counts() -> None:
    store, key = Store(), Key("Mailbox", "ns", "a")
    store.put("Mailbox", obj(5))
    store.remove(key)
    assert not store.put("Mailbox", obj(5))
    assert store.put("Mailbox", obj(6))


def test_not_all_that_ever_went_is_remembered() -> None:
    store = Store()
    for number in range(REMEMBERED + 10):
        store.put("Mailbox", obj(1, name=str(number)))
        store.remove(Key("Mailbox", "ns", str(number)))
    assert store.put("Mailbox", obj(1, name="0"))
    assert not store.put("Mailbox", obj(1, name=str(REMEMBERED)))


KEYS = st.builds(Key, st.sampled_from(["Secret", "MailProvider"]), st.just("ns"), st.sampled_from("abc"))
REFERRERS = st.builds(Key, st.just("Mailbox"), st.just("ns"), st.sampled_from("xyz"))


@given(updates=st.lists(st.tuples(REFERRERS, st.frozensets(KEYS))))
def test_the_index_is_the_reverse_of_what_was_said_last(updates: list[tuple[Key, frozenset[Key]]]) -> None:
    index, said = ReverseIndex(), {}
    for referrer, targets in updates:
        index.update(referrer, targets)
        said[referrer] = targets
    for target in {one for targets in said.values() for one in targets}:
        assert index.referrers(target) == {who for who, targets in said.items() if target in targets}
