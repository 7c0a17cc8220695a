"""The kind OAuthApp: a client registered with an identity provider."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.model import Model
from mailbox_operator.api.object_meta import ObjectMeta
from mailbox_operator.api.rules import AS_ONE, exactly_one, rules, together
from mailbox_operator.api.selectors import LabelSelector
from mailbox_operator.api.status import PlainStatus
from mailbox_operator.api.syntax import URL, DataKey, ObjectName, matching


class ClientSecret(Model):
    """A client secret."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ObjectName = Field(description="Name of the Secret, in this namespace.")
    key: DataKey = Field(default="client-secret", description="Key in the Secret's data.")


class Certificate(Model):
    """A Secret of type kubernetes.io/tls."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ObjectName = Field(description="Name of the Secret, in this namespace.")


class ServiceAccountKey(Model):
    """A Google service account's key file."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ObjectName = Field(description="Name of the Secret, in this namespace.")
    key: DataKey = Field(default="key.json", description="Key in the Secret's data.")


class WorkloadIdentity(Model):
    """A projected service-account token, no secret at all."""

    audience: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        default="api://AzureADTokenExchange", description="Audience of the projected token."
    )


Tenant = Annotated[
    str,
    Field(
        max_length=253,
        json_schema_extra=matching("[A-Za-z0-9.-]+", "must be a tenant's id or domain: write contoso.onmicrosoft.com"),
    ),
]
Expiry = Annotated[
    str,
    Field(
        max_length=32,
        json_schema_extra=matching(
            "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](Z|[-+][0-2][0-9]:[0-5][0-9])",
            "must be a time: write 2027-03-31T00:00:00Z",
        ),
    ),
]


class Entra(Model):
    """A tenant of Microsoft Entra ID."""

    tenant_id: Tenant = Field(alias="tenantID", description="Tenant, by id or domain.")
    cloud: Literal["Public", "USGov", "USGovDoD", "China"] = Field(default="Public", description="National cloud.")
    authority: URL | None = Field(default=None, description="Overrides the cloud's authority.")


class Oidc(Model):
    """Any other OAuth 2.0 or OpenID Connect provider."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            exactly_one(
                "issuer",
                "tokenURL",
                what="write issuer: https://… to discover the addresses, or tokenURL (with authorizationURL or deviceURL)",
            ),
            (
                "!has(self.issuer) || !(has(self.authorizationURL) || has(self.deviceURL))",
                "issuer tells all addresses: remove authorizationURL and deviceURL beside it",
            ),
        )
    )

    issuer: URL | None = Field(default=None, description="Issuer, whose metadata tell the addresses (RFC 8414).")
    token_url: URL | None = Field(default=None, alias="tokenURL", description="Token endpoint.")
    authorization_url: URL | None = Field(default=None, alias="authorizationURL", description="Authorization endpoint.")
    device_url: URL | None = Field(default=None, alias="deviceURL", description="Device authorization endpoint.")


class AppAllowedNamespaces(Model):
    """Which namespaces may refer to the app."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            together(
                "selector",
                when="self.from == 'Selector'",
                what="selector goes with from: Selector, and from: Selector needs one",
            )
        )
    )

    from_: Literal["Same", "All", "Selector"] = Field(
        default="Same", alias="from", description="The app's own namespace, all, or selected ones."
    )
    selector: LabelSelector | None = Field(default=None, description="Labels of the namespaces.")


