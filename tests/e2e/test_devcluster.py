"""The development cluster itself: what the other end-to-end tests rely on, seen to work on a cluster of its own."""

import json
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from devcluster import cluster as devcluster
from e2e.smoke_pods import IMAGE, REFUSE, RESOLVE, SERVE, deployment, pod, ran, running, service, spec
from support.kube import Kube, KubectlError, until
from testbed.address import address_of_its_own

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

KNOWN: Final = "known.smoke.test"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cluster's files."""
    return tmp_path_factory.mktemp("smoke")


def start(folder: Path) -> Kube:
    """Start the cluster, or start it again."""
    images = {IMAGE: [sys.base_prefix]}
    return Kube(kubeconfig=devcluster.start("smoke", folder=folder, images=images, dns={KNOWN: "192.0.2.7"}).kubeconfig)


@pytest.fixture(scope="module")
def smoke(folder: Path) -> Iterator[Kube]:
    """A cluster with an image that is the Python of these tests."""
    yield start(folder)
    devcluster.stop("smoke", folder=folder, delete=True)


@pytest.fixture
def team(smoke: Kube) -> Iterator[Kube]:
    """A namespace that admits restricted pods only."""
    with smoke.temporary_namespace(f"t-{secrets.token_hex(4)}") as kube:
        yield kube


def test_a_deployment_is_probed_served_and_rolled_over(team: Kube) -> None:
    team.apply(deployment("web", text="first"), service("web", port=80, target=8080))
    team.run_patiently("rollout", "status", "deployment/web", seconds=30)
    fetch = "import urllib.request as r, sys; print(r.urlopen(sys.argv[1], timeout=15).read().decode())"
    assert ran(team, "one", "python3", "-c", fetch, "http://web") == (0, "first\n")
    team.apply(deployment("web", text="second"))
    team.run_patiently("rollout", "status", "deployment/web", seconds=30)
    whole_name = f"http://web.{team.namespace}.svc.cluster.local"
    assert ran(team, "two", "python3", "-c", fetch, whole_name) == (0, "second\n")


