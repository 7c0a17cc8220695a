"""One operator and one pair of mail servers for this folder; a namespace and accounts of its own a test.

No node: a fetcher's Deployment is made, and no pod. What a fetcher would report, a test writes in its place.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from apiserver.controller.operator_process import Operator
from support import manifests
from support.kube import Kube, until
from testbed.mailserver import MailServer, running_mail_server

DOMAIN: Final = "controller.test"
SYSTEM: Final = "kube-system"
RIGHT: Final = "right"


@pytest.fixture(scope="package")
def mail() -> Iterator[MailServer]:
    """Dovecot and Postfix on loopback, which the operator under test may dial."""
    with running_mail_server("localhost", domain=DOMAIN) as server:
        yield server


@pytest.fixture(scope="package")  # not for longer: the tests outside of this folder want objects that nobody visits
def started(kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """The operator, which serves the whole cluster."""
    operator = Operator(
        kubeconfig=kube.kubeconfig,
        log=tmp_path_factory.mktemp("operator") / "operator.log",
        options=("--network-allowed=127.0.0.0/8", "--network-allowed=::1/128", "--fetcher-image=fetcher:test"),
    )
    operator.start()
    yield operator
    operator.stop()


@pytest.fixture
def operator(started: Operator) -> Operator:
    """The operator, running."""
    if not started.alive:
        started.start()
    return started


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A namespace, and accounts on the mail server."""

    kube: Kube
    mail: MailServer
    operator: Operator

    def address(self, name: str) -> str:
        """Return the address of this team's account."""
        return f"{name}.{self.kube.namespace}@{DOMAIN}"

    def logins(self, name: str, *, least: int = 0) -> int:
        """Return how often an account has signed in, once it is `least`."""
        return self.mail.dovecot.logins(self.address(name), least=least)

    def refused(self, name: str, *, least: int = 0) -> int:
        """Return how often it was refused, once it is `least`."""
        return self.mail.dovecot.refused_logins(self.address(name), least=least)

    def wait_reasons(self, *reasons: str) -> None:
        """Wait until these events have been told, which is done after the status was written."""
        until(
            lambda: set(reasons) <= {reason for _, reason, _ in self.events()},
            seconds=10,
            what=lambda: f"events {reasons}; there are {self.events()}",
        )

    def account(self, name: str, password: str) -> None:
        """Make an account, or change its password."""
        self.mail.dovecot.set_password(self.address(name), password)

    def password(self, name: str, value: str) -> None:
        """Put a password into a Mailbox's Secret."""
        self.kube.apply(manifests.password(name, value))

    def manifest(self, name: str, **spec: Any) -> dict[str, Any]:
        """Return a good Mailbox with `spec` merged in."""
        base = {
            "address": self.address(name),
            "incoming": {"protocol": "IMAP", "host": "localhost", "port": self.mail.dovecot.imaps},
            "outgoing": {"protocol": "None"},
            "tls": {"caConfigMapRef": {"name": manifests.CA}},
            "credentials": {"passwordSecretRef": {"name": f"{name}-password"}},
        }
        return {
            "apiVersion": "mailbox-operator.io/v1alpha1",
            "kind": "Mailbox",
            "metadata": {"name": name},
            "spec": manifests.merged(base, spec),
        }

    def mailbox(self, name: str, *, password: str = RIGHT, **spec: Any) -> None:
        """Make an account, and apply a good Mailbox with `spec` merged in, and its Secret."""
        self.account(name, RIGHT)
        self.kube.apply(manifests.password(name, password), self.manifest(name, **spec))

    def status(self, name: str) -> dict[str, Any]:
        """Return a Mailbox's status."""
        return dict(self.kube.get("mailbox", name).get("status", {}))

    def version(self, name: str) -> str:
        """Return a Mailbox's resourceVersion."""
        return str(self.kube.get("mailbox", name)["metadata"]["resourceVersion"])

    def events(self) -> list[tuple[str, str, str]]:
        """Return type, reason and note of all events about Mailboxes."""
        found = self.kube.items("events.events.k8s.io", "--field-selector=regarding.kind=Mailbox")
        return [(one["type"], one["reason"], one["note"]) for one in found]

    def report(self, name: str, **progress: Any) -> None:
        """Write what a fetcher would report, and let its pod, which no node runs, look ready."""
        text = json.dumps({"state": "Idle"} | progress)
        self.kube.patch("configmap", f"mbx-{name}-checkpoint", {"data": {"holder": "pod", "progress.json": text}})
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        change = json.dumps({"status": {"phase": "Running", "conditions": [ready]}})
        for pod in self.pods(name):
            self.kube.run("patch", "pod", pod, "--subresource=status", "--type=merge", "-p", change)

    def pods(self, name: str) -> list[str]:
        """Wait for a fetcher's pods and return their names."""
        label = f"mailbox-operator.io/mailbox={name}"

        def found() -> list[str]:
            return [pod["metadata"]["name"] for pod in self.kube.items("pods", "-l", label)]

        return until(found, seconds=10, what=f"a pod for {name}")


WEBHOOK: Final = {"webhook": {"url": "https://desk.example.com/inbound-mail"}}


@pytest.fixture
def team(kube: Kube, mail: MailServer, operator: Operator) -> Iterator[Team]:
    """A namespace of the test's own."""
    with kube.temporary_namespace(f"t-{secrets.token_hex(4)}") as own:
        own.apply(manifests.ca(mail.ca_pem))
        yield Team(kube=own, mail=mail, operator=operator)


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
    asked = ("auth", "can-i", "watch", "mailboxes.mailbox-operator.io", "--all-namespaces")
    until(
        lambda: kube.run(*asked, f"--as=system:serviceaccount:{SYSTEM}:{name}").strip() == "yes",
        seconds=10,
        what="the authoriser has heard of the role",
    )
    token = kube.within(SYSTEM).run("create", "token", name).strip()
    config = json.loads(kube.run("config", "view", "--raw", "-o", "json"))
    config["users"] = [{"name": one["name"], "user": {"token": token}} for one in config["users"]]
    path.write_text(json.dumps(config))
    return path


def needed(*, without: tuple[str, str, str] | None) -> list[tuple[str, str, list[str]]]:
    """Return group, resource and verbs of what the operator says it needs."""
    from mailbox_operator.controller.permissions import PERMISSIONS  # noqa: PLC0415 - kopf is heavy, few tests ask

    found: dict[tuple[str, str], list[str]] = {}
    for one in PERMISSIONS:
        if (one.verb, one.group, one.resource) != without:
            found.setdefault((one.group, one.resource), []).append(one.verb)
    return [(group, resource, verbs) for (group, resource), verbs in found.items()]


def wait_gone(kube: Kube, kind: str, name: str, *, seconds: float = 45) -> None:
    """Wait until an object is no more."""
    until(lambda: kube.find(kind, name) is None, seconds=seconds, what=f"{kind} {name} is gone")
