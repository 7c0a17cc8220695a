"""One cluster, one pair of mail servers and one operator a run; a namespace, a receiver and accounts of its own a test."""

import os
import re
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from devcluster import cluster as devcluster
from e2e.canary import CANARY, Ears, listening
from e2e.mailserver import ALIAS, HOST, MailServer, running_mail_server
from support import helm_release, manifests
from support.image import IMAGE, build_image
from support.kube import Kube, KubectlError, until
from support.receiving import Receiver, start_receiver

TOP: Final = Path(__file__).resolve().parents[2]
FETCHERS: Final = "app.kubernetes.io/component=fetcher"
SYSTEM: Final = "mailbox-system"
RELEASE: Final = "mailbox-operator"
BUSY: Final = ("queue_depth", "visits_running", "verifications_running")
"""What the operator counts while it has something to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The cluster with the operator in it."""

    kube: Kube

    def operator_pod(self) -> str:
        """Return the name of the running operator's pod."""
        pods = self.kube.items(
            "pods", "-l", "app.kubernetes.io/name=mailbox-operator", "--field-selector=status.phase=Running"
        )
        names = [pod["metadata"]["name"] for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        if not names:
            raise KubectlError("no pod of the operator runs at this moment")
        return str(names[0])

    def operator_metrics(self) -> str:
        """Return what the operator's /metrics says."""
        return self.kube.run(
            "get", "--raw", f"/api/v1/namespaces/{SYSTEM}/pods/{self.operator_pod()}:8080/proxy/metrics"
        )

    def operator_logs(self, *options: str) -> str:
        """Return the operator's log."""
        return self.kube.run("logs", self.operator_pod(), "--tail=-1", *options)

    def kill_operator(self) -> None:
        """Kill -9 the operator; its container is started again."""
        pod = self.operator_pod()
        restarts = self.restarts(pod)
        kill_container(pod)
        until(lambda: self.restarts(pod) > restarts, seconds=60, what="the operator's container was started again")

    def restarts(self, pod: str) -> int:
        """Return how often a pod's container was started again."""
        return int(self.kube.get("pod", pod)["status"]["containerStatuses"][0]["restartCount"])

    def wait_operator_idle(self) -> None:
        """Wait until the operator is ready and its queue has been empty for a moment."""
        self.kube.run_patiently("rollout", "status", f"deployment/{RELEASE}", seconds=60)
        calm = 0

        def idle() -> bool:
            nonlocal calm
            metrics, calm = self.operator_metrics(), calm + 1
            if any(sample(metrics, f"mailbox_operator_{name}") for name in BUSY):
                calm = 0
            return calm > 3

        until(idle, seconds=60, what="the operator has nothing to do", pause=0.3)

    def kill_fetcher(self, kube: Kube, name: str) -> None:
        """Kill -9 a fetcher, and have a new pod at once: the container's own restart would back off longer each time."""
        pod = fetcher_pod(kube, name)
        kill_container(pod)
        kube.run("delete", "pod", pod, "--force", "--grace-period=0", "--wait=false")


def kill_container(pod: str) -> None:
    """Kill -9 the processes of a pod, found on this machine by the host name that is theirs alone."""
    mark = f"HOSTNAME={pod}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # others', and those that have ended meanwhile
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)


def fetcher_pod(kube: Kube, name: str) -> str:
    """Wait for a Mailbox's fetcher and return its pod's name."""

    def running() -> str | None:
        for pod in kube.items("pods", "-l", f"mailbox-operator.io/mailbox={name}"):
            if pod["status"]["phase"] == "Running" and not pod["metadata"].get("deletionTimestamp"):
                return str(pod["metadata"]["name"])
        return None

    return until(running, seconds=30, what=f"the fetcher of {name} runs")


