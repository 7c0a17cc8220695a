"""Fetchers whose checkpoint is a ConfigMap: two of one mailbox, and an API server that is away while mail flows."""

import base64
import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from integration.conftest import Account
from mailbox_operator.fetcher.checkpoint.writer import AWAY_MESSAGES
from mailbox_operator.fetcher.plan import Fetch, Identity, Maildir, Plan, Source
from mailbox_operator.mail.endpoint import Protocol, Security
from support.kube import Kube, until
from testbed.mailserver import MailServer
from testbed.tcp_proxy import TcpProxy, tcp_proxy

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(120)]

NAME = "mbx-support-checkpoint"


@dataclass(kw_only=True)
class Pod:
    """Fetchers as pods of one mailbox: each has the account's files in their place, and a uid of its own."""

    kube: Kube
    api: TcpProxy
    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def maildir(self) -> Path:
        return self.folder / "mail/new"

    def start(self, uid: str) -> subprocess.Popen[bytes]:
        sandbox = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/run", "--die-with-parent"]
        account = ["--ro-bind", str(self.folder / "account"), "/run/secrets/kubernetes.io/serviceaccount"]
        program = [sys.executable, "-m", "mailbox_operator", "fetch", "--allow-loopback"]
        words = ["--plan", str(self.folder / "plan.json"), "--checkpoint", f"configmap:{NAME}"]
        environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.api.port)}
        with (self.folder / f"log-{uid}").open("ab") as log:
            process = subprocess.Popen(
                [*sandbox, *account, *program, *words],
                stderr=log,
                env=os.environ | environment | {"POD_UID": uid, "TMPDIR": str(self.folder)},
            )
        self.started.append(process)
        return process

    def log(self, uid: str) -> str:
        return (self.folder / f"log-{uid}").read_text()[-3000:]

    def names(self) -> list[str]:
        """Return the message numbers that are in the Maildir."""
        with contextlib.suppress(FileNotFoundError):
            return [path.read_bytes().split(b"\n", 1)[0].decode() for path in self.maildir.iterdir()]
        return []

    def count(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return sum(1 for _ in self.maildir.iterdir())
        return 0

    def data(self) -> dict[str, str]:
        found: dict[str, str] = self.kube.get("configmap", NAME).get("data") or {}
        return found

    def delivered(self) -> int:
        """Return how many messages the checkpoint counts."""
        return int(json.loads(self.data().get("checkpoint.json", "{}")).get("messagesDelivered", 0))


@pytest.fixture
def pod(kube: Kube, server: MailServer, account: Account, tmp_path: Path) -> Iterator[Pod]:
    made = kube.within(f"faults-{secrets.token_hex(3)}")
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [NAME], "verbs": ["get", "patch"]}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "fetcher"}
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.namespace}})
    made.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "fetcher"}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "fetcher"}, "rules": rules},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "fetcher"},
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", "name": "fetcher", "namespace": made.namespace}],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}},
    )
    cluster = yaml.safe_load(kube.kubeconfig.read_text())["clusters"][0]["cluster"]
    files = tmp_path / "account"
    files.mkdir()
    if "certificate-authority-data" in cluster:
        (files / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    else:
        (files / "ca.crt").write_bytes(Path(cluster["certificate-authority"]).read_bytes())
    (files / "token").write_text(made.run("create", "token", "fetcher").strip())
    (tmp_path / "password").write_text(account.password)
    plan = Plan(
        mailbox=Identity(uid="5d1c", namespace=made.namespace, name="support", address=account.address),
        source=Source(
            protocol=Protocol.IMAP,
            host="127.0.0.1",
            port=server.dovecot.imap,
            security=Security.NONE,
            username=account.address,
            password_file=str(tmp_path / "password"),
        ),
        fetch=Fetch(since_seconds=None, mark_seen=False),
        delivery=Maildir(path=str(tmp_path / "mail")),
    )
    (tmp_path / "plan.json").write_text(plan.to_json())
    address = urlsplit(cluster["server"])
    with tcp_proxy((str(address.hostname), address.port or 443)) as api:
        pods = Pod(kube=made, api=api, folder=tmp_path)
        yield pods
        for process in pods.started:
            process.kill()
            process.wait(timeout=60)


def seed(server: MailServer, account: Account, count: int, *, first: int = 0, octets: int = 0) -> list[str]:
    names = [f"Message-ID: <{number}@pods>" for number in range(first, first + count)]
    server.dovecot.seed(account.address, [f"{name}\r\n\r\n{'x' * octets}\r\n".encode() for name in names])
    return names


def test_of_two_fetchers_the_older_one_stops_and_nothing_is_lost_or_doubled(
    pod: Pod, server: MailServer, account: Account
) -> None:
    names = seed(server, account, 3_000, octets=20_000)
    first = pod.start("pod-1")
    until(lambda: pod.count() > 100, seconds=20, what=lambda: pod.log("pod-1"), pause=0.02)
    second = pod.start("pod-2")
    assert first.wait(timeout=60) == 3, pod.log("pod-1")
    assert "another fetcher holds the checkpoint" in pod.log("pod-1")
    until(lambda: pod.count() >= len(names), seconds=30, what=lambda: pod.log("pod-2"))
    until(lambda: pod.delivered() >= len(names), seconds=10, what=lambda: str(pod.delivered()))
    assert sorted(pod.names()) == sorted(names), "the Maildir sink knows a repeat by its name"
    assert second.poll() is None
    assert pod.data()["holder"] == "pod-2"


def test_mail_flows_on_while_the_api_server_is_away_until_too_much_could_not_be_written_down(
    pod: Pod, server: MailServer, account: Account
) -> None:
    names = seed(server, account, AWAY_MESSAGES + 20_000)  # a second passes before it is noticed
    process = pod.start("pod-1")
    until(lambda: pod.count() > 0, seconds=20, what=lambda: pod.log("pod-1"), pause=0.01)
    pod.api.leave()
    until(lambda: pod.count() > AWAY_MESSAGES, seconds=60, what=lambda: f"{pod.count()}\n{pod.log('pod-1')}")
    stopped_at = settled(pod)
    assert AWAY_MESSAGES < stopped_at < len(names), "it stops: a crash now must not repeat more than that"
    assert "checkpoint cannot be written" in pod.log("pod-1")
    pod.api.come_back()
    until(lambda: pod.count() >= len(names), seconds=60, what=lambda: f"{pod.count()}\n{pod.log('pod-1')}")
    assert sorted(pod.names()) == sorted(names)
    until(lambda: pod.delivered() == len(names), seconds=40, what=lambda: str(pod.delivered()))
    assert process.poll() is None


def test_a_checkpoint_deleted_under_a_running_fetcher_is_told_and_written_anew_in_full(
    pod: Pod, server: MailServer, account: Account
) -> None:
    names = seed(server, account, 300)
    first = pod.start("pod-1")
    until(lambda: pod.delivered() == len(names), seconds=20, what=lambda: pod.log("pod-1"))
    pod.kube.run("delete", "configmap", NAME)
    names += seed(server, account, 300, first=300)
    until(lambda: pod.count() == len(names), seconds=20, what=lambda: pod.log("pod-1"))
    until(lambda: "does not exist; the operator makes it" in pod.log("pod-1"), seconds=10, what="it is told")
    pod.kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}})  # as the operator does
    until(lambda: pod.delivered() == len(names), seconds=20, what=lambda: pod.log("pod-1"))
    assert "checkpoint is written again" in pod.log("pod-1")
    assert pod.data()["holder"] == "pod-1"
    first.kill()
    first.wait(timeout=60)
    names += seed(server, account, 1, first=len(names))
    pod.start("pod-2")
    until(lambda: pod.delivered() == len(names), seconds=20, what=lambda: pod.log("pod-2"))
    assert sorted(pod.names()) == sorted(names), "and what was delivered is not delivered again"


def settled(pod: Pod) -> int:
    """Wait until the Maildir has not grown for a second, and return its size."""
    sizes: list[int] = []

    def same() -> bool:
        sizes.append(pod.count())
        return len(sizes) > 10 and len(set(sizes[-10:])) == 1

    until(same, seconds=30, what=lambda: str(sizes[-10:]))
    return sizes[-1]
