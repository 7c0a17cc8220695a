"""Webhooks that fail for long, are slow, hang up, ask to wait, or want one message never."""

import random
import threading
import time

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher, Receiver
from integration.fetcher.hang_up import HangUp
from integration.fetcher.tally import Record, message_ids, messages, tally
from support.kube import until
from testbed.mailserver import MailServer

pytestmark = pytest.mark.integration


@pytest.mark.timeout(60)
def test_a_sink_that_is_down_for_long_is_asked_less_and_less_and_then_gets_everything(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher, record_property: Record
) -> None:
    count, down_seconds = 500, 2.0
    tries: list[float] = []

    def answer(_fields: dict[str, str], _body: bytes) -> int:
        tries.append(time.monotonic())
        return 500

    receiver.answer = answer
    server.dovecot.seed(account.address, messages(count))
    fetcher.start()
    until(lambda: tries, seconds=10, what="the first try")
    threading.Event().wait(down_seconds)
    asked = len(tries)
    assert asked <= 8 + 7 + 2 * (time.monotonic() - tries[0]), (
        "after as many failures as there are connections: one at a time, and less often"
    )
    receiver.answer = lambda _fields, _body: 204
    receiver.wait_accepted(count, seconds=20)  # the next try is away no longer than the sink was down, by and large
    found = tally(receiver, message_ids(count))
    record_property("tally", f"down {down_seconds:g} s, asked {asked} times meanwhile: {found}")
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found
    assert fetcher.metric("quarantined") == 0


def test_a_slow_sink_slows_the_reading_and_nothing_else(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher
) -> None:
    count, octets = 64, 500_000
    receiver.delay = 0.8
    server.dovecot.seed(account.address, messages(count, octets=octets))
    began = time.monotonic()
    fetcher.start()
    receiver.wait_accepted(count, seconds=18)
    assert time.monotonic() - began > receiver.delay * count / 8, "eight at a time, each awaited"
    found = tally(receiver, message_ids(count))
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found
    assert fetcher.metric("process_resident_memory_bytes") < 64 << 20


@pytest.mark.timeout(60)
def test_a_sink_that_hangs_up_at_random_loses_nothing(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher, record_property: Record
) -> None:
    count = 400
    chance = random.Random(3)  # noqa: S311 - the same each time
    hang_ups: list[HangUp] = []

    def hang_up() -> HangUp:
        chosen = chance.choices(list(HangUp), weights=(80, 5, 5, 10))[0]
        hang_ups.append(chosen)
        return chosen

    receiver.hang_up = hang_up
    server.dovecot.seed(account.address, messages(count))
    fetcher.start()
    until(lambda: tally(receiver, message_ids(count)).lost == 0, seconds=40, what=lambda: fetcher.log()[-2000:])
    fetcher.wait_state("Idle", seconds=30)
    found = tally(receiver, message_ids(count))
    record_property("tally", f"{len(hang_ups) - hang_ups.count(HangUp.NEVER)} hang-ups: {found}")
    assert (found.lost, found.strange) == (0, 0), found
    assert 0 < found.repeats <= hang_ups.count(HangUp.UNANSWERED), "only what it took and did not answer comes again"


@pytest.mark.timeout(60)
def test_one_message_refused_for_ever_and_a_pause_asked_for_among_a_thousand(
    server: MailServer, account: Account, receiver: Receiver, fetcher: Fetcher, record_property: Record
) -> None:
    count, poison = 1_000, "<500@fault>"
    pauses = iter([True])

    def answer(fields: dict[str, str], _body: bytes) -> int | tuple[int, dict[str, str]]:
        if fields["ce-messageid"] == poison:
            return 422
        if len(receiver.events) > count // 2 and next(pauses, False):
            return 429, {"Retry-After": "2"}
        return 204

    receiver.answer = answer
    server.dovecot.seed(account.address, messages(count))
    fetcher.start()
    receiver.wait_accepted(count - 1, seconds=30)
    until(lambda: fetcher.metric("quarantined") == 1, seconds=15, what="it is given up")
    found = tally(receiver, [name for name in message_ids(count) if name != poison])
    record_property("tally", f"one poison message, one 429: {found}")
    assert (found.lost, found.repeats, found.strange) == (0, 0, 0), found
    assert [event.answered for event in receiver.events].count(429) == 1
    until(lambda: fetcher.wait_state("Idle").quarantined == 1, seconds=5, what="and that is written down")
