"""The contract between operator and fetcher: what one writes, the other reads; also what was written before."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mailbox_operator.fetcher.plan import (
    Delivery,
    Fetch,
    HeaderMatch,
    Identity,
    Lmtp,
    Maildir,
    Plan,
    PlanError,
    Source,
    Webhook,
)
from mailbox_operator.mail.endpoint import Protocol, Security

EARLIER: Final = Path(__file__).parents[2] / "data/fetcher/plans"
PLAN: Final = Plan(
    mailbox=Identity(uid="5d1c6a0e", namespace="team-a", name="support", address="support@example.com"),
    source=Source(
        protocol=Protocol.IMAP,
        host="imap.example.com",
        port=993,
        security=Security.TLS,
        username="support@example.com",
        password_file="/var/run/mailbox-operator/credentials/password",
    ),
    fetch=Fetch(
        folders=("INBOX", r"\Junk"),
        exclude=("Old/*",),
        senders=("a@example.com",),
        headers=(HeaderMatch(name="X-A"), HeaderMatch(name="X-B", value="1")),
    ),
    delivery=Webhook(url="https://desk.example.com/inbound-mail"),
)


@pytest.mark.parametrize(
    "delivery",
    [
        PLAN.delivery,
        Lmtp(host="lmtp.example.com", port=24, recipient="support@example.com", security=Security.START_TLS),
        Maildir(path="/mail/support"),
    ],
)
def test_a_plan_reads_back(delivery: Delivery) -> None:
    plan = replace(PLAN, delivery=delivery)
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("path", sorted(EARLIER.glob("*.json")), ids=lambda path: path.stem)
def test_a_plan_of_an_earlier_version_is_read(path: Path) -> None:
    assert Plan.from_json(path.read_text()) == replace(PLAN, fetch=Fetch(mark_seen=False))


@pytest.mark.parametrize(
    "delivery", [{}, None, [], {"webhook": {"url": "https://a"}, "maildir": {"path": "/a"}}, {"pigeon": {}}]
)
def test_exactly_one_sink_is_needed(delivery: object) -> None:
    data = json.loads(PLAN.to_json()) | {"delivery": delivery}
    with pytest.raises(PlanError):
        Plan.from_json(json.dumps(data))
