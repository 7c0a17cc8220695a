"""What the operator writes into an object's status."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mailbox_operator.api.model import Model
from mailbox_operator.api.syntax import ShortText, Text

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
LongText = Annotated[str, Field(max_length=1024)]
CONDITIONS_LIST: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}


class Condition(Model):
    """A standard condition (metav1.Condition)."""

    type: Annotated[str, Field(max_length=316)] = Field(description="Which step or summary.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    observed_generation: Annotated[int, Field(ge=0)] = Field(
        default=0, description="The spec's generation it speaks of."
    )
    last_transition_time: Time = Field(description="When `status` last changed.")
    reason: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z][A-Za-z0-9]*$")] = Field(
        description="One word for programs; docs/troubleshooting.md has an entry for each."
    )
    message: LongText = Field(description="One line for people: cause: what the server said: what to do.")


class ResolvedEndpoint(Model):
    """A server that was chosen, and by whom."""

    protocol: ShortText = Field(description="Protocol.")
    host: ShortText | None = Field(default=None, description="Host.")
    port: int | None = Field(default=None, description="Port.")
    security: ShortText | None = Field(default=None, description="How the wire is secured.")
    url: Text | None = Field(default=None, description="URL, for protocols over HTTP.")
    source: ShortText = Field(description="Who said so: Spec, Provider or a kind of discovery.")


class Resolved(Model):
    """What was chosen for what the spec leaves open."""

    incoming: ResolvedEndpoint | None = Field(default=None, description="Where mail comes in.")
    outgoing: ResolvedEndpoint | None = Field(default=None, description="Where mail goes out.")
    username: Text | None = Field(default=None, description="Who signs in.")
    provider: ShortText | None = Field(default=None, description="The MailProvider, where there is one.")
    summary: Text | None = Field(default=None, description="The incoming side in a few words, for kubectl get.")
    outgoing_summary: Text | None = Field(default=None, description="The outgoing side in a few words.")
    delivery_summary: Text | None = Field(default=None, description="The sink in a few words.")


class LoginFailures(Model):
    """Refused logins, kept over restarts so that no account gets locked."""

    count: int = Field(description="Refused in a row.")
    since: Time = Field(description="When the first was refused.")
    next_attempt_time: Time = Field(description="Not before; a change of spec or Secret lifts it.")


class FetcherStatus(Model):
    """How the fetcher fares."""

    deployment: ShortText | None = Field(default=None, description="Its Deployment.")
    last_message_time: Time | None = Field(default=None, description="When the last message was handed over.")
    messages_delivered: int = Field(default=0, description="Messages handed over since the checkpoint began.")
    pending: int = Field(default=0, description="Messages that wait.")
    quarantined: int = Field(
        default=0,
        description=(
            "Messages that could not be handed over and were set aside. The last 100 are listed by `mailbox-operator quarantine "
            "list`; `retry all` and `drop all` reach the last 500."
        ),
    )
    last_error: LongText | None = Field(default=None, description="What went wrong last.")


class MailboxStatus(Model):
    """What was found out about a Mailbox."""

    observed_generation: int = Field(
        default=-1, description="Generation of the spec that the status speaks of; -1: none yet."
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=32,
        description="One for each step, in their order; the last is Ready.",
        json_schema_extra=CONDITIONS_LIST,
    )
    resolved: Resolved | None = Field(default=None, description="What was chosen for what the spec leaves open.")
    observed_inputs: Annotated[str, Field(max_length=128)] | None = Field(
        default=None,
        description="Hash of what the last verification saw beside the spec: Secrets' and provider's versions.",
    )
    consent_url: Annotated[str, Field(max_length=4096)] | None = Field(
        default=None, alias="consentURL", description="Where to give consent (OAuth)."
    )
    last_probe_time: Time | None = Field(
        default=None, description="When the mailbox was last proven; written with something else only."
    )
    next_probe_time: Time | None = Field(default=None, description="When it is due again.")
    last_handled_reconcile_at: Text | None = Field(
        default=None, description="Token of the last reconcile that was asked for."
    )
    login_failures: LoginFailures | None = Field(default=None, description="Refused logins.")
    failed_probes: int | None = Field(
        default=None, description="Transport faults in a row, while the mailbox is still Ready."
    )
    fetcher: FetcherStatus | None = Field(default=None, description="How the fetcher fares.")


class PlainStatus(Model):
    """Status of a MailProvider or an OAuthApp."""

    observed_generation: int = Field(
        default=-1, description="Generation of the spec that the status speaks of; -1: none yet."
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Conditions; the last is Ready.",
        json_schema_extra=CONDITIONS_LIST,
    )
    mailboxes: int | None = Field(default=None, description="Mailboxes that refer to it.")
