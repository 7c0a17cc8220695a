"""One API server with the kinds in it, for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from apiserver.judge import Judge
from devcluster import cluster as devcluster
from mailbox_operator.api.crd import KINDS, documents
from mailbox_operator.api.meta import GROUP
from support.kube import Kube, kubeconfig_in_place

NAME: Final = "apiserver"


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """A control plane of the tests' own, or the one in place."""
    if devcluster.in_place():
        yield kubeconfig_in_place()
        return
    devcluster.stop(NAME, delete=True)
    try:
        yield devcluster.start(NAME, node=False).kubeconfig
    finally:
        devcluster.stop(NAME, delete=True)


@pytest.fixture(scope="session")
def kube(kubeconfig: Path) -> Kube:
    """The API server, with the kinds established."""
    found = Kube(kubeconfig=kubeconfig)
    found.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin="---\n".join(documents().values()))
    names = [f"crd/{kind.plural}.{GROUP}" for kind in KINDS]
    found.run("wait", "--for=condition=Established", "--timeout=30s", *names)
    return found


@pytest.fixture(scope="session")
def judge(kube: Kube) -> Judge:
    """What asks the API server for its judgement."""
    return Judge.of(kube.kubeconfig)
