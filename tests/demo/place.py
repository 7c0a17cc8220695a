"""Where the demo runs: on a cluster of its own, or with `CLUSTER=current` on that of the kubeconfig context in place."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from devcluster import cluster
from devcluster.errors import ClusterError
from support import helm_release
from support.image import IMAGE, build_image
from support.kube import Kube, kubeconfig_in_place

NAME: Final = "demo"
SYSTEM: Final = "mailbox-system"
CRDS: Final = [f"{plural}.mailbox-operator.io" for plural in ("mailboxes", "mailproviders", "oauthapps")]


def image() -> str:
    """Return the operator's image; one's own cluster is given it, another has to have it (`IMAGE`)."""
    return os.environ.get("IMAGE", IMAGE) if cluster.in_place() else IMAGE


def take(folder: Path) -> Kube:
    """Make ready and return where the demo runs; what `leave` needs to know is kept in `folder`. Raises ClusterError."""
    if not cluster.in_place():
        return Kube(kubeconfig=cluster.start(NAME, images={IMAGE: [str(build_image()), "mailbox-operator"]}).kubeconfig)
    kube = Kube(kubeconfig=kubeconfig_in_place())
    found = kube.run("get", "crds", *CRDS, "--ignore-not-found", "-o", "name")
    if found:
        raise ClusterError(
            f"mailbox-operator is in this cluster already ({found.split()[0]}): the demo would come in its way. "
            "Choose another kubectl context, or leave CLUSTER out: the demo then starts a cluster of its own."
        )
    _used(folder).write_text(str(kube.kubeconfig))
    return kube


def leave(folder: Path, *namespaces: str) -> None:
    """Remove the cluster, or from one in place what the demo has put there, `namespaces` among it. Raises KubectlError."""
    cluster.stop(NAME, delete=True)
    if not _used(folder).exists():
        return
    kube = Kube(kubeconfig=Path(_used(folder).read_text()))
    with suppress(helm_release.ReleaseError):  # it broke off before that
        helm_release.uninstall(kube.kubeconfig, SYSTEM)
    kube.run_patiently("delete", "namespace", *namespaces, SYSTEM, "--ignore-not-found", seconds=60)
    kube.run_patiently("delete", "crds", *CRDS, "--ignore-not-found", seconds=60)


def _used(folder: Path) -> Path:
    return folder / "in-place"
