"""How and how often a Mailbox is proven."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.model import Model
from mailbox_operator.api.rules import AS_ONE
from mailbox_operator.api.syntax import between

StepTime = Annotated[str, Field(max_length=32, json_schema_extra=between("1s", "5m"))]


class Timeouts(Model):
    """Total time of each step."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    connect: StepTime = Field(default="10s", description="To resolve, connect and read the greeting.")
    authenticate: StepTime = Field(default="5s", description="To sign in.")
    step: StepTime = Field(default="30s", description="Any other step.")


class Verification(Model):
    """How and how often the mailbox is proven."""

    interval: Annotated[str, Field(max_length=32, json_schema_extra=between("1m", "168h"))] = Field(
        default="1h", description="How often a healthy mailbox is proven again. A Go duration from 1m to 168h."
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, description="How long a step may take.")
    test_message: Literal["OnChange", "Never"] | None = Field(
        default=None,
        description="OnChange: after each change of spec or credential, send a message from the mailbox to itself and "
        "remove it again. Default: OnChange, or Never where there is no outgoing side.",
    )
