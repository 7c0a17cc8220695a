import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.errors import ApiError
from mailbox_operator.controller.judge import judge
from mailbox_operator.controller.kinds import MAILBOX, Key
from mailbox_operator.controller.prover import Asked, Prover, Run
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.verification.limits import Limits
from testbed.mailserver import free_ports
from testbed.scripted import talking
from unit.controller.api_server import ApiServer, serving
from unit.controller.builders import mailbox

KEY = Key(MAILBOX.name, "helpdesk", "support")
ASKED = Asked(generation=1, inputs="i", token="", test=None)
SECRET = {"data": {"password": base64.b64encode(b"right").decode()}}


class Finished:
    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.event = asyncio.Event()

    def __call__(self, key: Key) -> None:
        self.keys.append(key)
        self.event.set()

    async def wait(self) -> None:
        async with asyncio.timeout(40):
            await self.event.wait()


@asynccontextmanager
async def proving(client: Client, finished: Finished) -> AsyncIterator[Prover]:
    async with asyncio.TaskGroup() as group:
        prover = Prover(
            client=client,
            group=group,
            limits=Limits(),
            policy=lambda: ANYTHING,
            seen=lambda _: None,
            finished=finished,
        )
        yield prover
        prover.stop(KEY)


def receiving(port: int) -> Mailbox:
    return mailbox(
        incoming={"host": "127.0.0.1", "port": port},
        outgoing={"protocol": "None", "host": None, "security": None},
        tls=None,
    )


def start(prover: Prover, one: Mailbox, asked: Asked = ASKED) -> None:
    chosen = judge(one, provider=None, version_of=lambda _: "1", allow_insecure=False).chosen
    assert chosen is not None
    prover.start(KEY, one, chosen, asked=asked)


def run(prover: Prover) -> Run:
    found = prover.result(KEY)
    assert found is not None
    return found


async def test_a_run_ends_in_a_result_that_stays_until_it_is_taken() -> None:
    finished, port = Finished(), free_ports(1)[0]
    async with (
        serving(ApiServer(answer=lambda _: (200, SECRET))) as client,
        proving(client, finished) as prover,
    ):
        start(prover, receiving(port))
        assert prover.running(KEY) == ASKED
        await finished.wait()
        assert prover.running(KEY) is None
        assert [one.reason for one in run(prover).steps][:2] == ["ConnectionRefused", "BlockedByEarlierStep"]
        assert not run(prover).login_refused
        prover.take(KEY)
        assert prover.result(KEY) is None
    assert finished.keys == [KEY]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, {"message": "not found"}), "SecretNotFound"),
        ((200, {"data": {"pasword": "eA=="}}), "SecretKeyNotFound"),
        ((200, {"data": {"password": "/w=="}}), "SecretKeyNotFound"),
        ((200, SECRET | {"type": "kubernetes.io/tls"}), "SecretTypeWrong"),
        ((200, SECRET | {"type": "bootstrap.kubernetes.io/token"}), "SecretTypeWrong"),
    ],
)
async def test_a_secret_that_cannot_be_used_is_told_without_the_network(
    answer: tuple[int, dict[str, Any]], reason: str
) -> None:
    finished = Finished()
    async with serving(ApiServer(answer=lambda _: answer)) as client, proving(client, finished) as prover:
        start(prover, receiving(1))
        await finished.wait()
        references = run(prover).references
        assert references is not None
        assert references.reason == reason
        assert {one.reason for one in run(prover).steps} == {"BlockedByEarlierStep"}


@pytest.mark.parametrize("kind", ["Opaque", "kubernetes.io/basic-auth", "example.com/password"])
async def test_a_secret_of_another_type_may_hold_a_password(kind: str) -> None:
    finished, server = Finished(), ApiServer(answer=lambda _: (200, SECRET | {"type": kind}))
    async with serving(server) as client, proving(client, finished) as prover:
        start(prover, receiving(free_ports(1)[0]))
        await finished.wait()
        assert run(prover).references is None


async def test_a_run_that_breaks_off_raises_in_the_visit_once() -> None:
    finished = Finished()
    async with (
        serving(ApiServer(answer=lambda _: (403, {"message": "secrets is forbidden"}))) as client,
        proving(client, finished) as prover,
    ):
        start(prover, receiving(1))
        await finished.wait()
        with pytest.raises(ApiError, match="forbidden"):
            prover.result(KEY)
        assert prover.result(KEY) is None


async def test_a_newer_question_ends_the_run_about_the_older_one() -> None:
    finished, newer = Finished(), Asked(generation=2, inputs="i", token="", test=None)
    with talking(lambda _: None) as silent:
        async with (
            serving(ApiServer(answer=lambda _: (200, SECRET))) as client,
            proving(client, finished) as prover,
        ):
            start(prover, receiving(silent))
            start(prover, receiving(free_ports(1)[0]), newer)
            await finished.wait()
            assert run(prover).asked == newer
    assert finished.keys == [KEY]


async def test_a_stopped_run_leaves_nothing() -> None:
    finished = Finished()
    async with serving(ApiServer(answer=lambda _: (200, SECRET))) as client:
        async with proving(client, finished) as prover:
            start(prover, receiving(1))
            prover.stop(KEY)
            assert prover.running(KEY) is None
        assert prover.result(KEY) is None
    assert finished.keys == []
