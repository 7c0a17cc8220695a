"""When a refused fetcher may sign in again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.controller.backoff import rfc3339
from mailbox_operator.controller.children import Installation, render_children
from mailbox_operator.controller.judge import judge
from mailbox_operator.controller.outcome import fails, holds
from mailbox_operator.controller.prover import Asked, Run
from mailbox_operator.controller.readmission import admitted_at, readmits
from mailbox_operator.fetcher.progress import Progress, State
from unit.controller.builders import mailbox

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ASKED = Asked(generation=1, inputs="i", token="", test=None)
ACCEPTED = Run(asked=ASKED, steps=(holds(ConditionType.INCOMING_AUTHENTICATED, "Signed in"),))
REFUSED = Run(asked=ASKED, steps=(fails(ConditionType.INCOMING_AUTHENTICATED, "CredentialsInvalid", "no"),))
WAITING = Progress(state=State.LOGIN_REFUSED)


def ago(**time: float) -> str:
    return rfc3339(NOW - timedelta(**time))


@pytest.mark.parametrize(
    ("run", "progress", "last", "expected"),
    [
        (ACCEPTED, WAITING, "", True),
        (ACCEPTED, WAITING, ago(minutes=59), False),
        (ACCEPTED, WAITING, ago(hours=1), True),
        (replace(ACCEPTED, asked=replace(ASKED, token="now")), WAITING, ago(minutes=1), True),
        (ACCEPTED, Progress(state=State.IDLE), "", False),
        (ACCEPTED, None, "", False),
        (REFUSED, WAITING, "", False),
        (Run(asked=ASKED), WAITING, "", False),
        (None, WAITING, "", False),
    ],
)
def test_a_login_that_the_server_takes_from_us_is_tried_again_by_the_fetcher(
    run: Run | None, progress: Progress | None, *, last: str, expected: bool
) -> None:
    assert readmits(run, progress, last=last, now=NOW) is expected


@pytest.mark.parametrize("written", ["", ago(hours=2)])
def test_what_the_plan_says_is_read_back(written: str) -> None:
    box = mailbox()
    chosen = judge(box, provider=None, version_of=lambda _: "1", allow_insecure=False).chosen
    assert chosen is not None
    children = render_children(box, chosen, installation=Installation(image="i"), replicas=1, admitted_at=written)
    [plan] = [obj for kind, obj in children if kind.name == "ConfigMap" and "data" in obj]
    assert admitted_at(plan) == written


@pytest.mark.parametrize(
    "plan",
    [None, {}, {"data": None}, {"data": {"plan.json": "{"}}, {"data": {"plan.json": "[]"}}]
    + [
        {"data": {"plan.json": text}}
        for text in ('{"admitted_at": 7}', '{"admitted_at": "soon"}', '{"admitted_at": "2026-01-02T03:04:05"}', "null")
    ],
)
def test_a_plan_that_somebody_edited_says_nothing(plan: dict[str, Any] | None) -> None:
    assert admitted_at(plan) == ""
