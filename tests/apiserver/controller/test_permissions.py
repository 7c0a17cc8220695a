"""The operator's permissions: each is used, and no other is needed."""

from pathlib import Path

import pytest

from apiserver.controller.conftest import RIGHT, WEBHOOK, Team, needed, restricted_kubeconfig
from apiserver.controller.operator_process import Operator
from apiserver.controller.recording_gate import Used, recording_gate
from support.kube import until

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(120)]


def asked_for() -> set[Used]:
    return {(verb, group, resource) for group, resource, verbs in needed(without=None) for verb in verbs}


def test_each_permission_is_used_and_no_other_is_needed(team: Team, tmp_path: Path) -> None:
    kubeconfig = restricted_kubeconfig(team.kube, tmp_path / "kubeconfig", without=None)
    team.operator.stop()
    with recording_gate(kubeconfig, tmp_path / "through-the-gate") as gate:
        operator = Operator(kubeconfig=gate.kubeconfig, log=tmp_path / "log", options=team.operator.options)
        operator.start()
        try:
            live_a_mailboxs_life(team)
            beside_the_work = {("create", "authorization.k8s.io", "selfsubjectaccessreviews")}
            until(
                lambda: gate.used - beside_the_work == asked_for(),
                seconds=10,
                what=lambda: f"never used: {asked_for() - gate.used}; used beside: {gate.used - asked_for()}",
            )
            assert gate.forbidden == []
        finally:
            operator.stop()


def live_a_mailboxs_life(team: Team) -> None:
    """Have one proven and fetched, and its sink taken away; another refused and let in, twice. Presets are beside them."""
    name = f"preset-{team.kube.namespace}"
    kind = {"apiVersion": "mailbox-operator.io/v1alpha1", "metadata": {"name": name}}
    provider = kind | {"kind": "MailProvider", "spec": {"incoming": [{"protocol": "IMAP", "host": "imap.example.com"}]}}
    app = kind | {
        "kind": "OAuthApp",
        "spec": {
            "provider": "OIDC",
            "oidc": {"issuer": "https://id.example.com"},
            "clientID": "mail",
            "public": True,
            "grant": "DeviceCode",
        },
    }
    team.kube.apply(provider, app)
    try:
        team.mailbox("support", delivery=WEBHOOK)
        until(lambda: team.kube.find("deployment", "mbx-support"), seconds=15, what="a Deployment")
        team.report("support")
        team.kube.wait_condition("support", "Ready", seconds=15)
        team.mailbox("watched")
        for _ in range(2):  # what is told again within minutes is a series of the same event
            team.password("watched", "wrong")
            team.kube.wait_condition("watched", "Stalled", reason="CredentialsInvalid", seconds=15)
            team.password("watched", RIGHT)
            team.kube.wait_condition("watched", "Ready", seconds=15)
        team.kube.patch("mailbox", "support", {"spec": {"delivery": None}})
        until(lambda: team.kube.find("deployment", "mbx-support") is None, seconds=20, what="the fetcher is gone")
        team.kube.wait_condition(name, "SpecValid", kind="mailprovider", seconds=10)
        team.kube.wait_condition(name, "SpecValid", kind="oauthapp", seconds=10)
    finally:
        team.kube.delete("mailprovider", name)
