"""The application that gets the mail, in the cluster: its objects, and what it was sent."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from support.kube import Kube, until

PROGRAM: Final = Path(__file__).with_name("receiver.py")
SERVICE: Final = {"name": "receiver", "port": 8080, "path": "/hook"}
"""As a Mailbox's `delivery.webhook.serviceRef`."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running receiver, asked through the API server's proxy: that works on any cluster."""

    kube: Kube

    def path(self, rest: str) -> str:
        """Return the proxy's path to one of the receiver's."""
        return f"/api/v1/namespaces/{self.kube.namespace}/services/receiver:8080/proxy/{rest}"

    def events(self) -> list[dict[str, Any]]:
        """Return the headers of each CloudEvent accepted so far, oldest first, with `octets` and `sha256` of its body."""
        found: list[dict[str, Any]] = json.loads(self.kube.run("get", "--raw", self.path("events")))
        return found

    def body(self, number: int) -> str:
        """Return a message as it was handed over, counted from 0."""
        return self.kube.run("get", "--raw", self.path(f"bodies/{number}"))

    def answer(self, status: int) -> None:
        """Answer with this status from now on."""
        self.kube.run("get", "--raw", self.path(f"set/answer/{status}"))

    def delay(self, *, milliseconds: int) -> None:
        """Take this long for each message from now on."""
        self.kube.run("get", "--raw", self.path(f"set/delay/{milliseconds}"))

    def count(self) -> int:
        """Return how many events were accepted."""
        return int(self.kube.run("get", "--raw", self.path("count")))

    def wait_events(self, count: int, *, seconds: float = 30) -> list[dict[str, Any]]:
        """Wait until at least `count` events came and return them."""
        return until(
            lambda: events if len(events := self.events()) >= count else None,
            seconds=seconds,
            what=lambda: f"{count} events, {len(self.events())} came",
        )


def start_receiver(kube: Kube, *, image: str) -> Receiver:
    """Run a receiver in the namespace and wait until it answers."""
    kube.apply(*objects(image))
    kube.run_patiently("rollout", "status", "deployment/receiver", seconds=60)
    return Receiver(kube)


def objects(image: str) -> list[dict[str, Any]]:
    """Return a program from a ConfigMap, its Deployment and its Service."""
    labels = {"app": "receiver"}
    container = {
        "name": "receiver",
        "image": image,
        "command": ["python", "/app/receiver.py", "8080"],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/count", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 10},
        "volumeMounts": [{"name": "app", "mountPath": "/app"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    pod = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [{"name": "app", "configMap": {"name": "receiver"}}],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "receiver"},
            "data": {"receiver.py": PROGRAM.read_text()},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "receiver"},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "receiver"},
            "spec": {"selector": labels, "ports": [{"port": 8080}]},
        },
    ]
