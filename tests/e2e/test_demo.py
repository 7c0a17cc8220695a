"""The README's first command, as a newcomer gives it. It takes the place of a demo that runs here already."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from devcluster import cluster as devcluster
from support.image import IMAGE, build_image
from support.kube import Kube

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TOP: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = TOP / ".dev/demo"
STEPS: Final = [
    "kind: Mailbox",
    "✓ IncomingAuthenticated",
    "✓ TestMessageDelivered",
    "✓ Ready",
    "three mails come in",
    "somebody puts a wrong password",
    "✗ IncomingAuthenticated   CredentialsInvalid",
    "and the right one again",
    "three more mails arrived",
    "All of it happened",
]
MAILS: Final = {"My order has not arrived", "Invoice 2026-1107, with invoice.pdf", "納期のお問い合わせ"}


def make(target: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the Makefile."""
    environment = os.environ | variables
    return subprocess.run(
        ["make", target], cwd=TOP, env=environment, capture_output=True, text=True, check=False, timeout=500
    )


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Take down what a demo leaves running."""
    yield
    make("demo-down")


@pytest.fixture
def in_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    """A cluster that somebody has, with the operator's image in it."""
    folder = tmp_path_factory.mktemp("current")  # a short path: there are sockets in it
    images = {IMAGE: [str(build_image()), "mailbox-operator"]}
    yield Kube(kubeconfig=devcluster.start("somebodys", folder=folder, images=images).kubeconfig)
    devcluster.stop("somebodys", folder=folder, delete=True)


@pytest.mark.usefixtures("nothing_left")
def test_the_demo_shows_a_mailbox_come_alive_break_and_recover_and_goes_away_again() -> None:
    demo = make("demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    places = [demo.stdout.find(words) for words in STEPS]
    assert -1 not in places, dict(zip(STEPS, places, strict=True))
    assert places == sorted(places), "in that order"
    assert set(re.findall(r"Subject: (.*)", demo.stdout)) == MAILS
    assert (FOLDER / "kubeconfig").exists(), "it goes on running"
    assert make("demo-down").returncode == 0
    assert not FOLDER.exists()


@pytest.mark.usefixtures("nothing_left")
def test_the_demo_uses_the_cluster_in_place_and_leaves_it_as_it_was(in_place: Kube) -> None:
    current = {"CLUSTER": "current", "KUBECONFIG": str(in_place.kubeconfig)}
    before = things(in_place)
    demo = make("demo", **current)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert in_place.within("helpdesk").conditions("support")["Ready"]["status"] == "True"
    assert make("demo-down").returncode == 0, "it knows where it was"
    assert things(in_place) == before


@pytest.mark.usefixtures("nothing_left")
def test_the_demo_keeps_off_a_cluster_where_the_operator_is_in_use(in_place: Kube) -> None:
    in_place.run("apply", "--server-side", "-f", str(TOP / "crds"))
    demo = make("demo", CLUSTER="current", KUBECONFIG=str(in_place.kubeconfig))
    assert demo.returncode != 0
    assert "mailbox-operator is in this cluster already" in demo.stdout
    assert "Traceback" not in demo.stderr
    assert make("demo-down").returncode == 0
    assert "mailboxes.mailbox-operator.io" in things(in_place), "it is not the demo's"


def things(kube: Kube) -> set[str]:
    """Return the names of what is there for the whole cluster, but for Kubernetes' own, which come a moment after its start."""
    kinds = "namespaces,crds,clusterroles,clusterrolebindings,validatingadmissionpolicies"
    names = {item["metadata"]["name"] for item in kube.items(kinds)}
    return {name for name in names if not name.startswith(("kube-", "system:"))}
