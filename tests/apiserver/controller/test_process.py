"""The process: leaving, missing permissions, an API server that goes away, watches that end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from apiserver.controller.conftest import Team, restricted_kubeconfig
from apiserver.controller.operator_process import Operator
from devcluster import cluster as devcluster
from mailbox_operator.api.crd import documents
from support.kube import Kube, until
from support.patience import PATIENCE

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(90)]

SUSPENDED = {
    "apiVersion": "mailbox-operator.io/v1alpha1",
    "kind": "Mailbox",
    "metadata": {"name": "asleep"},
    "spec": {
        "address": "a@example.com",
        "suspend": True,
        "incoming": {"protocol": "IMAP", "host": "imap.example.com"},
        "credentials": {"passwordSecretRef": {"name": "none"}},
    },
}


@contextmanager
def in_place_of(other: Operator, kubeconfig: Path, log: Path, *, ready: bool = True) -> Iterator[Operator]:
    """Run another operator while the usual one is stopped."""
    other.stop()
    found = Operator(kubeconfig=kubeconfig, log=log)
    found.start(ready=ready)
    try:
        yield found
    finally:
        found.stop()


def test_sigterm_ends_it_soon_and_well(team: Team) -> None:
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready", seconds=15)
    code, seconds = team.operator.stop()
    assert code == 0
    assert seconds < 5 * PATIENCE
    assert "Traceback" not in team.operator.text()


def test_it_does_all_its_work_with_the_permissions_that_it_names(team: Team, tmp_path: Path) -> None:
    kubeconfig = restricted_kubeconfig(team.kube, tmp_path / "kubeconfig", without=None)
    with in_place_of(team.operator, kubeconfig, tmp_path / "log") as operator:
        team.kube.apply(SUSPENDED)
        team.kube.wait_condition("asleep", "Ready", "False", reason="Suspended")
        assert operator.metric("mailbox_operator_permission_missing") == 0


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [("list", "", "secrets"), ("patch", "mailbox-operator.io", "mailboxes/status"), ("create", "apps", "deployments")],
)
def test_it_names_a_permission_that_it_lacks_and_goes_on(
    team: Team, tmp_path: Path, verb: str, group: str, resource: str
) -> None:
    kubeconfig = restricted_kubeconfig(team.kube, tmp_path / "kubeconfig", without=(verb, group, resource))
    with in_place_of(team.operator, kubeconfig, tmp_path / "log", ready=False) as operator:
        named = f"{verb} {resource}"
        status, text = until(
            lambda: answer if named in (answer := operator.ask("readyz"))[1] else None, seconds=20, what="it says which"
        )
        assert status == 503
        assert named in text
        assert operator.metric("mailbox_operator_permission_missing", verb=verb, resource=resource) == 1
        assert operator.ask("healthz")[0] == 200
        assert operator.alive
        until(lambda: named in operator.text(), seconds=5, what="the log says which")


def test_watches_that_end_begin_anew(team: Team) -> None:
    definition = json.loads(team.kube.run("get", "crd", "oauthapps.mailbox-operator.io", "-o", "json"))
    team.kube.delete("crd", "oauthapps.mailbox-operator.io")
    try:
        until(
            lambda: team.operator.metric("mailbox_operator_watch_restarts_total") > 0, seconds=30, what="kopf has ended"
        )
    finally:
        fresh = {key: definition["metadata"][key] for key in ("name",)}
        team.kube.apply(definition | {"metadata": fresh, "status": None})
        team.kube.run_patiently("wait", "--for=condition=Established", "crd/oauthapps.mailbox-operator.io", seconds=30)
    team.mailbox("support")
    team.kube.wait_condition("support", "Ready", seconds=40)
    assert team.operator.alive


@pytest.mark.timeout(120)
def test_an_api_server_that_was_away_is_served_again(tmp_path: Path) -> None:
    name = "restarted"
    devcluster.stop(name, delete=True)
    kube = Kube(kubeconfig=devcluster.start(name, node=False).kubeconfig)
    operator = Operator(kubeconfig=kube.kubeconfig, log=tmp_path / "log")
    try:
        kube.run("apply", "--server-side", "-f", "-", stdin="---\n".join(documents().values()))
        operator.start()
        kube.apply(SUSPENDED)
        kube.wait_condition("asleep", "Ready", "False", reason="Suspended")
        devcluster.stop(name)
        kube = Kube(kubeconfig=devcluster.start(name, node=False).kubeconfig)
        kube.apply(SUSPENDED | {"metadata": {"name": "later"}})
        kube.wait_condition("later", "Ready", "False", reason="Suspended", seconds=60)
        assert operator.alive
    finally:
        operator.stop()
        devcluster.stop(name, delete=True)
