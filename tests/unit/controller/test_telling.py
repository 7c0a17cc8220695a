from datetime import UTC, datetime, timedelta
from typing import Any

from mailbox_operator.controller.events import Happening
from mailbox_operator.controller.telling import Teller
from unit.controller.api_server import ApiServer, serving

REGARDING: dict[str, Any] = {"metadata": {"namespace": "ns", "name": "support", "uid": "u"}}
VERIFIED = Happening(warning=False, reason="Verified", action="Verify", note="Mail comes in")
FAILED = Happening(warning=True, reason="CredentialsInvalid", action="Verify", note="wrong")


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_a_repeat_makes_a_series_of_the_event_and_something_else_an_event_of_its_own() -> None:
    server, clock = ApiServer(answer=lambda asked: (200, asked.body)), Clock()
    async with serving(server) as client:
        teller = Teller(client=client, pod="operator-0", clock=clock)
        await teller.tell(VERIFIED, REGARDING)
        await teller.tell(FAILED, REGARDING)
        clock.now += timedelta(minutes=1)
        await teller.tell(VERIFIED, REGARDING)
        clock.now += timedelta(minutes=1)
        await teller.tell(VERIFIED, REGARDING)
    made, other, second, third = server.asked
    assert [one.method for one in server.asked] == ["POST", "POST", "PATCH", "PATCH"]
    assert (made.body["type"], made.body["reason"], other.body["type"]) == ("Normal", "Verified", "Warning")
    assert made.body["regarding"]["uid"] == "u"
    assert made.body["reportingInstance"] == "operator-0"
    assert second.path.endswith(made.body["metadata"]["name"])
    assert third.body == {"series": {"count": 3, "lastObservedTime": "2026-01-02T00:02:00.000000Z"}}


async def test_after_a_long_silence_it_is_an_event_anew() -> None:
    server, clock = ApiServer(answer=lambda asked: (200, asked.body)), Clock()
    async with serving(server) as client:
        teller = Teller(client=client, pod="p", clock=clock)
        await teller.tell(VERIFIED, REGARDING)
        clock.now += timedelta(minutes=7)
        await teller.tell(VERIFIED, REGARDING)
    assert [one.method for one in server.asked] == ["POST", "POST"]


async def test_an_event_that_is_refused_stops_nothing() -> None:
    server = ApiServer(answer=lambda _: (500, {"message": "no"}))
    async with serving(server) as client:
        teller = Teller(client=client, pod="p", clock=Clock())
        await teller.tell(VERIFIED, REGARDING)
        await teller.tell(VERIFIED, REGARDING)
    assert [one.method for one in server.asked] == ["POST", "POST"], "what was not told has no series"
