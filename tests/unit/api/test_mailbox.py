from typing import Any, Final

import pytest
from pydantic import ValidationError

from mailbox_operator.api.defaulting import defaulted
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.validation import schemas

SMALLEST: Final[dict[str, Any]] = {
    "apiVersion": "mailbox-operator.io/v1alpha1",
    "kind": "Mailbox",
    "metadata": {"name": "support", "namespace": "helpdesk", "generation": 3, "resourceVersion": "17", "uid": "u-1"},
    "spec": {"address": "support@example.com", "credentials": {"passwordSecretRef": {"name": "support-mail"}}},
}


def with_spec(**spec: Any) -> Mailbox:
    return Mailbox.model_validate(SMALLEST | {"spec": SMALLEST["spec"] | spec})


def test_a_stored_object_is_read_with_its_metadata() -> None:
    found = Mailbox.model_validate(SMALLEST)
    assert (found.metadata.name, found.metadata.namespace, found.metadata.generation) == ("support", "helpdesk", 3)
    assert (found.metadata.resource_version, found.metadata.uid) == ("17", "u-1")
    assert found.status.observed_generation == -1


def test_model_and_schema_have_the_same_defaults() -> None:
    completed = defaulted(SMALLEST, schema=schemas()["Mailbox"])
    assert completed != SMALLEST
    assert Mailbox.model_validate(completed) == Mailbox.model_validate(SMALLEST)


def test_fields_of_later_versions_are_passed_over() -> None:
    assert with_spec(colour="blue") == with_spec()


def test_names_are_snake_case_inside_and_camel_case_outside() -> None:
    found = with_spec(fetch={"afterFetch": {"markSeen": False}, "filter": {"from": ["boss@example.com"]}})
    assert found.spec.fetch.after_fetch.mark_seen is False
    assert found.spec.fetch.filter.from_ == ["boss@example.com"]
    written = found.model_dump(by_alias=True, exclude_unset=True)["spec"]
    assert written["fetch"] == {"afterFetch": {"markSeen": False}, "filter": {"from": ["boss@example.com"]}}


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        with_spec().spec.suspend = True  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({}, True),
        ({"outgoing": {"protocol": "SMTP"}}, True),
        ({"outgoing": {"protocol": "None"}}, False),
        ({"verification": {"testMessage": "Never"}}, False),
        ({"verification": {"testMessage": "OnChange"}}, True),
    ],
)
def test_a_test_message_is_wanted_unless_nothing_is_sent(spec: dict[str, Any], wanted: bool) -> None:  # noqa: FBT001
    assert with_spec(**spec).spec.wants_test_message is wanted
