"""How the servers' certificates are judged."""

from typing import Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.model import Model
from mailbox_operator.api.references import CertificateConfigMap, CertificateSecret
from mailbox_operator.api.rules import AS_ONE, at_most_one, rules
from mailbox_operator.api.syntax import Host


class Tls(Model):
    """How the servers' certificates are judged."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            at_most_one("caSecretRef", "caConfigMapRef", what="put the CA bundle into one of them"),
            (
                "!self.insecureSkipVerify || !(has(self.caSecretRef) || has(self.caConfigMapRef))",
                "insecureSkipVerify would ignore the CA bundle: remove insecureSkipVerify",
            ),
        )
        | AS_ONE
    )

    ca_secret_ref: CertificateSecret | None = Field(
        default=None,
        description="CA bundle (PEM) to trust in place of the public authorities, from a Secret in the Mailbox's namespace.",
    )
    ca_config_map_ref: CertificateConfigMap | None = Field(
        default=None,
        description="CA bundle (PEM) to trust in place of the public authorities, from a ConfigMap in the Mailbox's namespace.",
    )
    server_name: Host | None = Field(
        default=None, description="Name to ask for (SNI) and to look for in the certificate; default: the host."
    )
    min_version: Literal["TLSv1.2", "TLSv1.3"] = Field(default="TLSv1.2", description="Oldest TLS version accepted.")
    insecure_skip_verify: bool = Field(
        default=False, description="Accept any certificate. Refused unless the operator's administrator allows it."
    )
