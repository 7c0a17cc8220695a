"""What a Mailbox may say about its fetcher's pod. What belongs to the pod's API stays a plain object."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from mailbox_operator.api.model import Model
from mailbox_operator.api.rules import rules
from mailbox_operator.api.selectors import LabelKey, LabelValue
from mailbox_operator.api.syntax import ONE_LINE, ObjectName, Text

QUANTITIES: Final[dict[str, Any]] = {
    "type": "object",
    "maxProperties": 16,
    "additionalProperties": {
        "x-kubernetes-int-or-string": True,
        "maxLength": 32,
        "pattern": "^[0-9]+([.][0-9]+)?(m|k|Ki|M|Mi|G|Gi)?$",
    },
}
RESOURCES: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "limits": QUANTITIES | {"description": "The most it may have (`memory: 256Mi`)."},
        "requests": QUANTITIES | {"description": "What is set aside for it (`cpu: 10m`)."},
    },
}
TOLERATION: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "key": {"type": "string", "maxLength": 317, "description": "Taint's key; absent: every taint."},
        "operator": {"type": "string", "enum": ["Exists", "Equal"], "description": "Default: Equal."},
        "value": {"type": "string", "maxLength": 63, "description": "Taint's value, for Equal."},
        "effect": {
            "type": "string",
            "enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"],
            "description": "Taint's effect; absent: every effect.",
        },
        "tolerationSeconds": {"type": "integer", "description": "How long NoExecute is tolerated; absent: for ever."},
    },
}
OWN_KEYS: Final = rules(
    (
        "self.all(key, !key.startsWith('app.kubernetes.io/') && !key.startsWith('mailbox-operator.io/'))",
        "app.kubernetes.io/ and mailbox-operator.io/ belong to the operator: use keys of your own",
    )
)


class FetcherOptions(Model):
    """The fetcher's pod."""

    image: Annotated[str, Field(min_length=1, max_length=512, json_schema_extra=ONE_LINE)] | None = Field(
        default=None, description="Image; default: the operator's."
    )
    resources: dict[str, Any] | None = Field(
        default=None, description="Resources of the container, as in a pod.", json_schema_extra=RESOURCES
    )
    node_selector: dict[LabelKey, LabelValue] = Field(default={}, max_length=32, description="Node labels to require.")
    tolerations: list[dict[str, Any]] = Field(
        default_factory=list,
        max_length=32,
        description="Taints of nodes that it tolerates, as in a pod.",
        json_schema_extra={"items": TOLERATION, "x-kubernetes-list-type": "atomic"},
    )
    affinity: dict[str, Any] | None = Field(
        default=None,
        description="Affinity, as in a pod; judged when the Deployment is made.",
        json_schema_extra={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    )
    priority_class_name: ObjectName | None = Field(default=None, description="PriorityClass of the pod.")
    service_account_name: ObjectName | None = Field(
        default=None, description="A ServiceAccount of yours in place of the one that is made; the role is bound to it."
    )
    labels: dict[LabelKey, LabelValue] = Field(
        default={}, max_length=32, description="Further labels of the pod.", json_schema_extra=OWN_KEYS
    )
    annotations: dict[LabelKey, Text] = Field(
        default={}, max_length=32, description="Annotations of the pod.", json_schema_extra=OWN_KEYS
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much the fetcher logs."
    )
