"""Where a Mailbox's messages go."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.model import Model
from mailbox_operator.api.references import CertificateSecret, NameOnly
from mailbox_operator.api.rules import AS_ONE, exactly_one, rules
from mailbox_operator.api.syntax import URL, Address, DataKey, Host, ObjectName, Port, between, matching

ServiceName = Annotated[
    str,
    Field(
        max_length=63,
        json_schema_extra=matching(
            "[a-z]([-a-z0-9]*[a-z0-9])?", "must be the name of a Service in this namespace, without domain: write desk"
        ),
    ),
]
UrlPath = Annotated[
    str,
    Field(
        max_length=1024,
        json_schema_extra=matching(r"/[^\x00-\x20\x7f\p{Z}#]*", "must be a path from the root: write /inbound-mail"),
    ),
]
RelativePath = Annotated[
    str,
    Field(
        max_length=1024,
        json_schema_extra=rules(
            (
                r"self != '' && !self.startsWith('/') && !self.matches(r'(^|/)[.][.](/|$)|[\x00-\x1f\x7f]')",
                "must be a path on the volume, without leading / and without ..: write mail/support",
            )
        ),
    ),
]


class ServiceReference(Model):
    """A Service in the Mailbox's namespace."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ServiceName = Field(description="Name of the Service, in this namespace.")
    port: Port = Field(default=80, description="Port of the Service.")
    path: UrlPath = Field(default="/", description="Path to post to.")


class SigningKey(Model):
    """A key of a Secret that signs requests."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ObjectName = Field(description="Name of the Secret, in this namespace.")
    key: DataKey = Field(default="signing-key", description="Key in the Secret's data.")


class Webhook(Model):
    """One POST a message, as a CloudEvent."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            exactly_one("url", "serviceRef", what="write url: https://… or serviceRef: {name: SERVICE}"),
            (
                "!has(self.caSecretRef) || !has(self.url) || self.url.startsWith('https://')",
                "caSecretRef is for https: write url: https://…, or remove caSecretRef",
            ),
        )
    )

    url: URL | None = Field(
        default=None, description="Where to post to, http:// or https://; credentials go into headersSecretRef."
    )
    service_ref: ServiceReference | None = Field(default=None, description="A Service in this namespace to post to.")
    format: Literal["Raw", "Parsed"] = Field(
        default="Raw", description="Raw: the message as the server gave it (message/rfc822). Parsed: JSON."
    )
    signing_secret_ref: SigningKey | None = Field(
        default=None, description="Key that signs each request (Standard Webhooks)."
    )
    headers_secret_ref: NameOnly | None = Field(
        default=None, description="Secret whose keys and values are sent as headers."
    )
    timeout: Annotated[str, Field(max_length=32, json_schema_extra=between("1s", "10m"))] = Field(
        default="30s", description="Total time that the application may take for a message."
    )
    concurrency: Annotated[int, Field(ge=1, le=64)] = Field(default=8, description="Messages in flight at once.")
    ca_secret_ref: CertificateSecret | None = Field(
        default=None, description="CA bundle (PEM) for the application's certificate."
    )


class Lmtp(Model):
    """Delivery by LMTP (RFC 2033)."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.caSecretRef) || self.security != 'None'",
                "caSecretRef is for TLS: write security: StartTLS, or remove caSecretRef",
            ),
        )
    )

    host: Host = Field(description="Host of the LMTP server.")
    port: Port = Field(default=24, description="Its port.")
    recipient: Address | None = Field(default=None, description="Envelope recipient; default: the Mailbox's address.")
    security: Literal["TLS", "StartTLS", "None"] = Field(default="StartTLS", description="How the wire is secured.")
    ca_secret_ref: CertificateSecret | None = Field(
        default=None, description="CA bundle (PEM) for the server's certificate."
    )


class Maildir(Model):
    """Delivery into a Maildir on a volume."""

    claim_name: ObjectName = Field(description="PersistentVolumeClaim that holds it.")
    path: RelativePath = Field(default="Maildir", description="Folder on the volume, relative.")


class Delivery(Model):
    """Exactly one sink."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            exactly_one("webhook", "lmtp", "maildir", what="write for example webhook: {url: https://…}")
        )
    )

    webhook: Webhook | None = Field(default=None, description="One POST a message.")
    lmtp: Lmtp | None = Field(default=None, description="An LMTP server.")
    maildir: Maildir | None = Field(default=None, description="A Maildir on a volume.")