def sample(metrics: str, name: str) -> float:
    """Return the sum of a metric's samples."""
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", metrics, re.MULTILINE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A namespace with a receiver, and accounts on the mail server."""

    kube: Kube
    mail: MailServer
    receiver: Receiver
    passwords: dict[str, str] = field(default_factory=dict)

    def address(self, name: str) -> str:
        """Return the address of this team's account."""
        return f"{name}.{self.kube.namespace}@e2e.test"

    def account(self, name: str, password: str | None = None) -> None:
        """Make sure the account exists on the mail server."""
        if name not in self.passwords:
            self.passwords[name] = password or f"{CANARY}{secrets.token_urlsafe(6)}"
            self.mail.set_password(self.address(name), self.passwords[name])

    def secret(self, name: str) -> str:
        """Return the account's right password."""
        self.account(name)
        return self.passwords[name]

    def secret_manifest(self, name: str) -> dict[str, Any]:
        """Return the Secret with the right password."""
        return manifests.password(name, self.secret(name))

    def password(self, name: str, value: str) -> None:
        """Put a password into the Mailbox's Secret."""
        self.kube.apply(manifests.password(name, value))

    def manifest(self, name: str, **spec: Any) -> dict[str, Any]:
        """Return a good Mailbox with `spec` merged in."""
        return manifests.mailbox(name, address=self.address(name), host=HOST, **spec)

    def mailbox(self, name: str, *, with_secret: bool = True, **spec: Any) -> None:
        """Apply a good Mailbox with `spec` merged in, and its Secret."""
        secret = [self.secret_manifest(name)] if with_secret else []
        self.kube.apply(*secret, self.manifest(name, **spec))

    def send(self, name: str, messages: list[bytes]) -> None:
        """Have the mail server deliver messages to the account."""
        for message in messages:
            self.mail.deliver(self.address(name), message)

    def fetcher_pod(self, name: str) -> str:
        """Wait for the fetcher and return its pod's name."""
        return fetcher_pod(self.kube, name)

    def raw_metrics(self, pod: str) -> str:
        """Return what a fetcher's /metrics says."""
        return self.kube.run("get", "--raw", f"/api/v1/namespaces/{self.kube.namespace}/pods/{pod}:8080/proxy/metrics")

    def metric(self, pod: str, name: str) -> float:
        """Return one of a fetcher's metrics."""
        return sample(self.raw_metrics(pod), name)

    def event_count(self) -> int:
        """Return how many events there are about Mailboxes, repeats counted; Kubernetes tells of pods as it likes."""
        found = self.kube.items("events.events.k8s.io", "--field-selector=regarding.kind=Mailbox")
        return sum(1 + event.get("series", {}).get("count", 0) for event in found)


@pytest.fixture(scope="session")
def mail() -> Iterator[MailServer]:
    """Dovecot and Postfix on an address of their own, with the usual ports."""
    with running_mail_server() as server:
        yield server


@pytest.fixture(scope="session")
def cluster(mail: MailServer) -> Iterator[Cluster]:
    """A cluster with the operator installed by its chart."""
    images = {IMAGE: [str(build_image()), "mailbox-operator"]}
    devcluster.stop("e2e", delete=True)
    try:
        names = {HOST: mail.host, ALIAS: mail.host}
        yield install_operator(devcluster.start("e2e", images=images, dns=names).kubeconfig)
    finally:
        devcluster.stop("e2e", delete=True)


def install_operator(kubeconfig: Path) -> Cluster:
    """Install the operator by its chart and wait until it is ready; its log explains why it is not."""
    repository, _, tag = IMAGE.rpartition(":")
    helm_release.install(kubeconfig, SYSTEM, {"image": {"repository": repository, "tag": tag}}, release=RELEASE)
    found = Cluster(kube=Kube(kubeconfig=kubeconfig, namespace=SYSTEM))
    try:
        found.kube.run_patiently("rollout", "status", f"deployment/{RELEASE}", seconds=60)
    except KubectlError as error:
        log = found.kube.run("logs", f"deployment/{RELEASE}", "--tail=20")
        raise AssertionError(f"the operator does not become ready: {log}") from error
    return found


@pytest.fixture(scope="session")
def ears(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ears]:
    """Hear all that is emitted during the run; at its end, no password must have been in it."""
    with listening(cluster.kube, tmp_path_factory.mktemp("ears")) as found:
        yield found
        found.hear("operator log", cluster.operator_logs())
        found.hear("operator metrics", cluster.operator_metrics())
        with suppress(KubectlError):  # it was not killed in this run
            found.hear("operator log before it was killed", cluster.operator_logs("--previous"))
        assert found.leaks() == []


@pytest.fixture
def team(cluster: Cluster, mail: MailServer, ears: Ears) -> Iterator[Team]:
    """A namespace of the test's own."""
    with cluster.kube.temporary_namespace(f"t-{secrets.token_hex(4)}") as kube:
        kube.apply(manifests.ca(mail.ca_pem))
        yield Team(kube=kube, mail=mail, receiver=start_receiver(kube, image=IMAGE))
        with suppress(KubectlError):  # the test has deleted its namespace
            fetchers = kube.run("logs", "-l", FETCHERS, "--tail=-1", "--prefix", "--ignore-errors")
            ears.hear(f"fetchers of {kube.namespace}", fetchers)


@pytest.fixture(scope="session")
def kstatus() -> Path:
    """The program that computes kstatus by Flux's own library."""
    folder = TOP / "tests/kstatus"
    binary = TOP / ".dev/kstatus"
    binary.parent.mkdir(exist_ok=True)
    subprocess.run(["go", "build", "-o", binary, "."], cwd=folder, check=True)
    return binary