def test_jobs_end_as_their_containers_do(team: Kube) -> None:
    def job(name: str, code: int) -> dict[str, Any]:
        template = spec("python3", "-c", f"raise SystemExit({code})", restartPolicy="Never")
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": {"spec": template}},
        }

    team.apply(job("good", 0), job("bad", 3))
    team.run_patiently("wait", "job/good", "--for=condition=Complete", seconds=30)
    team.run_patiently("wait", "job/bad", "--for=condition=Failed", seconds=30)
    (failed,) = team.items("pods", "-l", "job-name=bad")
    assert failed["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


@pytest.mark.parametrize(
    ("program", "codes"),
    [("pass", {0}), ("raise SystemExit(42)", {42}), ("import os; os.abort()", {134, 139})],
    ids=["good", "bad", "aborted"],
)
def test_exit_codes_are_those_of_the_process(team: Kube, program: str, codes: set[int]) -> None:
    assert ran(team, "ending", "python3", "-c", program)[0] in codes


def test_an_unknown_command_and_an_unknown_image_are_told(team: Kube) -> None:
    team.apply(pod("image", "true", image="nowhere.test/nothing:1"))
    assert ran(team, "command", "no-such-command")[0] == 127

    def waiting() -> str:
        statuses = team.get("pod", "image")["status"].get("containerStatuses", [])
        return statuses[0]["state"].get("waiting", {}).get("reason", "") if statuses else ""

    until(lambda: waiting() in {"ErrImagePull", "ImagePullBackOff"}, seconds=20, what=waiting)


def test_a_crashing_container_is_started_again_ever_later(team: Kube) -> None:
    team.apply(pod("crash", "python3", "-c", "raise SystemExit('gone')"))

    def backing_off() -> bool:
        statuses = team.get("pod", "crash")["status"].get("containerStatuses", [])
        return bool(
            statuses
            and statuses[0]["restartCount"] > 0
            and statuses[0]["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"
        )

    until(backing_off, seconds=30, what=lambda: team.run("describe", "pod", "crash"))
    assert team.run("logs", "crash", "--previous") == "gone\n"


def test_changes_of_secrets_and_config_maps_reach_a_running_container(team: Kube) -> None:
    def values(text: str) -> list[dict[str, Any]]:
        return [
            {"apiVersion": "v1", "kind": kind, "metadata": {"name": "values"}, key: {"value": text}}
            for kind, key in (("Secret", "stringData"), ("ConfigMap", "data"))
        ]

    def seen(folder: str) -> str:
        return team.run("exec", "reader", "--", "cat", f"/{folder}/value")

    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("secret", "config")]
    volumes = [
        {"name": "secret", "secret": {"secretName": "values"}},
        {"name": "config", "configMap": {"name": "values"}},
    ]
    team.apply(*values("old"), pod("reader", "sleep", "600", volumeMounts=mounts, volumes=volumes))
    running(team, "reader")
    assert (seen("secret"), seen("config")) == ("old", "old")
    team.apply(*values("new"))
    until(lambda: (seen("secret"), seen("config")) == ("new", "new"), seconds=20, what="the new values", pause=0.3)


def test_exec_logs_and_port_forward(team: Kube) -> None:
    team.apply(pod("web", "python3", "-c", SERVE, env=[{"name": "TEXT", "value": "forwarded"}]))
    running(team, "web")
    echoed = team.run("exec", "-i", "web", "--", "python3", "-c", "print(input()[::-1])", stdin="olleh\n")
    assert echoed == "hello\n"
    with pytest.raises(KubectlError, match="exit code 7"):
        team.run("exec", "web", "--", "python3", "-c", "raise SystemExit(7)")
    with subprocess.Popen(
        team.command("port-forward", "pod/web", ":8080"), stdout=subprocess.PIPE, text=True
    ) as tunnel:
        assert tunnel.stdout is not None
        port = int(tunnel.stdout.readline().partition("127.0.0.1:")[2].partition(" ")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
            connection.sendall(b"GET /through HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        tunnel.terminate()
    assert answer.endswith(b"forwarded")
    until(lambda: "asked /through" in team.run("logs", "web"), seconds=5, what="the request is in the log")


def test_a_claim_keeps_what_was_written(team: Kube) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "disk"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    more = {
        "volumeMounts": [{"name": "disk", "mountPath": "/disk"}],
        "volumes": [{"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}}],
    }
    team.apply(claim)
    assert ran(team, "writer", "sh", "-c", "echo kept >/disk/file", **more)[0] == 0
    assert ran(team, "reader", "cat", "/disk/file", **more) == (0, "kept\n")


def test_a_webhook_in_a_pod_and_a_policy_can_refuse(team: Kube, tmp_path: Path) -> None:
    host = f"judge.{team.namespace}.svc"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    make += ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", "tls.key", "-out", "tls.crt"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    team.run("create", "secret", "tls", "pki", f"--cert={tmp_path / 'tls.crt'}", f"--key={tmp_path / 'tls.key'}")
    ready = {"httpGet": {"path": "/", "port": 8443, "scheme": "HTTPS"}, "periodSeconds": 1, "timeoutSeconds": 10}
    mounts, volumes = [{"name": "pki", "mountPath": "/pki"}], [{"name": "pki", "secret": {"secretName": "pki"}}]
    server = pod("judge", "python3", "-c", REFUSE, readinessProbe=ready, volumeMounts=mounts, volumes=volumes)
    team.apply(server, service("judge", port=443, target=8443))
    running(team, "judge")
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": team.namespace}}}
    maps = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}
    bundle = team.get("secret", "pki")["data"]["tls.crt"]
    webhook = {
        "name": "judge.smoke.test",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "rules": [maps],
        "clientConfig": {"caBundle": bundle, "service": {"name": "judge", "namespace": team.namespace}},
        **here,
    }
    policy_spec = {
        "matchConstraints": {"resourceRules": [maps], **here},
        "validations": [{"expression": "object.metadata.name != 'outlaw'", "message": "the policy says no"}],
    }
    name, api = team.namespace, "admissionregistration.k8s.io/v1"
    binding = {"policyName": name, "validationActions": ["Deny"]}
    objects: list[dict[str, Any]] = [
        {"apiVersion": api, "kind": "ValidatingWebhookConfiguration", "webhooks": [webhook]},
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "spec": policy_spec},
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    ]
    team.apply(*({**one, "metadata": {"name": name}} for one in objects))

    def refusal(suffix: str, data: dict[str, str]) -> str:
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": suffix}, "data": data}
        try:
            team.run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(config))
        except KubectlError as error:
            return str(error)
        return ""

    until(lambda: "the webhook says no" in refusal("one", {"forbidden": "1"}), seconds=20, what="the webhook acts")
    until(lambda: "the policy says no" in refusal("outlaw", {}), seconds=20, what="the policy acts")
    assert not refusal("lawful", {"allowed": "1"})


def test_a_quota_limits_a_namespace(team: Kube) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}}
    team.apply(quota)
    until(lambda: team.get("resourcequota", "q").get("status"), seconds=10, what="the quota is counted")
    team.apply(pod("first", "sleep", "600"))
    assert "exceeded quota" in team.refused(pod("second", "sleep", "600"))


