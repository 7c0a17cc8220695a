"""A fetcher killed again and again under load: nothing is lost, and each repeat carries the id of the first."""

import pytest

from e2e.conftest import Cluster, Team
from support.kube import until

MESSAGES = 2_000
KILLS = 20


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_nothing_is_lost_and_repeats_are_recognisable(cluster: Cluster, team: Team) -> None:
    sent = [
        f"Message-ID: <{n}@load.test>\r\nSubject: {n}\r\n\r\n{'x' * (n % 4096)}\r\n".encode() for n in range(MESSAGES)
    ]
    team.account("support")
    team.mail.seed(team.address("support"), sent)
    team.receiver.delay(milliseconds=40)
    team.mailbox("support", fetch={"interval": "10s"})
    for kill in range(KILLS):
        least = (kill + 1) * MESSAGES // (KILLS + 10)
        wait_until_came(team, least)
        cluster.kill_fetcher(team.kube, "support")
    team.receiver.delay(milliseconds=0)
    until(
        lambda: len({event["ce-messageid"] for event in team.receiver.events()}) == MESSAGES,
        seconds=60,
        what=lambda: f"all messages came; {len({e['ce-messageid'] for e in team.receiver.events()})} did",
        pause=1,
    )
    first: dict[str, str] = {}
    for event in team.receiver.events():
        assert first.setdefault(event["ce-messageid"], event["ce-id"]) == event["ce-id"], "a repeat has the same id"
    assert len(set(first.values())) == MESSAGES, "and no other message has it"


def wait_until_came(team: Team, count: int) -> None:
    """Wait until so many messages came, repeats counted."""
    until(lambda: team.receiver.count() >= count, seconds=60, what=f"{count} messages came", pause=0.02)
