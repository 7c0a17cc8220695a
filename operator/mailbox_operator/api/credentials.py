"""How a Mailbox signs in."""

from typing import Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.model import Model
from mailbox_operator.api.references import SecretKey
from mailbox_operator.api.rules import AS_ONE, at_most_one, exactly_one, rules, rules_at_once
from mailbox_operator.api.syntax import DataKey, ObjectName, Username

Mechanism = Literal["Plain", "Login", "CRAMMD5", "SCRAM", "NTLM", "Basic", "XOAUTH2", "OAUTHBEARER"]


class OAuthAppReference(Model):
    """An OAuthApp, here or in another namespace that allows it."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ObjectName = Field(description="Name of the OAuthApp.")
    namespace: ObjectName | None = Field(default=None, description="Its namespace; default: the Mailbox's own.")


class RefreshToken(Model):
    """A key of a Secret with a refresh token."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ObjectName = Field(description="Name of the Secret, in this namespace.")
    key: DataKey = Field(default="refresh-token", description="Key in the Secret's data.")


class OAuth(Model):
    """Signing in by a token."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            at_most_one(
                "refreshTokenSecretRef",
                "passwordSecretRef",
                what="the first is for consent of a user, the second for grant Password",
            )
        )
    )

    app_ref: OAuthAppReference = Field(description="The OAuth client that gets the tokens.")
    refresh_token_secret_ref: RefreshToken | None = Field(
        default=None, description="Where the refresh token of a user's consent is kept."
    )
    password_secret_ref: SecretKey | None = Field(
        default=None, description="The user's password, for the grant Password only."
    )


class Credentials(Model):
    """Who signs in, with what. Exactly one of passwordSecretRef and oauth."""

    model_config = ConfigDict(
        json_schema_extra=rules_at_once(
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
        | AS_ONE
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
