"""The source by Exchange Web Services does what every source must."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conformance.source import Server, SourceSuite
from integration.ews.source_plan import source_plan
from mailbox_operator.fetcher.plan import Source as SourcePlan
from testbed.ews.server import Exchange, running_exchange
from testbed.ews.world import Account
from testbed.pki import Pki

pytestmark = pytest.mark.integration


@dataclass
class Simulated:
    """The simulated Exchange as the suite wants it: it keeps octets as they are."""

    pki: Pki
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    exchange: Exchange | None = None
    waiting: list[bytes] = field(default_factory=list)
    account: Account | None = None

    @property
    def refusals(self) -> int:
        assert self.exchange is not None
        return sum(not accepted for _, _, accepted in self.exchange.state.sign_ins)

    async def start(self, password_file: Path) -> SourcePlan:
        self.exchange = self.stack.enter_context(running_exchange(pki=self.pki))
        self.exchange.state.page = 50
        self.account = self.exchange.add_account("support@peers.test", "right")
        for octets in self.waiting:
            self.put(octets)
        return source_plan(self.exchange, self.account, self.pki, password_file)

    def put(self, octets: bytes) -> None:
        if self.account is None:
            self.waiting.append(octets)
        else:
            self.account.deliver(octets, as_is=True)

    async def stop(self) -> None:
        await asyncio.to_thread(self.stack.close)


class TestEwsSource(SourceSuite):
    @pytest.fixture
    async def server(self, pki: Pki) -> AsyncIterator[Server]:
        made = Simulated(pki)
        yield made
        await made.stop()
