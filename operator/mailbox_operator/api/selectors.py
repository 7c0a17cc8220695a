"""Selection of objects by their labels, as everywhere in Kubernetes."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.model import Model
from mailbox_operator.api.rules import rules

LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


class LabelRequirement(Model):
    """What a label must be."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
                "In and NotIn need values, Exists and DoesNotExist have none",
            )
        )
    )

    key: LabelKey = Field(description="The label.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(description="How it relates to the values.")
    values: list[LabelValue] = Field(
        default_factory=list,
        max_length=32,
        description="Values, for In and NotIn.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Say whether an object with these labels meets it. As in Kubernetes, an absent label is NotIn anything."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None


class LabelSelector(Model):
    """A selector by labels; all of it must hold. An empty one selects everything."""

    match_labels: dict[LabelKey, LabelValue] = Field(
        default={}, max_length=32, description="Labels that an object must carry with these values."
    )
    match_expressions: list[LabelRequirement] = Field(
        default_factory=list,
        max_length=32,
        description="What further labels must be.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Say whether an object with these labels is selected."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            requirement.holds(labels) for requirement in self.match_expressions
        )
