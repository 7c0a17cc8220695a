"""References to other objects by name."""

from pydantic import ConfigDict, Field

from mailbox_operator.api.model import Model
from mailbox_operator.api.rules import AS_ONE
from mailbox_operator.api.syntax import DataKey, ObjectName


class SecretKey(Model):
    """A key of a Secret in the same namespace."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ObjectName = Field(description="Name of the Secret, in this namespace.")
    key: DataKey = Field(default="password", description="Key in the Secret's data.")


class CertificateSecret(Model):
    """A CA bundle in a Secret."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ObjectName = Field(description="Name of the Secret, in this namespace.")
    key: DataKey = Field(default="ca.crt", description="Key with the PEM bundle.")


class CertificateConfigMap(Model):
    """A CA bundle in a ConfigMap."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ObjectName = Field(description="Name of the ConfigMap, in this namespace.")
    key: DataKey = Field(default="ca.crt", description="Key with the PEM bundle.")


class NameOnly(Model):
    """A Secret as a whole, or a cluster-scoped object, by name."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    name: ObjectName = Field(description="Name of the object.")
