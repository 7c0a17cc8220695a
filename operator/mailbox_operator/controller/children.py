"""A Mailbox's children as they should be. Pure."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mailbox_operator.api.durations import octets
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.meta import API_VERSION, GROUP, MAILBOX_LABEL
from mailbox_operator.controller.delivering import Mount, render_mounts
from mailbox_operator.controller.kinds import CONFIG_MAP, DEPLOYMENT, ROLE, ROLE_BINDING, SERVICE_ACCOUNT, Kind
from mailbox_operator.controller.resolve import Resolution
from mailbox_operator.controller.target import CA_FOLDER, CREDENTIALS_FOLDER, render_plan
from mailbox_operator.mail.endpoint import Protocol

Object = dict[str, Any]

PLAN_FOLDER: Final = "/etc/mailbox-operator"
PORT: Final = 8080
DEFAULT_RESOURCES: Final = {"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"memory": "256Mi"}}
"""The limit leaves room for a message of the largest size that is handed over whole."""
MEBI: Final = 1 << 20
EWS_MEBI: Final = 128
"""80 were seen."""
EWS_FORMS: Final = 6
"""Times the largest message; 4.8 were seen."""
TEMPLATE_HASH: Final = f"{GROUP}/template-hash"
GRACE_SECONDS: Final = 30


def child_name(mailbox: str) -> str:
    """Return the name of a Mailbox's children."""
    return f"mbx-{mailbox}"


def checkpoint_name(mailbox: str) -> str:
    """Return the name of a Mailbox's checkpoint."""
    return f"mbx-{mailbox}-checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What the operator gives all fetchers alike."""

    image: str
    pull_secrets: tuple[str, ...] = ()
    """Names of Secrets in the Mailbox's namespace, by which the image is pulled."""
    proxies: Sequence[Object] = ()
    """Variables by which fetchers find their way out."""


def render_children(
    mailbox: Mailbox, chosen: Resolution, *, installation: Installation, replicas: int, admitted_at: str = ""
) -> list[tuple[Kind, Object]]:
    """Return all children, in the order in which they are made.

    Args:
        mailbox: whose they are; it has a sink.
        chosen: where it connects.
        installation: what all fetchers have in common.
        replicas: 0 or 1.
        admitted_at: as in `Plan`.
    """
    name = child_name(mailbox.metadata.name)
    account = mailbox.spec.fetcher.service_account_name or name
    plan = render_plan(mailbox, chosen, admitted_at=admitted_at).to_json()
    pod = _pod(mailbox, chosen, name=name, account=account, installation=installation)
    found: list[tuple[Kind, Object]] = []
    if account == name:
        found.append(
            (SERVICE_ACCOUNT, _object(SERVICE_ACCOUNT, mailbox, name) | {"automountServiceAccountToken": False})
        )
    rule = {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": [checkpoint_name(mailbox.metadata.name)],
        "verbs": ["get", "patch"],
    }
    binding = {
        "roleRef": {"apiGroup": ROLE.group, "kind": ROLE.name, "name": name},
        "subjects": [{"kind": SERVICE_ACCOUNT.name, "name": account, "namespace": mailbox.metadata.namespace}],
    }
    return [
        *found,
        (ROLE, _object(ROLE, mailbox, name) | {"rules": [rule]}),
        (ROLE_BINDING, _object(ROLE_BINDING, mailbox, name) | binding),
        (CONFIG_MAP, _object(CONFIG_MAP, mailbox, name) | {"data": {"plan.json": plan}}),
        (CONFIG_MAP, _checkpoint(mailbox)),
        (DEPLOYMENT, _deployment(mailbox, pod, name=name, replicas=replicas)),
    ]


def _checkpoint(mailbox: Mailbox) -> Object:
    """Return the checkpoint's shell; the fetcher fills it."""
    found = _object(CONFIG_MAP, mailbox, checkpoint_name(mailbox.metadata.name))
    if mailbox.spec.deletion_policy == "Orphan":
        found["metadata"]["ownerReferences"] = []
    return found


def _labels(mailbox: Mailbox) -> dict[str, str]:
    name = mailbox.metadata.name
    return {
        "app.kubernetes.io/name": "mailbox-fetcher",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "fetcher",
        "app.kubernetes.io/managed-by": "mailbox-operator",
        MAILBOX_LABEL: name,
    }


def _object(kind: Kind, mailbox: Mailbox, name: str) -> Object:
    metadata = mailbox.metadata
    owner = {
        "apiVersion": API_VERSION,
        "kind": "Mailbox",
        "name": metadata.name,
        "uid": metadata.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {
            "name": name,
            "namespace": metadata.namespace,
            "labels": _labels(mailbox),
            "ownerReferences": [owner],
        },
    }


