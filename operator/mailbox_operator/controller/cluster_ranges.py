"""The cluster's own pod and service ranges, which no Mailbox may make the operator dial."""

import logging
from dataclasses import dataclass, field, replace

from mailbox_operator.controller.client import Client
from mailbox_operator.controller.errors import ApiError
from mailbox_operator.controller.kinds import NODE, SERVICE_CIDR
from mailbox_operator.mail.guard import AddressPolicy, IPNetwork, parse_networks

log = logging.getLogger(__name__)


@dataclass(slots=True)
class GuardedPolicy:
    """The administrator's policy with the cluster's ranges as they were last seen."""

    policy: AddressPolicy
    configured: AddressPolicy
    _seen: dict[str, tuple[IPNetwork, ...]] = field(default_factory=dict)
    """By the kind that tells of them."""

    @classmethod
    def of(cls, configured: AddressPolicy) -> "GuardedPolicy":
        """Begin with what is configured."""
        return cls(policy=configured, configured=configured)

    async def refresh(self, client: Client) -> bool:
        """Look again, and return whether all was answered: until then nobody may be dialled.

        What may not be listed, or is no kind of this cluster, is no reason to wait: it is logged, the rest counts, and
        what it showed before stays.
        """
        complete = True
        for kind, read in ((NODE, _pod_ranges), (SERVICE_CIDR, _service_ranges)):
            try:
                texts = [text for obj in await client.list(kind) for text in read(obj.get("spec") or {})]
            except ApiError as error:
                complete = complete and (error.forbidden or error.gone)
                log.warning(
                    "the cluster's own ranges are not known in full: set network.clusterRanges, or grant the permission",
                    extra={"error": str(error)},
                )
            else:
                self._seen[kind.name] = parse_networks(texts)
        cluster = dict.fromkeys((*self.configured.cluster, *(one for seen in self._seen.values() for one in seen)))
        self.policy = replace(self.configured, cluster=tuple(cluster))
        return complete


def _pod_ranges(spec: dict[str, list[str]]) -> list[str]:
    return spec.get("podCIDRs") or []


def _service_ranges(spec: dict[str, list[str]]) -> list[str]:
    return spec.get("cidrs") or []
