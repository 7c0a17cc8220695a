"""The kind MailProvider: a preset without secrets."""

from typing import Annotated, Final, Literal, get_args

from pydantic import ConfigDict, Field

from mailbox_operator.api.credentials import Mechanism
from mailbox_operator.api.model import Model
from mailbox_operator.api.object_meta import ObjectMeta
from mailbox_operator.api.rules import Rule, rules, together
from mailbox_operator.api.selectors import LabelSelector
from mailbox_operator.api.servers import SecurityName
from mailbox_operator.api.status import PlainStatus
from mailbox_operator.api.syntax import URL, Domain, Host, OneLine, Port, Quantity, ShortText, Text, between, matching
from mailbox_operator.api.tls import Tls

HOST_OR_URL: Final[Rule] = (
    "(self.protocol in ['IMAP', 'POP3', 'SMTP']) ? (has(self.host) && !has(self.url)) : (has(self.url) && !has(self.host))",
    "IMAP, POP3 and SMTP have a host, EWS, Graph and Gmail a url: write that one and not the other",
)
ENDPOINT_RULES: Final = rules(
    HOST_OR_URL, ("!has(self.url) || !has(self.port)", "url says it all: remove port beside it")
)


class IncomingEndpoint(Model):
    """A door where mail comes in."""

    model_config = ConfigDict(json_schema_extra=ENDPOINT_RULES)

    protocol: Literal["IMAP", "POP3", "EWS", "Graph", "Gmail"] = Field(description="Protocol.")
    host: Host | None = Field(default=None, description="Host.")
    port: Port | None = Field(default=None, description="Default: the usual port.")
    security: SecurityName = Field(default="TLS", description="How the wire is secured.")
    url: URL | None = Field(default=None, description="URL, for protocols over HTTP.")


class OutgoingEndpoint(Model):
    """A door where mail goes out."""

    model_config = ConfigDict(json_schema_extra=ENDPOINT_RULES)

    protocol: Literal["SMTP", "EWS", "Graph", "Gmail"] = Field(description="Protocol.")
    host: Host | None = Field(default=None, description="Host.")
    port: Port | None = Field(default=None, description="Default: the usual port.")
    security: SecurityName = Field(default="TLS", description="How the wire is secured.")
    url: URL | None = Field(default=None, description="URL, for protocols over HTTP.")


