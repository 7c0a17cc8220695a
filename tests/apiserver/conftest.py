"""One API server with the kinds in it, for all tests of this folder."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from apiserver.judge import Judge
from devcluster import cluster as devcluster
from mailbox_operator.api.crd import KINDS, documents
from mailbox_operator.api.meta import GROUP
from support.kube import Kube, kubeconfig_in_place

PREFIX: Final = "apiserver-"
"""Followed by the process id of the test run: two runs at once do not disturb each other."""


def stop_left_behind() -> None:
    """Stop what test runs left that were killed."""
    for folder in devcluster.STATE.glob(f"{PREFIX}*"):
        if not Path("/proc", folder.name.removeprefix(PREFIX)).exists():
            devcluster.stop(folder.name, delete=True)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """A control plane of the tests' own, or the one in place."""
    if devcluster.in_place():
        yield kubeconfig_in_place()
        return
    stop_left_behind()
    name = f"{PREFIX}{os.getpid()}"
    try:
        yield devcluster.start(name, node=False).kubeconfig
    finally:
        devcluster.stop(name, delete=True)
        shutil.rmtree(devcluster.STATE / name, ignore_errors=True)


@pytest.fixture(scope="session")
def kube(kubeconfig: Path) -> Kube:
    """The API server, with the kinds established."""
    found = Kube(kubeconfig=kubeconfig)
    found.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin="---\n".join(documents().values()))
    names = [f"crd/{kind.plural}.{GROUP}" for kind in KINDS]
    found.run_patiently("wait", "--for=condition=Established", *names, seconds=30)
    return found


@pytest.fixture(scope="session")
def judge(kube: Kube) -> Judge:
    """What asks the API server for its judgement."""
    return Judge.of(kube.kubeconfig)
