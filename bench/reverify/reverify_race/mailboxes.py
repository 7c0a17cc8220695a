"""The Mailboxes in the cluster: made, told when they are due, and watched."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from operator_race.access import Access
from operator_race.driver import PARALLEL, each
from operator_race.requests import Request, parse_requests

from reverify_race.server import PASSWORD, Server, user

NAMESPACE: Final = "bench"
CORE: Final = f"/api/v1/namespaces/{NAMESPACE}"
MAILBOXES: Final = f"/apis/mailbox-operator.io/v1alpha1/namespaces/{NAMESPACE}/mailboxes"
PAUSE: Final = 0.2
CA: Final = "ca"
MERGE_PATCH: Final = {"Content-Type": "application/merge-patch+json"}


class Mailboxes:
    """Requests of the benchmark itself, and when each Mailbox was seen to have its conditions."""

    def __init__(self, access: Access, session: aiohttp.ClientSession, *, server: Server) -> None:
        self._access = access
        self._server = server
        self._session = session
        self._own: Counter[Request] = Counter()
        self._one_more = asyncio.Event()
        self.born: dict[str, float] = {}
        """When the creation of each was sent."""
        self.told: dict[str, float] = {}
        """When each was first seen with conditions."""
        self.proven: dict[str, float] = {}
        """When each was first seen to be Ready."""

    async def make(self, names: Iterable[str]) -> None:
        """Create Mailboxes, their Secrets, and the ConfigMap with the server's CA."""
        ca = {"metadata": {"name": CA}, "data": {"ca.crt": self._server.ca_pem}}
        await self._request("POST", f"{CORE}/configmaps", ca)
        await each(names, self.create)

    async def create(self, name: str) -> None:
        """Create one, with its Secret."""
        await self._request("POST", f"{CORE}/secrets", _secret(name))
        self.born[name] = time.monotonic()
        self._own[Request("POST", "mailboxes")] += 1
        await self._request("POST", MAILBOXES, _mailbox(name, host=self._server.address))

    async def all_proven(self, count: int) -> None:
        """Wait until so many Mailboxes are Ready."""
        while len(self.proven) < count:
            self._one_more.clear()
            await self._one_more.wait()

    async def set_due(self, names: Iterable[str], when: datetime) -> None:
        """Have the next operator that starts prove these Mailboxes at one moment."""
        due = {"status": {"nextProbeTime": when.strftime("%Y-%m-%dT%H:%M:%SZ")}}

        async def patch(name: str) -> None:
            self._own[Request("PATCH", "mailboxes", "status")] += 1
            await self._request("PATCH", f"{MAILBOXES}/{name}/status", due, MERGE_PATCH)

        await each(names, patch)

    async def served(self) -> Counter[Request]:
        """Return what the API server was asked for so far, without what was asked from here."""
        found = parse_requests((await self._request("GET", "/metrics")).decode())
        found.subtract(self._own)
        return found

    async def _request(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> bytes:
        async with self._session.request(
            method, self._access.server + path, json=body if body is not None else None, headers=headers
        ) as answer:
            text = await answer.read()
            if answer.status >= 400:
                raise SystemExit(f"{method} {path}: {answer.status} {text[:300]!r}")
            return text

    async def _watch(self) -> None:
        url = f"{self._access.server}{MAILBOXES}?watch=1&allowWatchBookmarks=true"
        while True:
            async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=None)) as answer:
                if answer.status != HTTPStatus.OK:  # a kind that was made just now is not served at once
                    await asyncio.sleep(PAUSE)
                    continue
                async for line in answer.content:
                    self._note(json.loads(line)["object"], now=time.monotonic())

    def _note(self, found: dict[str, Any], *, now: float) -> None:
        name = found["metadata"].get("name", "")
        states = {one["type"]: one["status"] for one in found.get("status", {}).get("conditions", [])}
        if states:
            self.told.setdefault(name, now)
        if states.get("Ready") == "True":
            self.proven.setdefault(name, now)
            self._one_more.set()


def _secret(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "stringData": {"password": PASSWORD}}


def _mailbox(name: str, *, host: str) -> dict[str, Any]:
    return {
        "apiVersion": "mailbox-operator.io/v1alpha1",
        "kind": "Mailbox",
        "metadata": {"name": name},
        "spec": {
            "address": user(name),
            "incoming": {"protocol": "IMAP", "host": host},
            "outgoing": {"protocol": "None"},
            "tls": {"caConfigMapRef": {"name": CA}, "serverName": "localhost"},
            "credentials": {"passwordSecretRef": {"name": name}},
        },
    }


@asynccontextmanager
async def opened(access: Access, *, server: Server) -> AsyncIterator[Mailboxes]:
    """Yield them, watched."""
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=access.tls, limit=PARALLEL + 8),
            headers=access.headers,
            read_bufsize=1 << 21,
            timeout=aiohttp.ClientTimeout(total=60),
        ) as session,
        asyncio.TaskGroup() as tasks,
    ):
        found = Mailboxes(access, session, server=server)
        watch = tasks.create_task(found._watch())  # noqa: SLF001 - this is its only way to run
        yield found
        watch.cancel()
