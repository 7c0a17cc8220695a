"""The kinds of objects that the operator watches or writes, and where the API server keeps them."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from mailbox_operator.api.meta import GROUP, VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind by its names."""

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Return the path of an object or, without a name, of all of them."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{within}/{self.plural}" + (f"/{name}" if name else "")


class Key(NamedTuple):
    """One object. `namespace` is "" for those of the cluster."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


MAILBOX: Final = Kind(group=GROUP, version=VERSION, name="Mailbox", plural="mailboxes")
PROVIDER: Final = Kind(group=GROUP, version=VERSION, name="MailProvider", plural="mailproviders", namespaced=False)
OAUTH_APP: Final = Kind(group=GROUP, version=VERSION, name="OAuthApp", plural="oauthapps")
SECRET: Final = Kind(group="", version="v1", name="Secret", plural="secrets")
CONFIG_MAP: Final = Kind(group="", version="v1", name="ConfigMap", plural="configmaps")
CLAIM: Final = Kind(group="", version="v1", name="PersistentVolumeClaim", plural="persistentvolumeclaims")
SERVICE_ACCOUNT: Final = Kind(group="", version="v1", name="ServiceAccount", plural="serviceaccounts")
ROLE: Final = Kind(group="rbac.authorization.k8s.io", version="v1", name="Role", plural="roles")
ROLE_BINDING: Final = Kind(group="rbac.authorization.k8s.io", version="v1", name="RoleBinding", plural="rolebindings")
DEPLOYMENT: Final = Kind(group="apps", version="v1", name="Deployment", plural="deployments")
EVENT: Final = Kind(group="events.k8s.io", version="v1", name="Event", plural="events")
NODE: Final = Kind(group="", version="v1", name="Node", plural="nodes", namespaced=False)
SERVICE_CIDR: Final = Kind(
    group="networking.k8s.io", version="v1", name="ServiceCIDR", plural="servicecidrs", namespaced=False
)

OWN: Final = (MAILBOX, PROVIDER, OAUTH_APP)
CHILDREN: Final = (SERVICE_ACCOUNT, ROLE, ROLE_BINDING, CONFIG_MAP, DEPLOYMENT)
"""In the order in which they are made."""
