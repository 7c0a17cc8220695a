"""The kind Mailbox."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.credentials import Credentials, Tls
from mailbox_operator.api.delivery import Delivery
from mailbox_operator.api.fetch import Fetch
from mailbox_operator.api.fields import (
    URL,
    Address,
    Duration,
    Host,
    Model,
    NameOnly,
    ObjectName,
    Port,
    ShortText,
    Text,
    rules,
)
from mailbox_operator.api.status import MailboxStatus

SecurityName = Literal["TLS", "StartTLS", "None"]


class FromAddress(Model):
    """A further identity to send as."""

    address: Address = Field(description="Address to send as.")
    display_name: ShortText | None = Field(default=None, description="Its From display name.")


class Incoming(Model):
    """Where mail comes in. Each field overrides the provider's."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.url) || !has(self.protocol) || self.protocol == 'EWS'",
                "url is for protocol EWS: for IMAP and POP3 write host, and port where it is unusual",
            ),
            (
                "!has(self.url) || !(has(self.host) || has(self.port) || has(self.security))",
                "url says it all: remove host, port and security beside it",
            ),
            (
                "!has(self.protocol) || !(self.protocol in ['EWS', 'Graph', 'Gmail']) || !(has(self.port) || has(self.security))",
                "port and security are for IMAP and POP3: EWS, Graph and Gmail always speak HTTPS",
            ),
        )
    )

    protocol: Literal["IMAP", "POP3", "EWS", "Graph", "Gmail"] | None = Field(
        default=None, description="Protocol to fetch by."
    )
    host: Host | None = Field(default=None, description="Name or address of the server, without scheme and port.")
    port: Port | None = Field(default=None, description="Default: the usual port of protocol and security.")
    security: SecurityName | None = Field(
        default=None, description="TLS from the first octet (the default), StartTLS, or None (warned about)."
    )
    url: URL | None = Field(default=None, description="EWS endpoint.")


class Outgoing(Model):
    """Where mail goes out. Each field overrides the provider's."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                (
                    "!has(self.protocol) || self.protocol != 'None' || "
                    "!(has(self.host) || has(self.port) || has(self.security) || has(self.url) || has(self.credentials))"
                ),
                "protocol None means that nothing is sent: remove the other fields of outgoing",
            ),
            (
                "!has(self.url) || !has(self.protocol) || self.protocol == 'EWS'",
                "url is for protocol EWS: for SMTP write host",
            ),
            (
                "!has(self.url) || !(has(self.host) || has(self.port) || has(self.security))",
                "url says it all: remove host, port and security beside it",
            ),
        )
    )

    protocol: Literal["SMTP", "EWS", "Graph", "Gmail", "None"] | None = Field(
        default=None, description="Protocol to send by; None: the mailbox only receives."
    )
    host: Host | None = Field(default=None, description="Name or address of the server, without scheme and port.")
    port: Port | None = Field(default=None, description="Default: the usual port of protocol and security.")
    security: SecurityName | None = Field(
        default=None, description="TLS from the first octet (the default), StartTLS, or None (warned about)."
    )
    url: URL | None = Field(default=None, description="EWS endpoint.")
    credentials: Credentials | None = Field(
        default=None, description="Where they differ from those of the incoming side."
    )


class Timeouts(Model):
    """Total time of each step."""

    connect: Duration = Field(default="10s", description="To resolve, connect and read the greeting.")
    authenticate: Duration = Field(default="5s", description="To sign in.")
    step: Duration = Field(default="30s", description="Any other step.")


class Verification(Model):
    """How and how often the mailbox is proven."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("duration(self.interval) >= duration('1m')", "interval must be at least 1m: write 15m, 1h or 6h"),
        )
    )

    interval: Duration = Field(default="1h", description="How often a healthy mailbox is proven again.")
    timeouts: Timeouts = Field(default_factory=Timeouts, description="How long a step may take.")
    test_message: Literal["OnChange", "Never"] = Field(
        default="OnChange",
        description="Send a message from the mailbox to itself, once a change of spec or credential, and remove it again. "
        "Never is the default where there is no outgoing side.",
    )


class FetcherOptions(Model):
    """The fetcher's pod."""

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Image; default: the operator's."
    )
    resources: dict[str, Any] | None = Field(
        default=None, description="Resources of the container, as in a pod.", json_schema_extra={"type": "object"}
    )
    node_selector: dict[ShortText, ShortText] = Field(default={}, max_length=32, description="Node labels to require.")
    tolerations: list[dict[str, Any]] = Field(default=[], max_length=32, description="Tolerations, as in a pod.")
    affinity: dict[str, Any] | None = Field(
        default=None, description="Affinity, as in a pod.", json_schema_extra={"type": "object"}
    )
    priority_class_name: ObjectName | None = Field(default=None, description="PriorityClass of the pod.")
    service_account_name: ObjectName | None = Field(
        default=None, description="A ServiceAccount of yours in place of the one that is made; the role is bound to it."
    )
    labels: dict[ShortText, Annotated[str, Field(max_length=63)]] = Field(
        default={}, max_length=32, description="Further labels of the pod."
    )
    annotations: dict[ShortText, Text] = Field(default={}, max_length=32, description="Annotations of the pod.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much the fetcher logs."
    )


