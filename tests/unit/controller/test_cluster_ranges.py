"""Which of the cluster's ranges are guarded, also while not all of them are told."""

from typing import Any

import pytest

from mailbox_operator.controller.cluster_ranges import GuardedPolicy
from mailbox_operator.mail.guard import AddressPolicy, parse_networks
from unit.controller.api_server import Answer, ApiServer, Asked, serving

NODES = {"metadata": {}, "items": [{"spec": {"podCIDRs": ["10.244.0.0/24"]}}, {"spec": {}}]}
SERVICES = {"metadata": {}, "items": [{"spec": {"cidrs": ["10.96.0.0/16", "fd00::/108"]}}]}
CONFIGURED = AddressPolicy(cluster=parse_networks(["10.1.0.0/16"]))


async def refresh(policy: GuardedPolicy, nodes: Answer, services: Answer) -> bool:
    def answer(asked: Asked) -> Answer:
        return nodes if asked.path.endswith("/nodes") else services

    async with serving(ApiServer(answer=answer)) as client:
        return await policy.refresh(client)


def guarded(policy: GuardedPolicy) -> set[str]:
    return {str(one) for one in policy.policy.cluster}


async def test_what_nodes_and_services_tell_is_guarded_beside_what_is_configured() -> None:
    policy = GuardedPolicy.of(CONFIGURED)
    assert await refresh(policy, (200, NODES), (200, SERVICES))
    assert guarded(policy) == {"10.1.0.0/16", "10.244.0.0/24", "10.96.0.0/16", "fd00::/108"}


@pytest.mark.parametrize(
    "answer",
    [
        (403, {"message": 'nodes is forbidden: User "mailbox-operator" cannot list resource "nodes"'}),
        (404, {"message": "no such kind"}),
    ],
)
async def test_what_may_not_be_listed_is_no_reason_to_wait_or_to_forget_the_rest(answer: tuple[int, Any]) -> None:
    policy = GuardedPolicy.of(CONFIGURED)
    assert await refresh(policy, answer, (200, SERVICES))
    assert guarded(policy) == {"10.1.0.0/16", "10.96.0.0/16", "fd00::/108"}


async def test_nobody_is_dialled_before_the_ranges_were_told() -> None:
    policy = GuardedPolicy.of(CONFIGURED)
    assert not await refresh(policy, (503, {}), (200, SERVICES))
    assert await refresh(policy, (200, NODES), (200, SERVICES))


async def test_what_was_told_before_stays() -> None:
    policy = GuardedPolicy.of(CONFIGURED)
    await refresh(policy, (200, NODES), (200, SERVICES))
    assert not await refresh(policy, (500, {}), (200, {"metadata": {}, "items": []}))
    assert guarded(policy) == {"10.1.0.0/16", "10.244.0.0/24"}