class UsernameForm(Model):
    """How a user name is made from an address."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            together(
                "template",
                when="self.type == 'Template'",
                what="template goes with type Template, and type Template needs one: write template: '{local}@{domain}'",
            ),
            (
                "!has(self.template) || self.template.contains('{address}') || self.template.contains('{local}')",
                "template must hold {address} or {local}: else all mailboxes would sign in by one name",
            ),
        )
    )

    type: Literal["Address", "LocalPart", "Template"] = Field(
        default="Address", description="The whole address, what stands before @, or a template."
    )
    template: OneLine | None = Field(default=None, description="With {address}, {local} and {domain}.")


Scopes = Annotated[list[Annotated[str, Field(min_length=1, max_length=512)]], Field(max_length=32)]


class ProviderOAuth(Model):
    """OAuth at this provider."""

    issuer: Literal["Entra", "Google", "OIDC"] = Field(description="Kind of identity provider.")
    scopes: dict[Annotated[str, Field(max_length=16)], Scopes] = Field(
        default={}, max_length=8, description="Scopes by protocol."
    )


class Limits(Model):
    """What the provider tolerates."""

    connections: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None,
        description="Simultaneous connections of a mailbox; so many mailboxes are proven at once, too.",
    )
    min_interval: Annotated[str, Field(max_length=32, json_schema_extra=between("1s", "24h"))] | None = Field(
        default=None, description="Shortest poll interval; a Mailbox that asks for a shorter one gets this."
    )
    max_message_size: Quantity | None = Field(default=None, description="Largest message it takes.")


Date = Annotated[
    str,
    Field(
        max_length=10, json_schema_extra=matching("[0-9]{4}-[01][0-9]-[0-3][0-9]", "must be a date: write 2026-10-01")
    ),
]


MECHANISMS: Final = "|".join(get_args(Mechanism))


class Retirement(Model):
    """Something the vendor switches off."""

    protocol: Annotated[
        ShortText,
        Field(
            json_schema_extra=matching(
                f"({MECHANISMS})|(IMAP|POP3|SMTP|EWS|Graph|Gmail)( ({MECHANISMS}))?",
                "must be a protocol, Basic (every sign-in by password), another mechanism, or both: "
                "write EWS, Basic, SMTP Basic or EWS NTLM",
            )
        ),
    ] = Field(
        description="A protocol; or a way to sign in, whatever the protocol: Basic (by any password) or a mechanism as in "
        "credentials.mechanism; or both: SMTP Basic, EWS NTLM."
    )
    date: Date = Field(description="When (YYYY-MM-DD).")
    note: Text | None = Field(default=None, description="What to do; a Mailbox that it concerns is told so.")


class AllowedNamespaces(Model):
    """Who may refer to it."""

    selector: LabelSelector | None = Field(default=None, description="Labels of the namespaces; absent: all.")


class MailProviderSpec(Model):
    """What the provider offers."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(has(self.incoming) && size(self.incoming) > 0) || (has(self.outgoing) && size(self.outgoing) > 0)",
                "a provider offers something: write incoming: [{protocol: IMAP, host: imap.example.com}] or outgoing",
            ),
            (
                "!('OAuth2' in self.auth) || has(self.oauth)",
                "auth OAuth2 needs oauth: write oauth: {issuer: Entra}, Google or OIDC",
            ),
        )
    )

    display_name: OneLine | None = Field(default=None, description="Shown to people.")
    domains: list[Domain] = Field(
        default_factory=list,
        max_length=256,
        description="Address domains it serves.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    mx_suffixes: list[Domain] = Field(
        default_factory=list,
        max_length=64,
        description="Suffixes of MX hosts that show it.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    incoming: list[IncomingEndpoint] = Field(
        default_factory=list,
        max_length=16,
        description="Where mail comes in, by preference.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    outgoing: list[OutgoingEndpoint] = Field(
        default_factory=list,
        max_length=16,
        description="Where mail goes out, by preference.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    username_form: UsernameForm = Field(
        default_factory=UsernameForm, description="How a user name is made from an address."
    )
    auth: list[Literal["OAuth2", "AppPassword", "Password"]] = Field(
        default=["Password"],
        min_length=1,
        max_length=3,
        description="Ways to sign in, by preference.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    oauth: ProviderOAuth | None = Field(default=None, description="OAuth at this provider.")
    limits: Limits | None = Field(default=None, description="What the provider tolerates.")
    idle: bool = Field(default=True, description="Whether its IMAP pushes (IDLE); false: it is polled.")
    contacts: URL | None = Field(default=None, description="CardDAV, where it has it.")
    calendar: URL | None = Field(default=None, description="CalDAV, where it has it.")
    tls: Tls | None = Field(default=None, description="How its certificates are judged, where a Mailbox does not say.")
    allowed_namespaces: AllowedNamespaces | None = Field(default=None, description="Who may refer to it; absent: all.")
    documentation_url: URL | None = Field(
        default=None, alias="documentationURL", description="The provider's own page."
    )
    retirements: list[Retirement] = Field(
        default_factory=list,
        max_length=16,
        description="What the vendor switches off. A Mailbox that works by it is warned; absent: of what is known of Exchange Online.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["protocol"]},
    )


class MailProvider(Model):
    """A preset without secrets, like a StorageClass."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: MailProviderSpec = Field(description="What the provider offers.")
    status: PlainStatus = Field(default_factory=PlainStatus, description="What was found out about it.")