def _deployment(mailbox: Mailbox, pod: Object, *, name: str, replicas: int) -> Object:
    labels = _labels(mailbox)
    selector = {MAILBOX_LABEL: mailbox.metadata.name, "app.kubernetes.io/component": "fetcher"}
    own = {"labels": mailbox.spec.fetcher.labels, "annotations": mailbox.spec.fetcher.annotations}
    # Of the owner's labels and annotations too: one that is wanted no longer is told by nothing else.
    digest = hashlib.sha256(json.dumps([pod, own], sort_keys=True).encode()).hexdigest()[:16]
    template = {
        "metadata": {
            "labels": own["labels"] | labels,
            "annotations": own["annotations"] | {TEMPLATE_HASH: digest},
        },
        "spec": pod,
    }
    spec = {
        "replicas": replicas,
        "revisionHistoryLimit": 1,
        "progressDeadlineSeconds": 120,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": selector},
        "template": template,
    }
    return _object(DEPLOYMENT, mailbox, name) | {"spec": spec}


def _pod(mailbox: Mailbox, chosen: Resolution, *, name: str, account: str, installation: Installation) -> Object:
    options, checkpoint = mailbox.spec.fetcher, checkpoint_name(mailbox.metadata.name)
    mounts = _mounts(mailbox, chosen, name)
    container = {
        "name": "fetcher",
        "image": options.image or installation.image,
        "args": [
            "fetch",
            f"--plan={PLAN_FOLDER}/plan.json",
            f"--checkpoint=configmap:{checkpoint}",
            f"--listen=:{PORT}",
            f"--log-level={options.log_level}",
        ],
        "env": [
            {"name": "POD_UID", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}}},
            {"name": "TMPDIR", "value": "/tmp"},  # noqa: S108 - the pod's own emptyDir
            *installation.proxies,
        ],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "livenessProbe": _probe("/healthz", period=20, failures=3),
        "readinessProbe": _probe("/readyz", period=1, failures=3),
        "resources": options.resources or _default_resources(mailbox, chosen),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": one.name, "mountPath": one.path} | ({"readOnly": True} if one.read_only else {}) for one in mounts
        ],
    }
    pod: Object = {
        "serviceAccountName": account,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "fsGroupChangePolicy": "OnRootMismatch",  # a Maildir of a million files is not gone through at each start
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": one.name} | one.source for one in mounts],
    }
    further = {
        "imagePullSecrets": [{"name": name} for name in installation.pull_secrets],
        "nodeSelector": options.node_selector,
        "tolerations": options.tolerations,
        "affinity": options.affinity,
        "priorityClassName": options.priority_class_name,
    }
    return pod | {key: value for key, value in further.items() if value}


def _probe(path: str, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 5,
    }


def _default_resources(mailbox: Mailbox, chosen: Resolution) -> Object:
    """Return what a fetcher needs: one by EWS holds its library, and a message in several forms at once."""
    if chosen.incoming.protocol is not Protocol.EWS:
        return DEFAULT_RESOURCES
    largest = -(-octets(mailbox.spec.fetch.filter.max_message_size) // MEBI)
    limit = EWS_MEBI + EWS_FORMS * largest
    return {"requests": {"cpu": "10m", "memory": "96Mi"}, "limits": {"memory": f"{limit}Mi"}}


def _mounts(mailbox: Mailbox, chosen: Resolution, name: str) -> list[Mount]:
    password, tls = chosen.login.password, chosen.tls
    found = [
        Mount("plan", PLAN_FOLDER, {"configMap": {"name": name}}),
        Mount("credentials", CREDENTIALS_FOLDER, _file("secret", password.name, password.key, "password")),
        Mount("tmp", "/tmp", {"emptyDir": {"sizeLimit": "1Gi"}}, read_only=False),  # noqa: S108 - the pod's own emptyDir
    ]
    if tls.ca_secret_ref:
        found.append(Mount("ca", CA_FOLDER, _file("secret", tls.ca_secret_ref.name, tls.ca_secret_ref.key, "ca.crt")))
    if tls.ca_config_map_ref:
        reference = tls.ca_config_map_ref
        found.append(Mount("ca", CA_FOLDER, _file("configMap", reference.name, reference.key, "ca.crt")))
    return [*found, *render_mounts(mailbox.spec.delivery)]


def _file(kind: str, name: str, key: str, path: str) -> Object:
    items = [{"key": key, "path": path}]
    if kind == "secret":
        return {"secret": {"secretName": name, "items": items, "defaultMode": 0o440}}
    return {"configMap": {"name": name, "items": items}}
