"""Where a Mailbox's messages go."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.fields import (
    URL,
    Address,
    CertificateSecret,
    Duration,
    Host,
    Model,
    NameOnly,
    ObjectName,
    Port,
    exactly_one,
    rules,
)


class ServiceReference(Model):
    """A Service in the Mailbox's namespace."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")] = Field(
        description="Name of the Service, in this namespace."
    )
    port: Port = Field(default=80, description="Port of the Service.")
    path: Annotated[str, Field(max_length=1024, pattern=r"^/[^\s]*$")] = Field(
        default="/", description="Path to post to."
    )


class SigningKey(Model):
    """A key of a Secret that signs requests."""

    name: ObjectName = Field(description="Name of the Secret, in this namespace.")
    key: Annotated[str, Field(max_length=253)] = Field(default="signing-key", description="Key in the Secret's data.")


class Webhook(Model):
    """One POST a message, as a CloudEvent."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            exactly_one("url", "serviceRef", what="write url: https://… or serviceRef: {name: SERVICE}"),
            (
                "duration(self.timeout) >= duration('1s') && duration(self.timeout) <= duration('10m')",
                "timeout must be between 1s and 10m",
            ),
        )
    )

    url: URL | None = Field(default=None, description="Where to post to: http:// or https://.")
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
    timeout: Duration = Field(default="30s", description="Total time that the application may take for a message.")
    concurrency: Annotated[int, Field(ge=1, le=64)] = Field(default=8, description="Messages in flight at once.")
    ca_secret_ref: CertificateSecret | None = Field(
        default=None, description="CA bundle (PEM) for the application's certificate."
    )


class Lmtp(Model):
    """Delivery by LMTP (RFC 2033)."""

    host: Host = Field(description="Host of the LMTP server.")
    port: Port = Field(default=24, description="Its port.")
    recipient: Address | None = Field(default=None, description="Envelope recipient; default: the Mailbox's address.")
    security: Literal["TLS", "StartTLS", "None"] = Field(default="StartTLS", description="How the wire is secured.")


class Maildir(Model):
    """Delivery into a Maildir on a volume."""

    claim_name: ObjectName = Field(description="PersistentVolumeClaim that holds it.")
    path: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^/].*$")] = Field(
        default="Maildir", description="Folder on the volume, relative."
    )


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
