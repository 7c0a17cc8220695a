"""What the operator must be allowed to do, and why. The chart's roles hold this and nothing else."""

from dataclasses import dataclass
from typing import Final

from mailbox_operator.controller.client import Client
from mailbox_operator.controller.kinds import (
    CLAIM,
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    MAILBOX,
    NODE,
    OAUTH_APP,
    PROVIDER,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE_ACCOUNT,
    SERVICE_CIDR,
    Kind,
)
from mailbox_operator.controller.metrics import PERMISSIONS_MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One verb on one resource."""

    group: str
    resource: str
    verb: str
    why: str
    namespaced: bool

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


def _all(kind: Kind, verbs: str, why: str, *, sub: str = "") -> tuple[Permission, ...]:
    return tuple(
        Permission(
            group=kind.group,
            resource=f"{kind.plural}/{sub}" if sub else kind.plural,
            verb=verb,
            why=why,
            namespaced=kind.namespaced,
        )
        for verb in verbs.split()
    )


PERMISSIONS: Final = (
    *_all(MAILBOX, "list watch", "what it serves"),
    *_all(MAILBOX, "patch", "tell what was found out", sub="status"),
    *_all(OAUTH_APP, "list watch", "OAuth clients that Mailboxes refer to"),
    *_all(OAUTH_APP, "patch", "tell what was found out", sub="status"),
    *_all(PROVIDER, "list watch", "presets that Mailboxes refer to"),
    *_all(PROVIDER, "patch", "tell what was found out", sub="status"),
    *_all(SECRET, "get list watch", "passwords, and that one was rotated"),
    *_all(CONFIG_MAP, "get list watch create patch delete", "plan and checkpoint of each fetcher, and CAs"),
    *_all(CLAIM, "list watch", "whether the volume of a Maildir is there"),
    *_all(SERVICE_ACCOUNT, "list watch create patch delete", "a fetcher's identity"),
    *_all(ROLE, "list watch create patch delete", "a fetcher's right to its checkpoint"),
    *_all(ROLE_BINDING, "list watch create patch delete", "a fetcher's right to its checkpoint"),
    *_all(DEPLOYMENT, "list watch create patch delete", "the fetchers"),
    *_all(EVENT, "create patch", "what people read in kubectl describe"),
    *_all(NODE, "list", "the cluster's own pod ranges, which no Mailbox may make it dial"),
    *_all(SERVICE_CIDR, "list", "the cluster's own service ranges, which no Mailbox may make it dial"),
)


async def missing_permissions(client: Client, *, namespaces: tuple[str, ...]) -> list[str]:
    """Ask for each permission and return those that are missing, each in a sentence. Raises ApiError."""
    found = []
    for permission in PERMISSIONS:
        places: tuple[str | None, ...] = namespaces if permission.namespaced and namespaces else (None,)
        denied = [
            place
            for place in places
            if not await client.may(
                group=permission.group, resource=permission.resource, verb=permission.verb, namespace=place
            )
        ]
        PERMISSIONS_MISSING.labels(permission.group, permission.resource, permission.verb).set(bool(denied))
        found += [
            f"may not {permission} {f'in {place}' if place else 'in all namespaces'} ({permission.why})"
            for place in denied
        ]
    return found
