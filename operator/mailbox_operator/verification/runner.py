"""A whole run: both chains side by side, then the closed loop."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.matcher import diagnose
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.session import IncomingSession, OutgoingSession
from mailbox_operator.verification.chains import Chain, FirstLogin, prove_incoming, prove_outgoing
from mailbox_operator.verification.judging import blocked, failed, not_applicable, run_step
from mailbox_operator.verification.limits import Limits
from mailbox_operator.verification.loop import NotReceivedError, prove_loop
from mailbox_operator.verification.model import Caution, Listener, Report, Step, StepResult, Target, Timeouts, Verdict
from mailbox_operator.verification.opening import prepare

ARRIVAL_SECONDS: Final = 60.0
SEND_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 3.0


def longest_run(timeouts: Timeouts) -> float:
    """Return the seconds that a run may take if each step takes all of its own."""
    chain = (
        2 * timeouts.connect + timeouts.authenticate + 2 * timeouts.step
    )  # the outgoing one, with further identities
    return chain + ARRIVAL_SECONDS + SEND_SECONDS + CLOSE_SECONDS


async def verify(target: Target, *, policy: AddressPolicy, limits: Limits, listener: Listener | None = None) -> Report:
    """Wait for a place and prove a mailbox, as `run_steps` does."""
    async with limits.at(*_hosts(target), provider=target.provider, provider_runs=target.provider_runs):
        return await run_steps(target, policy=policy, listener=listener)


async def run_steps(target: Target, *, policy: AddressPolicy, listener: Listener | None) -> Report:
    """Prove a mailbox and return a result for each step, in their order. Never raises for what a server does."""
    incoming, outgoing = Chain(target, listener=listener), Chain(target, listener=listener)
    stack = AsyncExitStack()
    try:
        await prepare(*(side.endpoint.protocol for side in (target.incoming, target.outgoing) if side))
        login = FirstLogin(target)
        if target.outgoing is None:  # one is over at once, and the other needs no task of its own
            sender = await prove_outgoing(outgoing, login, policy=policy, stack=stack)
            receiver = await prove_incoming(incoming, login, policy=policy, stack=stack)
        else:
            async with asyncio.TaskGroup() as group:
                receiving = group.create_task(prove_incoming(incoming, login, policy=policy, stack=stack))
                sending = group.create_task(prove_outgoing(outgoing, login, policy=policy, stack=stack))
            receiver, sender = receiving.result(), sending.result()
        loop = await _loop(target, receiver, sender)
        if listener:
            listener(loop)
    finally:
        await _close(stack)
    return Report(results=(*incoming.results, *outgoing.results, loop), cautions=_distinct(incoming, outgoing))


def _hosts(target: Target) -> list[str]:
    return [side.endpoint.host for side in (target.incoming, target.outgoing) if side]


async def _loop(target: Target, incoming: IncomingSession | None, outgoing: OutgoingSession | None) -> StepResult:
    step = Step.TEST_MESSAGE_DELIVERED
    if target.outgoing is None:
        return not_applicable(step, "The mailbox only receives")
    test = target.test
    if test is None:
        return StepResult(
            step=step, verdict=Verdict.UNKNOWN, reason="NotRequested", message="No test message was asked for"
        )
    if incoming is None or outgoing is None:
        return blocked(step)

    async def prove() -> str:
        return await prove_loop(incoming, outgoing, test=test, target=target, seconds=ARRIVAL_SECONDS)

    try:
        return await run_step(
            step,
            prove,
            seconds=ARRIVAL_SECONDS + SEND_SECONDS,
            provider=target.provider,
            credentials=target.credentials,
        )
    except NotReceivedError as error:
        return failed(step, diagnose(Evidence(text=str(error), area="loop", step=step)))


async def _close(stack: AsyncExitStack) -> None:
    """Close the sessions; what does not answer is left to the operating system."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await stack.aclose()
    except TimeoutError:
        pass


def _distinct(*chains: Chain) -> tuple[Caution, ...]:
    """Return the cautions, one of each type, since a type is a condition's name: two that differ are told in one."""
    found: dict[str, Caution] = {}
    for caution in (caution for chain in chains for caution in chain.cautions):
        before = found.setdefault(caution.type, caution)
        if caution.message not in before.message:
            found[caution.type] = replace(before, message=f"{before.message}; {caution.message}")
    return tuple(found[name] for name in sorted(found))
