"""Types of fields that several kinds share: bounded strings, durations, references."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DURATION_PATTERN: Final = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
DAYS_PATTERN: Final = r"^(0|[0-9]+d|([0-9]+(\.[0-9]+)?(ms|s|m|h))+)$"
NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
HOST_PATTERN: Final = r"^[^\s/:@\[\]]+$|^\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?$"


class Model(BaseModel):
    """Base of all models: camelCase outside, unknown fields dropped as the API server drops them, immutable."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Return CEL rules with their messages as an extension of a model's schema."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


def exactly_one(*names: str, what: str) -> tuple[str, str]:
    """Return the rule that exactly one of some fields is set."""
    count = " + ".join(f"(has(self.{name}) ? 1 : 0)" for name in names)
    listed = ", ".join(names[:-1]) + " or " + names[-1]
    return f"({count}) == 1", f"exactly one of {listed} must be set: {what}"


def at_most_one(first: str, second: str, what: str) -> tuple[str, str]:
    """Return the rule that two fields exclude each other."""
    return f"!(has(self.{first}) && has(self.{second}))", f"{first} and {second} exclude each other: {what}"


Text = Annotated[str, Field(max_length=1024)]
ShortText = Annotated[str, Field(max_length=253)]
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=NAME_PATTERN)]
Host = Annotated[str, Field(min_length=1, max_length=253, pattern=HOST_PATTERN)]
Port = Annotated[int, Field(ge=1, le=65535)]
Duration = Annotated[str, Field(max_length=32, pattern=DURATION_PATTERN)]
URL = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^https?://[^\s]+$")]
Address = Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")]
"""RFC 5321 section 4.5.3.1 bounds, RFC 6531 characters."""


class SecretKey(Model):
    """A key of a Secret in the same namespace."""

    name: ObjectName = Field(description="Name of the Secret, in this namespace.")
    key: ShortText = Field(default="password", description="Key in the Secret's data.")


class CertificateSecret(Model):
    """A CA bundle in a Secret."""

    name: ObjectName = Field(description="Name of the Secret, in this namespace.")
    key: ShortText = Field(default="ca.crt", description="Key with the PEM bundle.")


class CertificateConfigMap(Model):
    """A CA bundle in a ConfigMap."""

    name: ObjectName = Field(description="Name of the ConfigMap, in this namespace.")
    key: ShortText = Field(default="ca.crt", description="Key with the PEM bundle.")


class NameOnly(Model):
    """A Secret as a whole, or a cluster-scoped object, by name."""

    name: ObjectName = Field(description="Name of the object.")


class LabelSelector(Model):
    """A selector by labels, all of which must match."""

    match_labels: dict[Annotated[str, Field(max_length=317)], Annotated[str, Field(max_length=63)]] = Field(
        default_factory=dict, max_length=16, description="Labels that an object must carry with these values."
    )
