"""The Kubernetes API: plain JSON over one HTTP session, shared with kopf. Each call has a total deadline."""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
from kubernetes.aio import client as kubernetes_client
from kubernetes.aio import config as kubernetes_config

from mailbox_operator.controller.errors import ApiError, NoClusterError
from mailbox_operator.controller.kinds import DEPLOYMENT, EVENT, Kind
from mailbox_operator.controller.metrics import API_REQUESTS

Object = dict[str, Any]

FIELD_MANAGER: Final = "mailbox-operator"
METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
CALL_SECONDS: Final = 20.0
BY_DEADLINE: Final = aiohttp.ClientTimeout()
"""No time-outs of the library's: a call has one deadline."""
PAGE: Final = 500
CONNECTIONS: Final = 64
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class Client:
    """Calls to one API server. All raise ApiError."""

    def __init__(self, server: str, open_session: Callable[[], aiohttp.ClientSession]) -> None:
        self.server = server
        self.open_session = open_session
        """Opens a session over the same connections, with the same credential, which whoever asked for it closes."""
        self._session = open_session()

    async def close(self) -> None:
        """Close its own session."""
        await self._session.close()

    async def get(self, kind: Kind, *, namespace: str | None, name: str, at_least: str | None = None) -> Object:
        """Return an object; with `at_least` in that resourceVersion or a later one, of which the API server asks nobody."""
        query = {"resourceVersion": at_least} if at_least else None
        return await self._call("GET", kind, kind.path(namespace, name), verb="get", query=query)

    async def list(
        self, kind: Kind, *, namespace: str | None = None, selector: str = "", fields: str = ""
    ) -> list[Object]:
        """Return all objects of a kind, in pages."""
        wanted = {"limit": str(PAGE), "labelSelector": selector, "fieldSelector": fields}
        query = {name: value for name, value in wanted.items() if value}
        found: list[Object] = []
        while True:
            page = await self._call("GET", kind, kind.path(namespace), verb="list", query=query)
            found += page["items"]
            if not (following := page["metadata"].get("continue")):
                return found
            query["continue"] = following

    async def apply(self, kind: Kind, manifest: Object) -> Object:
        """Server-side apply an object and return it as it is now."""
        metadata = manifest["metadata"]
        return await self._call(
            "PATCH",
            kind,
            kind.path(metadata.get("namespace"), metadata["name"]),
            verb="patch",
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body=manifest,
            content_type="application/apply-patch+yaml",
        )

    async def apply_status(self, kind: Kind, *, namespace: str | None, name: str, status: Object) -> Object:
        """Server-side apply an object's whole status and return the metadata that the object has now.

        The rest of it is known, or comes by the watch: neither side need write and read it once more. Nor does anybody
        read warnings about its fields, for which the API server would parse the status a second time.
        """
        metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
        answer = await self._call(
            "PATCH",
            kind,
            kind.path(namespace, name) + "/status",
            verb="patch",
            resource=f"{kind.plural}/status",
            query={"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Ignore"},
            body={"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "status": status},
            content_type="application/apply-patch+yaml",
            accept=METADATA,
        )
        found: Object = answer["metadata"]
        return found

    async def delete(self, kind: Kind, *, namespace: str, name: str) -> None:
        """Delete an object, if it is there."""
        try:
            await self._call(
                "DELETE", kind, kind.path(namespace, name), verb="delete", body={"propagationPolicy": "Background"}
            )
        except ApiError as error:
            if not error.gone:
                raise

    async def create_event(self, event: Object) -> None:
        """Create an event (events.k8s.io/v1)."""
        await self._call("POST", EVENT, EVENT.path(event["metadata"]["namespace"]), verb="create", body=event)

    async def patch_event(self, namespace: str, name: str, change: Object) -> None:
        """Merge a change into an event."""
        await self._merge(EVENT, namespace, name, change)

    async def scale(self, namespace: str, name: str, *, replicas: int) -> None:
        """Set a Deployment's replicas and nothing else."""
        await self._merge(DEPLOYMENT, namespace, name, {"spec": {"replicas": replicas}})

    async def annotate(self, kind: Kind, *, namespace: str, name: str, annotations: Mapping[str, str]) -> None:
        """Set annotations of an object."""
        await self._merge(kind, namespace, name, {"metadata": {"annotations": dict(annotations)}})

    async def _merge(self, kind: Kind, namespace: str, name: str, change: Object) -> None:
        await self._call(
            "PATCH",
            kind,
            kind.path(namespace, name),
            verb="patch",
            query={"fieldManager": FIELD_MANAGER},
            body=change,
            content_type="application/merge-patch+json",
        )

    async def may(self, *, group: str, resource: str, verb: str, namespace: str | None) -> bool:
        """Ask whether this process may use a verb on a resource (SelfSubjectAccessReview)."""
        plural, _, sub = resource.partition("/")
        attributes = {
            "group": group,
            "resource": plural,
            "subresource": sub,
            "verb": verb,
            "namespace": namespace or "",
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        kind = Kind(
            group="authorization.k8s.io",
            version="v1",
            name="SelfSubjectAccessReview",
            plural="selfsubjectaccessreviews",
            namespaced=False,
        )
        answer = await self._call("POST", kind, kind.path(), verb="create", body=review)
        return bool(answer["status"]["allowed"])

    async def _call(  # noqa: PLR0913 - one request
        self,
        method: str,
        kind: Kind,
        path: str,
        *,
        verb: str,
        resource: str = "",
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        resource = resource or kind.plural
        try:
            async with (
                asyncio.timeout(CALL_SECONDS),
                self._session.request(
                    method,
                    self.server + path,
                    params=query,
                    data=json.dumps(body, ensure_ascii=False).encode() if body is not None else None,
                    headers={"Content-Type": content_type, "Accept": accept},
                    timeout=BY_DEADLINE,
                ) as response,
            ):
                octets = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            API_REQUESTS.labels(verb, resource, "0").inc()
            raise ApiError(str(error) or type(error).__name__, status=0, verb=verb, resource=resource) from error
        API_REQUESTS.labels(verb, resource, str(response.status)).inc()
        answer = _parse(octets)
        if response.status >= HTTPStatus.BAD_REQUEST:
            named = response.headers.get("Retry-After", "")
            raise ApiError(
                str(answer.get("message", ""))[:512],
                status=response.status,
                verb=verb,
                resource=resource,
                retry_after=float(named) if named.isdecimal() else None,
            )
        return answer


def _parse(octets: bytes) -> Object:
    try:
        found = json.loads(octets)
    except ValueError:
        return {"message": octets[:200].decode("utf-8", "replace")}
    return found if isinstance(found, dict) else {}


def default_namespace() -> str:
    """Return the namespace of this pod or, outside of one, of the kubeconfig's context; "default" where neither says."""
    if _in_pod():
        return SERVICE_ACCOUNT.with_name("namespace").read_text(encoding="utf-8").strip()
    try:
        _, active = kubernetes_config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
    except kubernetes_config.ConfigException:
        return "default"  # whoever opens a client is told
    return str(active["context"].get("namespace") or "default")


def _in_pod() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and SERVICE_ACCOUNT.exists()


async def _configuration() -> kubernetes_client.Configuration:
    configuration = kubernetes_client.Configuration()
    try:
        if _in_pod():
            kubernetes_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            await kubernetes_config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except kubernetes_config.ConfigException as error:
        raise NoClusterError(
            f"no cluster is configured ({error}): set KUBECONFIG, or choose a context (kubectl config use-context)"
        ) from error
    return configuration


def _tls_context(configuration: kubernetes_client.Configuration) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    except OSError as error:  # ssl.SSLError is one
        raise NoClusterError(
            f"the cluster's CA or the client's certificate cannot be read ({error}): mend the kubeconfig"
        ) from error
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def open_client() -> AsyncIterator[Client]:
    """Open a session with the cluster that this pod runs in or, outside of one, that the kubeconfig names.

    Raises NoClusterError.
    """
    configuration = await _configuration()
    context = _tls_context(configuration)

    async def authorize(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send the token as it is now: a service account's is renewed by the kubelet."""
        token = await configuration.get_api_key_with_prefix("BearerToken")
        if token:
            request.headers["Authorization"] = token
        return await handler(request)

    async with aiohttp.TCPConnector(limit=CONNECTIONS, ssl=context) as connector:

        def open_session() -> aiohttp.ClientSession:
            return aiohttp.ClientSession(
                connector=connector,
                connector_owner=False,
                middlewares=(authorize,),
                headers={"User-Agent": "mailbox-operator"},
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=1 << 20,
            )

        client = Client(configuration.host.rstrip("/"), open_session)
        try:
            yield client
        finally:
            await client.close()
