"""What the chart makes, for several values; nothing here needs a cluster."""

from typing import Any

import helm_python
import pytest
from helm_python.errors import HelmError
from kubernetes_validate import validate

from chart.conftest import CHART, Objects, Render
from mailbox_operator.controller.permissions import PERMISSIONS
from support.generated import drifted

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one-namespace": {"watchNamespaces": ["helpdesk"]},
    "all-switched-on": {
        "network": {
            "mode": "PublicOnly",
            "allowed": ["10.1.0.0/16", "fd00:1::/48", "10.2.3.4", "mail.corp"],
            "denied": ["192.0.2.0/24"],
        },
        "allowInsecureSkipVerify": True,
        "networkPolicy": {"enabled": True},
        "fetcher": {"image": "fetcher:2", "imagePullSecrets": [{"name": "registry"}]},
        "image": {"repository": "registry/operator", "digest": f"sha256:{'0' * 64}"},
    },
    "all-switched-off": {
        "crds": {"install": False},
        "rbac": {"create": False, "aggregate": False},
        "serviceAccount": {"create": False, "name": "mine"},
        "deletionProtection": {"enabled": False},
        "metrics": {"service": {"enabled": False}},
    },
}


@pytest.mark.parametrize("name", SETTINGS)
def test_kubernetes_accepts_what_is_rendered(render: Render, name: str) -> None:
    objects = render(**SETTINGS[name])
    assert objects
    for obj in objects:
        validate(obj, "1.36", strict=True)


@pytest.mark.parametrize("name", SETTINGS)
def test_helm_finds_nothing_to_complain_of(name: str) -> None:
    report = helm_python.lint(CHART, SETTINGS[name], strict=True)
    assert [one for one in report.get("messages", []) if "icon" not in str(one)] == []


BAD_VALUES: dict[str, dict[str, Any]] = {
    "a-typing-error": {"imagee": {}},
    "a-wrong-mode": {"network": {"mode": "Open"}},
    "a-number-for-a-name": {"watchNamespaces": [1]},
    "a-wrong-level": {"log": {"level": "loud"}},
    "an-unknown-key-below": {"network": {"allow": []}},
    "a-network-that-is-none": {"network": {"allowed": ["10.0.0.0/99"]}},
    "a-range-that-is-none": {"network": {"clusterRanges": ["fd00::/129"]}},
    "everybodys-service-account": {"serviceAccount": {"create": False}},
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_wrong_values_are_refused(render: Render, name: str) -> None:
    with pytest.raises(HelmError):
        render(**BAD_VALUES[name])


def operator_pod(objects: Objects) -> dict[str, Any]:
    (deployment,) = (obj for obj in objects if obj["kind"] == "Deployment")
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def test_the_operator_runs_restricted(render: Render) -> None:
    pod = operator_pod(render())
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"livenessProbe", "readinessProbe", "resources"} <= container.keys()


def test_each_flag_is_one_that_the_operator_knows(render: Render) -> None:
    from mailbox_operator.cli.run import run  # noqa: PLC0415 - the command line is read for this test alone

    known = {name for option in run.params for name in option.opts}
    for values in SETTINGS.values():
        used = {arg.partition("=")[0] for arg in operator_pod(render(**values))["containers"][0]["args"][1:]}
        assert used <= known


def allowed(objects: Objects, *kinds: str) -> set[tuple[str, str, str]]:
    """Return (group, resource, verb) of the operator's own roles."""
    return {
        (group, resource, verb)
        for obj in objects
        if obj["kind"] in kinds and "aggregat" not in str(obj["metadata"].get("labels"))
        for rule in obj["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_roles_hold_what_the_operator_asks_for_and_nothing_else(render: Render) -> None:
    wanted = {(one.group, one.resource, one.verb) for one in PERMISSIONS}
    assert allowed(render(), "ClusterRole") == wanted


def test_confined_to_a_namespace_it_holds_only_what_is_the_clusters(render: Render) -> None:
    objects = render(watchNamespaces=["helpdesk"])
    wide = {(one.group, one.resource, one.verb) for one in PERMISSIONS if not one.namespaced}
    assert allowed(objects, "ClusterRole") == wide
    narrow = {(one.group, one.resource, one.verb) for one in PERMISSIONS if one.namespaced}
    assert allowed(objects, "Role") == narrow
    assert {obj["metadata"]["namespace"] for obj in objects if obj["kind"] == "Role"} == {"helpdesk"}


def test_the_crds_are_kept_when_the_release_goes_unless_told_otherwise(render: Render) -> None:
    def kept(objects: Objects) -> set[bool]:
        return {
            "helm.sh/resource-policy" in obj["metadata"].get("annotations", {})
            for obj in objects
            if obj["kind"] == "CustomResourceDefinition"
        }

    assert kept(render()) == {True}
    assert kept(render(crds={"keep": False})) == {False}


def test_all_that_is_generated_is_fresh() -> None:
    assert drifted() == []
