"""A wrong password in 500 mailboxes for a day: the real reconciler in virtual time, before servers that count."""

import asyncio
import base64
import heapq
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from mailbox_operator.controller.apply import Applier
from mailbox_operator.controller.children import Installation
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.family import Family
from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.kinds import MAILBOX, SECRET, Key
from mailbox_operator.controller.mailbox import MailboxReconciler
from mailbox_operator.controller.prover import Prover
from mailbox_operator.controller.store import Store
from mailbox_operator.controller.telling import Teller
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.verification.limits import Limits
from support.manifests import mailbox as manifest
from unit.controller.api_server import Answer, ApiServer, Asked, serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

MAILBOXES: Final = 500
SENDING: Final = 5
"""One in so many sends, too, by the same password."""
BEGAN: Final = datetime(2026, 11, 25, tzinfo=UTC)
DAY: Final = timedelta(days=1)
WRONG: Final = base64.b64encode(b"wrong").decode()


@dataclass
class Accounts:
    """Two servers that refuse everybody, and how often each account was tried at either."""

    tried: Counter[str] = field(default_factory=Counter)
    imap: int = 0
    smtp: int = 0

    def refuse(self, response: bytes) -> None:
        """Count one try of SASL PLAIN."""
        self.tried[base64.b64decode(response).split(b"\0")[1].decode()] += 1

    async def serve_imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n")
        while line := await reader.readline():
            tag, _, command = line.strip().partition(b" ")
            if command == b"CAPABILITY":
                writer.write(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
            elif command == b"AUTHENTICATE PLAIN":
                writer.write(b"+ \r\n")
                self.refuse(await reader.readline())
                writer.write(tag + b" NO [AUTHENTICATIONFAILED] Authentication failed.\r\n")
                continue
            writer.write(tag + b" OK done\r\n")
        writer.close()

    async def serve_smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ready\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"EHLO"):
                writer.write(b"250-mail.test\r\n250 AUTH PLAIN\r\n")
            elif line.upper().startswith(b"AUTH PLAIN "):
                self.refuse(line.split()[2])
                writer.write(b"535 5.7.8 Error: authentication failed\r\n")
            else:
                writer.write(b"221 bye\r\n")
        writer.close()


@asynccontextmanager
async def refusing() -> AsyncIterator[Accounts]:
    accounts = Accounts()
    imap = await asyncio.start_server(accounts.serve_imap, "127.0.0.1", 0)
    smtp = await asyncio.start_server(accounts.serve_smtp, "127.0.0.1", 0)
    accounts.imap, accounts.smtp = (one.sockets[0].getsockname()[1] for one in (imap, smtp))
    async with imap, smtp:
        yield accounts


@dataclass
class Cluster:
    """What the API server holds: Mailboxes and their Secret; all else is taken and forgotten."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: int = 1

    def answer(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return 200, {"data": {"password": WRONG}}
        if not asked.path.endswith("/status"):
            return 200, {}
        found = self.objects[asked.path.split("/")[-2]]
        self.versions += 1
        found["metadata"]["resourceVersion"] = str(self.versions)
        found["status"] = asked.body["status"]
        return 200, found

    def make(self, accounts: Accounts) -> None:
        for number in range(MAILBOXES):
            name = f"m{number}"
            side = {"host": "127.0.0.1", "security": "None"}
            made = manifest(name, address=f"{name}@example.com", host="127.0.0.1", delivery=None, tls=None)
            sends = number % SENDING == 0
            outgoing = side | {"port": accounts.smtp} if sends else {"protocol": "None"}
            made["spec"] |= {"incoming": side | {"port": accounts.imap}, "outgoing": outgoing}
            made["metadata"] |= {"namespace": "n", "uid": name, "generation": 1, "resourceVersion": "1"}
            self.objects[name] = made


class Operator:
    """The reconciler with a clock of its own; `run_until` lets the time pass."""

    def __init__(self, client: Client, cluster: Cluster, group: asyncio.TaskGroup, *, now: datetime) -> None:
        self.now = now
        self._waiting: list[tuple[datetime, Key]] = []
        self._ended: asyncio.Queue[Key] = asyncio.Queue()
        store = Store()
        for name, obj in cluster.objects.items():
            store.put(MAILBOX.name, obj)
            secret = {"name": f"{name}-password", "namespace": "n", "uid": name, "resourceVersion": "1"}
            store.put(SECRET.name, {"metadata": secret})
        self.prover = Prover(
            client=client,
            group=group,
            limits=Limits(total=32, per_host=32),
            policy=lambda: ANYTHING,
            seen=store.resource_version,
            finished=self._ended.put_nowait,
        )
        self.keys = store.keys(MAILBOX.name)
        self.reconciler = MailboxReconciler(
            client=client,
            store=store,
            index=ReverseIndex(),
            prover=self.prover,
            family=Family(
                client=client, store=store, applier=Applier(client, store), installation=Installation(image="fetcher")
            ),
            teller=Teller(client=client, pod="test", clock=lambda: self.now),
            allow_insecure=False,
            later=lambda key, seconds: heapq.heappush(self._waiting, (self.now + timedelta(seconds=seconds), key)),
            clock=lambda: self.now,
        )

    async def run_until(self, end: datetime) -> None:
        """Visit each Mailbox, as after a start, and then whenever it asked for that; time stands still during a run."""
        await self._visit(self.keys)
        while self._waiting and self._waiting[0][0] <= end:
            self.now = max(self.now, self._waiting[0][0])
            due = set()
            while self._waiting and self._waiting[0][0] <= self.now:
                due.add(heapq.heappop(self._waiting)[1])
            await self._visit(sorted(due))
        self.now = end

    async def _visit(self, keys: list[Key]) -> None:
        for key in keys:
            await self.reconciler.reconcile(key)
        while any(self.prover.running(key) for key in self.keys) or not self._ended.empty():
            await self.reconciler.reconcile(await self._ended.get())


@contextmanager
def same_chance() -> Iterator[None]:
    """Jitter is drawn, but the same at each run of this test."""
    random.seed(20261125)
    yield
    random.seed()


async def test_a_wrong_password_is_shown_five_times_a_day_at_most_also_across_restarts() -> None:
    asyncio.get_running_loop().set_debug(False)  # a day of 500 mailboxes is too much for that
    cluster = Cluster()
    with same_chance():
        async with refusing() as accounts, serving(ApiServer(answer=cluster.answer)) as client:
            cluster.make(accounts)
            for start in (0, 5, 6, 13):  # hours
                end = BEGAN + next((timedelta(hours=hour) for hour in (5, 6, 13) if hour > start), DAY)
                async with asyncio.TaskGroup() as group:
                    operator = Operator(client, cluster, group, now=BEGAN + timedelta(hours=start))
                    await operator.run_until(end)
    assert len(accounts.tried) == MAILBOXES
    assert max(accounts.tried.values()) <= 5
    assert min(accounts.tried.values()) >= 3, "it does knock again"
    for obj in cluster.objects.values():
        conditions = {one["type"]: one for one in obj["status"]["conditions"]}
        assert conditions["IncomingAuthenticated"]["reason"] == "CredentialsInvalid"
        sends = obj["spec"]["outgoing"].get("protocol") != "None"
        assert conditions["OutgoingAuthenticated"]["reason"] == ("BlockedByEarlierStep" if sends else "NotApplicable")
        assert obj["status"]["loginFailures"]["count"] == accounts.tried[f"{obj['metadata']['name']}@example.com"]
