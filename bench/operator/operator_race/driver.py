"""The one who creates the objects and watches for their status."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import aiohttp

from operator_race.access import Access
from operator_race.profile import NAMESPACE, Profile, is_handled
from operator_race.requests import Request, parse_requests

T = TypeVar("T")
PARALLEL: Final = 16
ATTEMPTS: Final = 10
"""How often a request is made that the API server puts off (429), as it does while it reads a kind that has just come."""
MERGE_PATCH: Final = {"Content-Type": "application/merge-patch+json"}


class RefusedError(Exception):
    """The API server refused what the driver asked."""


class Driver:
    """Requests of the race itself, and when each object was seen as handled."""

    def __init__(self, access: Access, profile: Profile, session: aiohttp.ClientSession) -> None:
        self._access = access
        self._profile = profile
        self._session = session
        self._own: Counter[Request] = Counter()
        self.born: dict[str, float] = {}
        """When each object's creation was sent."""
        self.handled: dict[str, float] = {}
        """When each object was first seen with a status of its generation."""
        self.tokens: dict[str, object] = {}
        """What `Profile.token` last said of each object."""
        self.expected_to_differ: dict[str, object] = {}
        """The tokens before a refresh."""
        self.handled_again: dict[str, float] = {}
        """When each of them was seen to differ."""

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        *,
        missing: bool = False,
    ) -> bytes:
        """Ask the API server. `missing`: a 404 will do. Raises RefusedError."""
        for _ in range(ATTEMPTS):
            async with self._session.request(method, self._access.server + path, json=body, headers=headers) as answer:
                text = await answer.read()
                if answer.status != 429:
                    break
                await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        if answer.status >= 400 and not (missing and answer.status == 404):
            raise RefusedError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return text

    async def create(self, name: str) -> None:
        """Create an object."""
        self._own[Request("POST", self._profile.plural)] += 1
        self.born[name] = time.monotonic()
        await self.request("POST", self._profile.collection, self._profile.manifest(name))

    async def refresh(self, name: str, token: str) -> None:
        """Ask the operator to look at an object again."""
        self._own[Request("PATCH", self._profile.plural)] += 1
        await self.request("PATCH", f"{self._profile.collection}/{name}", self._profile.refresh(token), MERGE_PATCH)

    async def served(self) -> Counter[Request]:
        """Return what the API server was asked for so far, without what this driver asked."""
        found = parse_requests((await self.request("GET", "/metrics")).decode())
        found.subtract(self._own)
        return found

    async def wipe(self) -> None:
        """Delete all objects and events of the race and wait until they are gone."""
        await self.request("DELETE", f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events")
        await self.request("DELETE", self._profile.collection)
        async with asyncio.timeout(120):
            while items := json.loads(await self.request("GET", self._profile.collection))["items"]:
                await each((one for one in items if one["metadata"].get("finalizers")), self._let_go)
                await asyncio.sleep(0.5)

    async def _let_go(self, found: dict[str, Any]) -> None:
        path = f"{self._profile.collection}/{found['metadata']['name']}"
        await self.request("PATCH", path, {"metadata": {"finalizers": None}}, MERGE_PATCH, missing=True)

    async def watch(self, started: asyncio.Event) -> None:
        """Note when objects are handled, for ever. Times are those of an event's arrival."""
        listed = json.loads(await self.request("GET", f"{self._profile.collection}?limit=1"))
        version = listed["metadata"]["resourceVersion"]
        started.set()
        while True:
            query = f"watch=1&allowWatchBookmarks=true&resourceVersion={version}"
            url = f"{self._access.server}{self._profile.collection}?{query}"
            async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=None)) as answer:
                async for line in answer.content:
                    version = self._note(json.loads(line), now=time.monotonic())

    def _note(self, event: dict[str, Any], *, now: float) -> str:
        found = event["object"]
        if event["type"] == "ERROR":
            raise RefusedError(f"the watch ended: {found.get('message')}")
        if event["type"] in {"ADDED", "MODIFIED"}:
            name = found["metadata"]["name"]
            self.tokens[name] = token = self._profile.token(found)
            if is_handled(found):
                self.handled.setdefault(name, now)
                if name in self.expected_to_differ and token != self.expected_to_differ[name]:
                    self.handled_again.setdefault(name, now)
        return str(found["metadata"]["resourceVersion"])


@asynccontextmanager
async def driving(access: Access, profile: Profile) -> AsyncIterator[Driver]:
    """Yield a driver that watches an empty namespace."""
    connector = aiohttp.TCPConnector(ssl=access.tls, limit=PARALLEL + 8)
    timeout = aiohttp.ClientTimeout(total=60)
    async with (
        aiohttp.ClientSession(
            connector=connector, headers=access.headers, read_bufsize=1 << 21, timeout=timeout
        ) as session,
        asyncio.TaskGroup() as tasks,
    ):
        driver = Driver(access, profile, session)
        await driver.wipe()
        started = asyncio.Event()
        watch = tasks.create_task(driver.watch(started))
        await started.wait()
        yield driver
        watch.cancel()
        await driver.wipe()


async def each(items: Iterable[T], do: Callable[[T], Awaitable[None]]) -> None:
    """Do something with each item, some at a time."""
    left = iter(items)

    async def work() -> None:
        for item in left:
            await do(item)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(PARALLEL):
            tasks.create_task(work())