class MailboxSpec(Model):
    """What the mailbox is."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.incoming) || !has(self.incoming.protocol) || self.incoming.protocol == 'POP3' || self.fetch.afterFetch.leaveOnServer",
                "fetch.afterFetch.leaveOnServer is for POP3: for IMAP set fetch.afterFetch.delete",
            ),
            (
                (
                    "!has(self.fetch.afterFetch.deleteAfter) || self.fetch.afterFetch.delete || "
                    "(has(self.incoming) && has(self.incoming.protocol) && self.incoming.protocol == 'POP3')"
                ),
                "fetch.afterFetch.deleteAfter needs fetch.afterFetch.delete: true",
            ),
            (
                (
                    "!has(self.incoming) || !has(self.incoming.protocol) || self.incoming.protocol != 'POP3' || "
                    "!has(self.fetch.afterFetch.moveTo)"
                ),
                "POP3 knows no folders: remove fetch.afterFetch.moveTo, or use IMAP",
            ),
            (
                (
                    "!has(self.incoming) || !has(self.incoming.protocol) || self.incoming.protocol != 'POP3' || "
                    "(self.fetch.folders.include == ['INBOX'] && !has(self.fetch.folders.exclude))"
                ),
                "POP3 knows no folders: remove fetch.folders, or use IMAP",
            ),
            (
                "!has(self.sharedMailbox) || !self.sharedMailbox || has(self.credentials.username)",
                "sharedMailbox needs credentials.username: the delegate who signs in to open the address",
            ),
            (
                (
                    "!has(self.credentials.mechanism) || !(self.credentials.mechanism in ['NTLM', 'Basic']) || "
                    "!has(self.incoming) || !has(self.incoming.protocol) || self.incoming.protocol == 'EWS'"
                ),
                "mechanism NTLM or Basic is for EWS: for IMAP and POP3 use Plain or Login, or leave it out",
            ),
            (
                (
                    "!('Contacts' in self.capabilities || 'Calendar' in self.capabilities) || "
                    "!has(self.incoming) || !has(self.incoming.protocol) || !(self.incoming.protocol in ['IMAP', 'POP3'])"
                ),
                "capabilities Contacts and Calendar need protocol EWS, Graph or Gmail",
            ),
        )
    )

    address: Address = Field(description="The mailbox's address (RFC 5321; internationalised: RFC 6531).")
    display_name: ShortText | None = Field(default=None, description="Shown to people; the From display name.")
    description: Text | None = Field(default=None, description="For people.")
    from_addresses: list[FromAddress] = Field(
        default=[],
        max_length=64,
        description="Further identities to send as; each is checked where the protocol can tell.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["address"]},
    )
    suspend: bool = Field(
        default=False, description="No probing, no fetching; the fetcher goes to 0 replicas, its state is kept."
    )
    deletion_protection: bool = Field(
        default=False, description="A DELETE is denied until suspend is true and this is false."
    )
    provider_ref: NameOnly | None = Field(
        default=None, description="A MailProvider with presets; absent: found by discovery."
    )
    incoming: Incoming | None = Field(default=None, description="Where mail comes in; absent: the provider's.")
    outgoing: Outgoing | None = Field(default=None, description="Where mail goes out; absent: the provider's.")
    tls: Tls | None = Field(default=None, description="How the servers' certificates are judged.")
    credentials: Credentials = Field(description="Who signs in, with what.")
    shared_mailbox: bool = Field(
        default=False, description="The address is opened through a delegate, who signs in by credentials.username."
    )
    capabilities: list[Literal["Mail", "Contacts", "Calendar"]] = Field(
        default=["Mail"],
        max_length=3,
        description="What must be reachable with this credential.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    fetch: Fetch = Field(default_factory=Fetch, description="What to fetch.")
    delivery: Delivery | None = Field(
        default=None, description="Where messages go; absent: the mailbox is verified and watched, and no fetcher runs."
    )
    verification: Verification = Field(default_factory=Verification, description="How the mailbox is proven.")
    fetcher: FetcherOptions = Field(default_factory=FetcherOptions, description="The fetcher's pod.")
    deletion_policy: Literal["Delete", "Orphan"] = Field(
        default="Delete", description="What happens to the checkpoint when the Mailbox is deleted."
    )


class ObjectMeta(Model):
    """What we read of an object's metadata."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    deletion_timestamp: str | None = None
    annotations: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)


class Mailbox(Model):
    """A mailbox that is declared, proven step by step and fetched without a loss."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "size(self.metadata.name) <= 50",
                "a Mailbox's name has at most 50 characters: its children are named after it",
            )
        )
    )

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: MailboxSpec = Field(description="What the mailbox is.")
    status: MailboxStatus = Field(default_factory=MailboxStatus, description="What was found out about it.")
