"""A checkpoint in a ConfigMap, fenced: each write names the resourceVersion last seen, and the holder.

Only `get` and `patch` on that one ConfigMap are needed; the operator creates it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mailbox_operator.fetcher.checkpoint.store import FencedError, StoreAwayError
from mailbox_operator.fetcher.http.connection import Fault
from mailbox_operator.fetcher.http.pool import HttpPool, HttpServer
from mailbox_operator.fetcher.http.reader import Response
from mailbox_operator.mail.endpoint import TlsOptions
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.tls import client_context
from mailbox_operator.values import dataclass

ACCOUNT_FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CALL_SECONDS: Final = 10.0
LARGEST_ANSWER: Final = 4 << 20
CONFLICTS: Final = 5
"""Edits by others (the operator's, say) that one write may meet in a row."""
OK: Final = 200
NOT_FOUND: Final = 404
CONFLICT: Final = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAccess:
    """How a pod reaches its API server."""

    host: str
    port: int
    folder: Path = ACCOUNT_FOLDER
    """Holds `token`, which the kubelet renews, and `ca.crt`."""

    @classmethod
    def in_pod(cls, environment: Mapping[str, str]) -> "ApiAccess":
        """Return what every pod is told. Raises StoreAwayError: this is no pod."""
        try:
            host, port = environment["KUBERNETES_SERVICE_HOST"], int(environment["KUBERNETES_SERVICE_PORT"])
        except (KeyError, ValueError) as error:
            raise StoreAwayError(
                "a ConfigMap can be used from a pod only: KUBERNETES_SERVICE_HOST is not set"
            ) from error
        return cls(host=host, port=port)

    def server(self) -> HttpServer:
        """Return it for a pool. Raises StoreAwayError: the CA cannot be read."""
        try:
            ca_pem = (self.folder / "ca.crt").read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise StoreAwayError(f"the API server's CA cannot be read: {error}") from error
        context = client_context(TlsOptions(ca_pem=ca_pem))
        return HttpServer(host=self.host, port=self.port, ssl_context=context, policy=ANYTHING)

    def token(self) -> str:
        """Return the token as it is now. Raises StoreAwayError."""
        try:
            return (self.folder / "token").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StoreAwayError(f"the service account's token cannot be read: {error}") from error


class ConfigMapStore:
    """Keys `checkpoint.json`, `progress.json` and `holder` of one ConfigMap."""

    def __init__(self, name: str, *, namespace: str, holder: str, access: ApiAccess, pool: HttpPool) -> None:
        self._name = name
        self._path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        self._holder = holder
        self._access = access
        self._pool = pool
        self._version = ""
        """The resourceVersion that this process has last seen."""

    async def open(self) -> str | None:
        """Become the holder, whoever was before, and return the checkpoint. Raises StoreAwayError."""
        for _ in range(CONFLICTS):
            found = await self._read()
            if await self._write({"holder": self._holder}):
                checkpoint = found.get("checkpoint.json")
                return checkpoint if isinstance(checkpoint, str) and checkpoint else None
        raise StoreAwayError(f"configmap {self._name}: others keep changing it")

    async def save(self, *, checkpoint: str, progress: str) -> None:
        """Write both. Raises FencedError where another holds it by now, StoreAwayError."""
        data = {"checkpoint.json": checkpoint, "progress.json": progress, "holder": self._holder}
        for _ in range(CONFLICTS):
            if await self._write(data):
                return
            holder = (await self._read()).get("holder")
            if holder and holder != self._holder:  # none: it was deleted, and the operator made it anew
                raise FencedError(f"configmap {self._name} is held by another fetcher now: {holder!r}")
        raise StoreAwayError(f"configmap {self._name}: others keep changing it")

    def close(self) -> None:
        """Drop the connection."""
        self._pool.close()

    async def _read(self) -> dict[str, Any]:
        return self._remember(await self._call("GET"), verb="get")

    async def _write(self, data: Mapping[str, str]) -> bool:
        """Merge `data` in (RFC 7386). False: it has changed since it was read."""
        change = json.dumps({"metadata": {"resourceVersion": self._version}, "data": data}, ensure_ascii=False)
        response = await self._call("PATCH", change.encode())
        if response.status == CONFLICT:
            return False
        self._remember(response, verb="patch")
        return True

    def _remember(self, response: Response, *, verb: str) -> dict[str, Any]:
        if response.status == NOT_FOUND:
            raise StoreAwayError(f"configmap {self._name} does not exist; the operator makes it")
        if response.status != OK:
            raise StoreAwayError(f"{verb} configmap {self._name}: the API server answered {response.status}")
        if not response.is_whole:
            raise StoreAwayError(f"configmap {self._name}: the answer is longer than {LARGEST_ANSWER} octets")
        try:
            found = json.loads(response.body)
            self._version = str(found["metadata"]["resourceVersion"])
            data = found.get("data") or {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreAwayError(f"configmap {self._name}: the answer is no ConfigMap") from error
        return dict(data)

    async def _call(self, method: str, body: bytes = b"") -> Response:
        head = (
            f"{method} {self._path} HTTP/1.1\r\nHost: kubernetes.default.svc\r\nUser-Agent: mailbox-operator\r\n"
            f"Authorization: Bearer {self._access.token()}\r\nAccept: application/json\r\n"
        )
        if body:
            head += f"Content-Type: application/merge-patch+json\r\nContent-Length: {len(body)}\r\n"
        octets = head.encode("ascii") + b"\r\n" + body
        result = await self._pool.request(octets, seconds=CALL_SECONDS)
        if isinstance(result, Fault) and result.stale:  # an idle connection that the server had just closed
            result = await self._pool.request(octets, seconds=CALL_SECONDS)
        if isinstance(result, Fault):
            raise StoreAwayError(f"API server: {result.said}")
        return result
