"""The cluster's own pod and service ranges, which no Mailbox may make the operator dial."""

import logging
from dataclasses import dataclass, replace

from mailbox_operator.controller.client import Client
from mailbox_operator.controller.errors import ApiError
from mailbox_operator.controller.kinds import NODE, SERVICE_CIDR
from mailbox_operator.mail.guard import AddressPolicy, parse_networks

log = logging.getLogger(__name__)


@dataclass(slots=True)
class GuardedPolicy:
    """The administrator's policy with the cluster's ranges as they were last seen."""

    policy: AddressPolicy
    configured: AddressPolicy

    @classmethod
    def of(cls, configured: AddressPolicy) -> "GuardedPolicy":
        """Begin with what is configured."""
        return cls(policy=configured, configured=configured)

    async def refresh(self, client: Client) -> None:
        """Look again. What cannot be listed is logged, and what is known stays."""
        texts: list[str] = []
        for kind, read in ((NODE, _pod_ranges), (SERVICE_CIDR, _service_ranges)):
            try:
                for obj in await client.list(kind):
                    texts += read(obj.get("spec") or {})
            except ApiError as error:
                log.warning(
                    "the cluster's own ranges are not known in full: set network.clusterRanges, or grant the permission",
                    extra={"error": str(error)},
                )
                return
        cluster = dict.fromkeys((*self.configured.cluster, *parse_networks(texts)))
        self.policy = replace(self.configured, cluster=tuple(cluster))


def _pod_ranges(spec: dict[str, list[str]]) -> list[str]:
    return spec.get("podCIDRs") or []


def _service_ranges(spec: dict[str, list[str]]) -> list[str]:
    return spec.get("cidrs") or []
