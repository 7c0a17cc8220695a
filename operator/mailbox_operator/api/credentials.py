"""How a Mailbox signs in."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.fields import (
    CertificateConfigMap,
    CertificateSecret,
    Model,
    ObjectName,
    SecretKey,
    at_most_one,
    exactly_one,
    rules,
)

Mechanism = Literal["Plain", "Login", "CRAMMD5", "SCRAM", "NTLM", "Basic", "XOAUTH2", "OAUTHBEARER"]
Username = Annotated[str, Field(min_length=1, max_length=320, pattern=r"^[^\x00-\x1f\x7f]+$")]


class OAuthAppReference(Model):
    """An OAuthApp, here or in another namespace that allows it."""

    name: ObjectName = Field(description="Name of the OAuthApp.")
    namespace: ObjectName | None = Field(default=None, description="Its namespace; default: the Mailbox's own.")


class OAuth(Model):
    """Signing in by a token."""

    app_ref: OAuthAppReference = Field(description="The OAuth client that gets the tokens.")
    refresh_token_secret_ref: SecretKey | None = Field(
        default=None, description="Where the refresh token of a user's consent is kept."
    )
    password_secret_ref: SecretKey | None = Field(
        default=None, description="The user's password, for the grant Password only."
    )


class Credentials(Model):
    """Who signs in, with what. Exactly one of passwordSecretRef and oauth."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            exactly_one(
                "passwordSecretRef",
                "oauth",
                what="write passwordSecretRef: {name: SECRET} or oauth: {appRef: {name: APP}}",
            ),
            (
                "!has(self.mechanism) || !(self.mechanism in ['XOAUTH2', 'OAUTHBEARER']) || has(self.oauth)",
                "mechanism XOAUTH2 or OAUTHBEARER needs a token: use oauth in place of passwordSecretRef",
            ),
            (
                "!has(self.mechanism) || self.mechanism in ['XOAUTH2', 'OAUTHBEARER'] || !has(self.oauth)",
                "with oauth the mechanism is XOAUTH2 or OAUTHBEARER: leave mechanism out, or use one of these",
            ),
        )
    )

    username: Username | None = Field(
        default=None,
        description="Name to sign in with; default: what the provider's username form makes of the address.",
    )
    mechanism: Mechanism | None = Field(
        default=None, description="SASL mechanism to use; default: the best that server and credential allow."
    )
    password_secret_ref: SecretKey | None = Field(default=None, description="The password or app password.")
    oauth: OAuth | None = Field(default=None, description="Sign in by an OAuth token.")


class Tls(Model):
    """How the servers' certificates are judged."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            at_most_one("caSecretRef", "caConfigMapRef", "put the CA bundle into one of them"),
            (
                "!has(self.insecureSkipVerify) || !self.insecureSkipVerify || !(has(self.caSecretRef) || has(self.caConfigMapRef))",
                "insecureSkipVerify would ignore the CA bundle: remove insecureSkipVerify",
            ),
        )
    )

    ca_secret_ref: CertificateSecret | None = Field(
        default=None, description="CA bundle (PEM) to trust in place of the public authorities, from a Secret."
    )
    ca_config_map_ref: CertificateConfigMap | None = Field(
        default=None, description="CA bundle (PEM) to trust in place of the public authorities, from a ConfigMap."
    )
    server_name: Annotated[str, Field(min_length=1, max_length=253)] | None = Field(
        default=None, description="Name to ask for (SNI) and to look for in the certificate; default: the host."
    )
    min_version: Literal["TLSv1.2", "TLSv1.3"] = Field(default="TLSv1.2", description="Oldest TLS version accepted.")
    insecure_skip_verify: bool = Field(
        default=False, description="Accept any certificate. Refused unless the operator's administrator allows it."
    )
