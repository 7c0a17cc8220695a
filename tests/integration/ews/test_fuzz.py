"""Sessions and sources before an Exchange server whose answers are damaged: an outcome or a MailError, and no password in it."""

import asyncio
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conformance.source import Rig
from integration.ews.source_plan import source_plan
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.mail.credential import Credential
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.ews.session import EwsSession
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.secret import Secret
from testbed.ews.server import Exchange, running_exchange
from testbed.pki import Pki

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]

PASSWORD: Final = "correct horse"
OPERATIONS: Final = ("ConvertId", "GetFolder", "FindFolder", "FindItem", "GetItem", "SyncFolderItems", "UpdateItem")
ELEMENT: Final = re.compile(rb"<([mt]:\w+)(?: [^>]*)?>(?:(?!<\1[ >]).)*?</\1>|<[mt]:\w+[^>]*/>", re.DOTALL)


def damaged(octets: bytes, *, how: str, seed: int) -> bytes:
    """Return an answer with something missing, cut off, turned round or put in."""
    chance = random.Random(seed)  # noqa: S311 - to be found again
    place = chance.randrange(len(octets))
    elements = list(ELEMENT.finditer(octets))
    one = chance.choice(elements) if elements else re.match(b"", octets)
    assert one is not None
    return {
        "cut": octets[:place],
        "flip": octets[:place] + chance.randbytes(1) + octets[place + 1 :],
        "without": octets[: one.start()] + octets[one.end() :],
        "twice": octets[: one.end()] + one[0] + octets[one.end() :],
        "emptied": octets[: one.start()] + re.sub(rb">[^<]+<", b"><", one[0]) + octets[one.end() :],
        "entity": octets.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>', 1),
        "nameless": re.sub(rb"<(\w+:)?ItemId\b[^>]*>", b"", octets),
        "noise": chance.randbytes(chance.randrange(200)),
    }[how]


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with running_exchange(pki=None) as running:
        account = running.add_account("support@peers.test", PASSWORD)
        account.deliver(b"Subject: Test of this mailbox (0)\r\nX-Mailbox-Operator-Test: 0\r\n\r\nhello\r\n")
        account.deliver(b"Subject: one\r\n\r\nhello\r\n", folder="Projects/Alpha")
        yield running
        running.state.violations.clear()  # what is asked after a damaged answer (a version that is none) is not judged


DAMAGE = st.tuples(
    st.sampled_from(OPERATIONS),
    st.sampled_from(("cut", "flip", "without", "without", "twice", "emptied", "nameless", "entity", "noise")),
    st.integers(0, 10_000),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(damage=DAMAGE)
@example(damage=("SyncFolderItems", "cut", 1851))  # a change of a read flag without its item
@example(damage=("SyncFolderItems", "nameless", 0))
@example(damage=("GetItem", "nameless", 0))
def test_a_damaged_answer_is_a_mail_error_or_no_matter(
    exchange: Exchange, tmp_path: Path, damage: tuple[str, str, int]
) -> None:
    operation, how, seed = damage
    exchange.state.mangle = lambda name, octets: damaged(octets, how=how, seed=seed) if name == operation else octets
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    account = exchange.state.accounts["support@peers.test"]
    source = source_plan(exchange, account, Pki(tmp_path), password)

    told: list[str] = []

    async def prove() -> None:
        endpoint = Endpoint(
            protocol=Protocol.EWS,
            host="127.0.0.1",
            port=exchange.port,
            security=Security.NONE,
            path="/EWS/Exchange.asmx",
        )
        session = EwsSession(endpoint, policy=ANYTHING, address=account.address)
        credential = Credential(username=account.address, secret=Secret(PASSWORD), mechanism="Basic")
        try:
            async with asyncio.timeout(40):
                await session.reach()
                await session.secure()
                await session.sign_in(credential)
                await session.open_folders(["INBOX", "Projects/Alpha"])
                await session.find("X-Mailbox-Operator-Test", "0")
        except MailError as error:
            told.append(error.text)
        finally:
            await session.close()

    async def fetch() -> None:
        plain = replace(source, security=Security.NONE, host="127.0.0.1", ca_file=None, mechanism="Basic")
        wanted = Fetch(since_seconds=None, folders=("INBOX", "Projects/*"))
        finding = await Rig(plain, fetch=wanted).once()
        told.append(finding.message if finding else "")

    asyncio.run(prove())
    asyncio.run(fetch())
    assert PASSWORD not in " ".join(told)
