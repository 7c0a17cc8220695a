"""The checkpoint's ConfigMap on a real API server: who holds it, who is fenced off, who else may edit it."""

import asyncio
import base64
import contextlib
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from conformance.store import Place, StoreSuite
from mailbox_operator.fetcher.checkpoint.store import FencedError, Store, StoreAwayError
from mailbox_operator.fetcher.checkpoint.store_configmap import LARGEST_ANSWER, ApiAccess, ConfigMapStore
from mailbox_operator.fetcher.http.pool import HttpPool
from support.kube import Kube
from testbed.pki import Pki

pytestmark = pytest.mark.apiserver

NAME = "mbx-support-checkpoint"
ACCOUNT = "fetcher"


@pytest.fixture
def namespace(kube: Kube) -> Kube:
    """A namespace with the ConfigMap and an account that may get and patch just that."""
    made = kube.within(f"fetcher-{secrets.token_hex(3)}")
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [NAME], "verbs": ["get", "patch"]}]
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.namespace}})
    made.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": ACCOUNT}, "rules": rules},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": ACCOUNT},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": made.namespace}],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}},
    )
    return made


@pytest.fixture
def access(namespace: Kube, tmp_path: Path) -> ApiAccess:
    """What a pod of that account would be given."""
    cluster = yaml.safe_load(namespace.kubeconfig.read_text())["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    if "certificate-authority-data" in cluster:
        ca = base64.b64decode(cluster["certificate-authority-data"])
    else:
        ca = Path(cluster["certificate-authority"]).read_bytes()
    (tmp_path / "ca.crt").write_bytes(ca)
    (tmp_path / "token").write_text(namespace.run("create", "token", ACCOUNT).strip())
    assert server.hostname
    return ApiAccess(host=server.hostname, port=server.port or 443, folder=tmp_path)


@contextlib.asynccontextmanager
async def opened(access: ApiAccess, namespace: Kube, holder: str) -> AsyncIterator[ConfigMapStore]:
    """A store of one fetcher."""
    async with asyncio.TaskGroup() as tasks:
        pool = HttpPool(access.server(), size=1, max_body=LARGEST_ANSWER, tasks=tasks)
        store = ConfigMapStore(NAME, namespace=namespace.namespace, holder=holder, access=access, pool=pool)
        try:
            yield store
        finally:
            store.close()


def data(namespace: Kube) -> dict[str, Any]:
    found: dict[str, Any] = namespace.get("configmap", NAME)["data"]
    return found


class Cluster:
    """Stores in one ConfigMap."""

    def __init__(self, namespace: Kube, access: ApiAccess) -> None:
        self._namespace, self._access = namespace, access

    def opened(self, holder: str) -> contextlib.AbstractAsyncContextManager[Store]:
        return opened(self._access, self._namespace, holder)


class TestConfigMapStore(StoreSuite):
    @pytest.fixture
    def place(self, namespace: Kube, access: ApiAccess) -> Place:
        return Cluster(namespace, access)


async def test_keys_and_holder_are_what_the_operator_reads(namespace: Kube, access: ApiAccess) -> None:
    async with opened(access, namespace, "pod-1") as store:
        assert await store.open() is None
        await store.save(checkpoint='{"mail": "ü"}', progress="{}")
        await store.save(checkpoint='{"mail": "ß"}', progress='{"state": "Idle"}')
    assert data(namespace) == {
        "holder": "pod-1",
        "checkpoint.json": '{"mail": "ß"}',
        "progress.json": '{"state": "Idle"}',
    }


async def test_who_opens_it_fences_off_who_held_it(namespace: Kube, access: ApiAccess) -> None:
    async with opened(access, namespace, "pod-1") as first, opened(access, namespace, "pod-2") as second:
        await first.open()
        await first.save(checkpoint="1", progress="{}")
        assert await second.open() == "1"
        with pytest.raises(FencedError, match="pod-2"):
            await first.save(checkpoint="lost", progress="{}")
        await second.save(checkpoint="2", progress="{}")
    assert data(namespace)["checkpoint.json"] == "2"


async def test_an_edit_of_the_operator_fences_nobody_off(namespace: Kube, access: ApiAccess) -> None:
    async with opened(access, namespace, "pod-1") as store:
        await store.open()
        namespace.run("label", "configmap", NAME, "mailbox-operator.io/mailbox=support")
        await store.save(checkpoint="1", progress="{}")
    assert data(namespace)["checkpoint.json"] == "1"
    assert namespace.get("configmap", NAME)["metadata"]["labels"] == {"mailbox-operator.io/mailbox": "support"}


async def test_a_missing_configmap_says_so(namespace: Kube, access: ApiAccess) -> None:
    namespace.delete("configmap", NAME)
    async with opened(access, namespace, "pod-1") as store:
        with pytest.raises(StoreAwayError, match="does not exist"):
            await store.open()


async def test_a_missing_permission_says_which(namespace: Kube, access: ApiAccess) -> None:
    async with opened(access, namespace, "pod-1") as store:
        await store.open()
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [NAME], "verbs": ["get"]}]
        namespace.patch("role", ACCOUNT, {"rules": rules})

        async def refused() -> str:
            while True:  # the authoriser hears of the change a moment later
                try:
                    await store.save(checkpoint="1", progress="{}")
                except StoreAwayError as error:
                    return str(error)

        async with asyncio.timeout(40):
            said = await refused()
    assert said == f"patch configmap {NAME}: the API server answered 403"


async def test_a_renewed_token_is_used(namespace: Kube, access: ApiAccess) -> None:
    token = access.token()
    (access.folder / "token").write_text("stale")
    async with opened(access, namespace, "pod-1") as store:
        with pytest.raises(StoreAwayError, match="401"):
            await store.open()
        (access.folder / "token").write_text(token)
        assert await store.open() is None


async def test_an_api_server_with_a_foreign_certificate_is_not_told_the_token(
    namespace: Kube, access: ApiAccess, tmp_path: Path
) -> None:
    shutil.copy(Pki.make(tmp_path / "pki").certificate("ca"), access.folder / "ca.crt")
    async with opened(access, namespace, "pod-1") as store:
        with pytest.raises(StoreAwayError, match=r"API server: .*certificate"):
            await store.open()
