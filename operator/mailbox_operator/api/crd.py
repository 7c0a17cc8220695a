"""The three CustomResourceDefinitions, made from the models."""

from dataclasses import dataclass
from typing import Any, Final

import yaml

from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.mailprovider import MailProvider
from mailbox_operator.api.meta import GROUP, VERSION
from mailbox_operator.api.model import Model
from mailbox_operator.api.oauthapp import OAuthApp
from mailbox_operator.api.rules import merged
from mailbox_operator.api.structural import Schema, structural

GENERATED: Final = "# Generated from operator/mailbox_operator/api/; do not edit: make generate\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind and how kubectl shows it."""

    model: type[Model]
    plural: str
    short: str
    namespaced: bool
    columns: tuple[tuple[str, str, int], ...]
    """Name, JSONPath, priority (1: only with `-o wide`) of each printer column."""
    selectable: tuple[str, ...] = ()
    """Fields that `--field-selector` may name."""

    @property
    def name(self) -> str:
        """The kind's name."""
        return self.model.__name__


READY_COLUMNS: Final = (
    ("Ready", ".status.conditions[?(@.type=='Ready')].status", 0),
    ("Reason", ".status.conditions[?(@.type=='Ready')].reason", 0),
)
MESSAGE_COLUMN: Final = ("Message", ".status.conditions[?(@.type=='Ready')].message", 1)
AGE_COLUMN: Final = ("Age", ".metadata.creationTimestamp", 0)

KINDS: Final = (
    Kind(
        model=Mailbox,
        plural="mailboxes",
        short="mbx",
        namespaced=True,
        selectable=(".spec.address", ".spec.providerRef.name"),
        columns=(
            ("Address", ".spec.address", 0),
            ("Provider", ".status.resolved.provider", 0),
            ("Incoming", ".status.resolved.summary", 0),
            *READY_COLUMNS,
            ("Last Message", ".status.fetcher.lastMessageTime", 0),
            AGE_COLUMN,
            MESSAGE_COLUMN,
            ("Outgoing", ".status.resolved.outgoingSummary", 1),
            ("Delivery", ".status.resolved.deliverySummary", 1),
        ),
    ),
    Kind(
        model=MailProvider,
        plural="mailproviders",
        short="mprov",
        namespaced=False,
        columns=(
            ("Name", ".spec.displayName", 0),
            *READY_COLUMNS,
            ("Mailboxes", ".status.mailboxes", 0),
            AGE_COLUMN,
            MESSAGE_COLUMN,
        ),
    ),
    Kind(
        model=OAuthApp,
        plural="oauthapps",
        short="oapp",
        namespaced=True,
        columns=(
            ("Provider", ".spec.provider", 0),
            ("Grant", ".spec.grant", 0),
            *READY_COLUMNS,
            ("Mailboxes", ".status.mailboxes", 0),
            AGE_COLUMN,
            MESSAGE_COLUMN,
        ),
    ),
)
DATES: Final = frozenset({".metadata.creationTimestamp", ".status.fetcher.lastMessageTime"})
INTEGERS: Final = frozenset({".status.mailboxes"})


def definition(kind: Kind) -> dict[str, Any]:
    """Return a kind's CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": ["mail"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(*column) for column in kind.columns],
                    "schema": {"openAPIV3Schema": schema(kind)},
                }
                | ({"selectableFields": [{"jsonPath": path} for path in kind.selectable]} if kind.selectable else {})
            ],
        },
    }


def _column(name: str, path: str, priority: int) -> dict[str, Any]:
    kind = "date" if path in DATES else "integer" if path in INTEGERS else "string"
    return {"name": name, "type": kind, "jsonPath": path} | ({"priority": priority} if priority else {})


def schema(kind: Kind) -> Schema:
    """Return a kind's structural schema as the API server wants it."""
    return merged(readable_schema(kind))


def readable_schema(kind: Kind) -> Schema:
    """Return a kind's structural schema with each rule by itself, as people want it."""
    whole = structural(kind.model.model_json_schema(by_alias=True))
    properties = whole["properties"]
    del properties["metadata"]["properties"]["name"]["default"]
    properties["status"]["default"] = {"observedGeneration": -1}
    properties["status"].pop("required", None)
    # One owner writes it whole. Told so, the API server keeps one managed field in place of one for each leaf of each
    # condition: a third less CPU for a write of a Mailbox's status, and 3 KiB less to keep and to send to each watch.
    properties["status"]["x-kubernetes-map-type"] = "atomic"
    return whole | {
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object", "properties": {"name": properties["metadata"]["properties"]["name"]}},
            "spec": properties["spec"],
            "status": properties["status"],
        },
    }


class PlainDumper(yaml.SafeDumper):
    """Writes what is equal twice in full: a CRD is read by people and by tools that know no anchors."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Let nothing be an alias."""
        return True


def documents() -> dict[str, str]:
    """Return each CRD as YAML by its file's name."""
    return {
        f"{kind.plural}.yaml": GENERATED + yaml.dump(definition(kind), Dumper=PlainDumper, sort_keys=False, width=140)
        for kind in KINDS
    }
