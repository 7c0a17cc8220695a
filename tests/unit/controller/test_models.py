from typing import Any

from mailbox_operator.controller.kinds import MAILBOX, PROVIDER, Key
from mailbox_operator.controller.models import Models

BOX = Key(MAILBOX.name, "helpdesk", "support")
HOSTED = Key(PROVIDER.name, "", "hosted")


def mailbox_object(address: str) -> dict[str, Any]:
    return {
        "metadata": {"name": BOX.name, "namespace": BOX.namespace},
        "spec": {"address": address, "credentials": {"passwordSecretRef": {"name": "password"}}},
    }


def test_a_mailbox_is_read_once_and_again_when_another_object_is_in_its_place() -> None:
    models, first, second = Models(), mailbox_object("a@example.com"), mailbox_object("b@example.com")
    kept = models.mailbox(BOX, first)
    assert models.mailbox(BOX, first) is kept
    assert models.mailbox(BOX, second).spec.address == "b@example.com"
    assert models.mailbox(BOX, first).spec.address == "a@example.com"


def test_a_mailbox_that_was_dropped_is_read_again() -> None:
    models, obj = Models(), mailbox_object("a@example.com")
    kept = models.mailbox(BOX, obj)
    models.drop(BOX)
    models.drop(BOX)
    again = models.mailbox(BOX, obj)
    assert again is not kept
    assert again == kept


def test_a_provider_is_read_once_and_forgotten_with_its_object() -> None:
    models = Models()
    obj: dict[str, Any] = {"metadata": {"name": HOSTED.name}, "spec": {"displayName": "Hosted"}}
    kept = models.provider(HOSTED, obj)
    assert kept is not None
    assert kept.spec.display_name == "Hosted"
    assert models.provider(HOSTED, obj) is kept
    assert models.provider(HOSTED, None) is None
    assert models.provider(HOSTED, obj) is not kept