def test_restricted_pod_security_is_enforced(team: Kube) -> None:
    root = pod("root", "sleep", "600")
    root["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    assert "violates PodSecurity" in team.refused(root)


def test_a_container_has_no_privileges_and_writes_where_it_may(team: Kube) -> None:
    program = """
import os, pathlib
print(os.getuid(), pathlib.Path("/proc/self/status").read_text().partition("CapEff:\\t")[2][:16], flush=True)
pathlib.Path("/scratch/file").write_text("fine")
pathlib.Path("/etc/file").write_text("not fine")
"""
    scratch = {"volumeMounts": [{"name": "s", "mountPath": "/scratch"}], "volumes": [{"name": "s", "emptyDir": {}}]}
    code, log = ran(team, "modest", "python3", "-c", program, **scratch)
    assert code == 1
    assert "65532 0000000000000000" in log.splitlines(), "before the error or after it: they come by two pipes"
    assert "Read-only file system: '/etc/file'" in log


def test_names_resolve_or_do_not_exist_at_once(team: Kube, folder: Path) -> None:
    def resolved(pod_name: str, name: str) -> str:
        return ran(team, pod_name, "python3", "-c", RESOLVE, name)[1].strip()

    api = team.within("default").get("service", "kubernetes")["spec"]["clusterIP"]
    assert resolved("service", "kubernetes.default") == f"['{api}'] at once"
    assert resolved("known", KNOWN) == "['192.0.2.7'] at once"
    assert resolved("unknown", "unknown.smoke.test") == "NXDOMAIN at once"
    devcluster.record("smoke", "dns", "unknown.smoke.test=192.0.2.8,192.0.2.9", folder=folder)
    assert resolved("added", "unknown.smoke.test") == "['192.0.2.8', '192.0.2.9'] at once"
    devcluster.record("smoke", "dns", "unknown.smoke.test=", folder=folder)
    assert resolved("removed", "unknown.smoke.test") == "NXDOMAIN at once"


def test_a_pod_reaches_a_server_on_an_address_of_this_machine(team: Kube) -> None:
    program = "import socket, sys; print(socket.create_connection((sys.argv[1], 2525), 15).recv(99).decode())"
    with address_of_its_own() as address, socket.create_server((address, 2525)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"220 welcome")

        threading.Thread(target=greet, daemon=True).start()
        assert ran(team, "client", "python3", "-c", program, address) == (0, "220 welcome\n")


def test_the_network_keeps_its_hardware_address_as_pods_come_and_go(team: Kube, folder: Path) -> None:
    bridge = Path(f"/sys/class/net/devcluster{devcluster.find('smoke', folder=folder).number}/address")
    before = bridge.read_text()
    seen = []
    for name in ("one", "two", "three"):
        team.apply(pod(name, "sleep", "600"))
        running(team, name)
        seen.append(bridge.read_text())
    team.run("delete", "pods", "--all", "--grace-period=0", "--force")
    assert {*seen, bridge.read_text()} == {before}, "else pods have a stale address of their gateway, and are cut off"


def test_a_second_cluster_leaves_the_first_its_network(team: Kube, folder: Path) -> None:
    team.apply(deployment("web", text="still here"), service("web", port=80, target=8080))
    team.run_patiently("rollout", "status", "deployment/web", seconds=30)
    other = folder / "other"
    try:
        second = Kube(kubeconfig=devcluster.start("other", folder=other, images={IMAGE: [sys.base_prefix]}).kubeconfig)
        nodes = [Kube.items(one, "nodes")[0]["spec"]["podCIDR"] for one in (team, second)]
        assert nodes[0] != nodes[1]
        fetch = "import urllib.request as r; print(r.urlopen('http://web', timeout=15).read().decode())"
        assert ran(team, "one", "python3", "-c", fetch) == (0, "still here\n")
    finally:
        devcluster.stop("other", folder=other, delete=True)


def test_the_node_and_the_cluster_say_which_addresses_are_theirs(smoke: Kube) -> None:
    (node,) = smoke.items("nodes")
    (cidr,) = smoke.items("servicecidrs")
    assert node["spec"]["podCIDR"].startswith("10.244.")
    assert cidr["spec"]["cidrs"][0].startswith("10.96.")


def test_a_cluster_started_again_has_its_objects_and_runs_its_pods(smoke: Kube, folder: Path) -> None:
    program = "import time; print(time.time(), flush=True); time.sleep(600)"
    smoke.apply(pod("survivor", "python3", "-c", program))
    running(smoke, "survivor")
    with subprocess.Popen(["true"]) as gone:
        left = Path(tempfile.gettempdir(), f"devcluster-{gone.pid}-1")
    left.mkdir()
    devcluster.stop("smoke", folder=folder)
    stopped = time.time()
    kube = start(folder)
    assert not left.exists(), "what a killed one has left is removed"

    def again() -> bool:
        try:
            return float(kube.run("logs", "survivor")) > stopped
        except (KubectlError, ValueError):
            return False

    until(again, seconds=40, what=lambda: kube.run("describe", "pod", "survivor"))