class OAuthAppSpec(Model):
    """The client."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            exactly_one(
                "clientSecretRef",
                "clientCertificateRef",
                "workloadIdentity",
                "serviceAccountKeyRef",
                "public",
                what="the way in which the client proves itself",
            ),
            ("!has(self.public) || self.public", "public is true or absent: name a secret for a confidential client"),
            together(
                "entra",
                when="self.provider == 'Entra'",
                what="entra goes with provider Entra, and provider Entra needs it: write entra: {tenantID: …}",
            ),
            together(
                "oidc",
                when="self.provider == 'OIDC'",
                what="oidc goes with provider OIDC, and provider OIDC needs it: write oidc: {issuer: https://…}",
            ),
            (
                "!has(self.serviceAccountKeyRef) || self.provider == 'Google'",
                "serviceAccountKeyRef is for provider Google: use clientSecretRef or clientCertificateRef",
            ),
            (
                "!has(self.clientCertificateRef) || self.provider != 'Google'",
                "Google knows no client certificates: use serviceAccountKeyRef, workloadIdentity or clientSecretRef",
            ),
            (
                "!has(self.public) || !(self.grant in ['ClientCredentials', 'JWTBearer'])",
                "a public client cannot prove itself: use grant AuthorizationCode or DeviceCode, or name a secret",
            ),
            (
                (
                    "self.grant != 'JWTBearer' || has(self.serviceAccountKeyRef) || has(self.workloadIdentity) || "
                    "has(self.clientCertificateRef)"
                ),
                "grant JWTBearer needs serviceAccountKeyRef, workloadIdentity or clientCertificateRef",
            ),
            (
                "!has(self.serviceAccountKeyRef) || self.grant == 'JWTBearer'",
                "a service account's key goes with grant JWTBearer: write grant: JWTBearer",
            ),
            (
                "self.provider != 'Google' || !(self.grant in ['ClientCredentials', 'Password'])",
                "Google knows neither ClientCredentials nor Password: use JWTBearer with serviceAccountKeyRef, or AuthorizationCode",
            ),
            (
                (
                    "self.grant != 'AuthorizationCode' || !has(self.oidc) || has(self.oidc.issuer) || "
                    "has(self.oidc.authorizationURL)"
                ),
                "grant AuthorizationCode needs oidc.authorizationURL beside tokenURL, or oidc.issuer",
            ),
            (
                "self.grant != 'DeviceCode' || !has(self.oidc) || has(self.oidc.issuer) || has(self.oidc.deviceURL)",
                "grant DeviceCode needs oidc.deviceURL beside tokenURL, or oidc.issuer",
            ),
        )
    )

    provider: Literal["Entra", "Google", "OIDC"] = Field(description="Kind of identity provider.")
    entra: Entra | None = Field(default=None, description="The tenant, for Entra.")
    oidc: Oidc | None = Field(default=None, description="The addresses, for OIDC.")
    client_id: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        alias="clientID", description="The client's id."
    )
    client_secret_ref: ClientSecret | None = Field(default=None, description="The client's secret.")
    client_certificate_ref: Certificate | None = Field(default=None, description="The client's certificate.")
    workload_identity: WorkloadIdentity | None = Field(default=None, description="A projected service-account token.")
    service_account_key_ref: ServiceAccountKey | None = Field(
        default=None, description="A Google service account's key."
    )
    public: bool | None = Field(default=None, description="A client without a secret.")
    grant: Literal["ClientCredentials", "AuthorizationCode", "DeviceCode", "Password", "JWTBearer"] = Field(
        description="OAuth grant."
    )
    scopes: list[Annotated[str, Field(min_length=1, max_length=512)]] = Field(
        default_factory=list,
        max_length=64,
        description="Scopes in place of the provider's.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    secret_expires_at: Expiry | None = Field(
        default=None, description="When the secret expires; warned about 30 days before."
    )
    allowed_namespaces: AppAllowedNamespaces = Field(
        default_factory=AppAllowedNamespaces, description="Who may refer to it."
    )
    allowed_addresses: list[Annotated[str, Field(min_length=1, max_length=320)]] = Field(
        default_factory=list,
        max_length=256,
        description="Globs of the mailboxes it may open. An app-only permission opens every mailbox of a tenant: this narrows it.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class OAuthApp(Model):
    """A client registered with an identity provider."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: OAuthAppSpec = Field(description="The client.")
    status: PlainStatus = Field(default_factory=PlainStatus, description="What was found out about it.")
