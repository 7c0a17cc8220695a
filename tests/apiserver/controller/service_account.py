"""A kubeconfig of a service account with the operator's permissions: what it has in a pod."""

import json
import secrets
from pathlib import Path
from typing import Final

from mailbox_operator.controller.permissions import PERMISSIONS
from support.kube import Kube

SYSTEM: Final = "kube-system"


def restricted_kubeconfig(kube: Kube, path: Path, *, without: tuple[str, str, str] | None) -> Path:
    """Return a kubeconfig of a service account that may do what the operator needs, but for (verb, group, resource)."""
    name = f"operator-{secrets.token_hex(3)}"
    rules = [
        {"apiGroups": [group], "resources": [resource], "verbs": verbs}
        for group, resource, verbs in needed(without=without)
    ]
    account = {"kind": "ServiceAccount", "name": name, "namespace": SYSTEM}
    kube.within(SYSTEM).apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": SYSTEM}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": rules,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [account],
        },
    )
    token = kube.within(SYSTEM).run("create", "token", name).strip()
    config = json.loads(kube.run("config", "view", "--raw", "-o", "json"))
    config["users"] = [{"name": one["name"], "user": {"token": token}} for one in config["users"]]
    path.write_text(json.dumps(config))
    return path


def needed(*, without: tuple[str, str, str] | None) -> list[tuple[str, str, list[str]]]:
    """Return group, resource and verbs of what the operator says it needs."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in PERMISSIONS:
        if (one.verb, one.group, one.resource) != without:
            found.setdefault((one.group, one.resource), []).append(one.verb)
    return [(group, resource, verbs) for (group, resource), verbs in found.items()]
