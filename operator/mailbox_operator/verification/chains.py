"""The two chains of steps, incoming and outgoing: an open session goes from step to step, the first failure stops it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.mail.endpoint import Endpoint, Security
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.session import IncomingSession, OutgoingSession, Session
from mailbox_operator.mail.tls import Negotiated
from mailbox_operator.verification.judging import MOST, blocked, not_applicable, run_step
from mailbox_operator.verification.model import Caution, Listener, Side, Step, StepResult, Target, Verdict
from mailbox_operator.verification.opening import incoming_session, outgoing_session
from mailbox_operator.verification.retirement import judge_retirement

EXPIRES_SOON: Final = timedelta(days=21)
REFUSED: Final = frozenset({Retry.NO, Retry.LIMITED, Retry.REFRESH})
"""How a refusal of the credential ends; the rest is trouble that passes."""
INCOMING: Final = (
    Step.INCOMING_REACHABLE,
    Step.INCOMING_SECURED,
    Step.INCOMING_AUTHENTICATED,
    Step.FOLDERS_ACCESSIBLE,
)
OUTGOING: Final = (Step.OUTGOING_REACHABLE, Step.OUTGOING_SECURED, Step.OUTGOING_AUTHENTICATED)


class Chain:
    """Results and cautions of one chain, as they come."""

    def __init__(self, target: Target, *, listener: Listener | None) -> None:
        self.target = target
        self.results: list[StepResult] = []
        self.cautions: list[Caution] = []
        self._listener = listener
        self._retirement: Caution | None = None

    @property
    def whole(self) -> bool:
        """Whether every step so far holds."""
        return all(result.verdict is Verdict.TRUE for result in self.results)

    def add(self, result: StepResult) -> None:
        """Take a result and tell the listener."""
        self.results.append(result)
        if self._listener:
            self._listener(result)

    async def step(self, step: Step, probe: Callable[[], Awaitable[str]], *, seconds: float) -> None:
        """Run a step, unless an earlier one has failed."""
        if self.whole:
            self.add(
                await run_step(
                    step, probe, seconds=seconds, provider=self.target.provider, credentials=self.target.credentials
                )
            )
        else:
            self.add(blocked(step))

    async def reach_and_secure(self, session: Session, side: Side, steps: tuple[Step, ...]) -> None:
        """Run the first two steps, which are the same for every protocol."""
        timeouts, endpoint = self.target.timeouts, side.endpoint

        async def reach() -> str:
            await session.reach()
            return f"{endpoint.host} answers on port {endpoint.port}"

        async def secure() -> str:
            found = await session.secure()
            assert found is not None  # noqa: S101 - only None where no TLS is asked for, and then this is not called
            self._judge_certificate(found, endpoint)
            if not found.expires:
                return f"{found.version}, certificate not verified"
            return f"{found.version}, certificate issued by {found.issuer}, expires {found.expires:%Y-%m-%d}"

        await self.step(steps[0], reach, seconds=timeouts.connect)
        if self.whole:
            self.judge_retirement(side)
        if endpoint.security is Security.NONE and self.whole:
            self.add(not_applicable(steps[1], "Plain text, as asked for by security: None"))
            self._caution_plaintext(endpoint)
        else:
            await self.step(steps[1], secure, seconds=timeouts.connect)

    async def sign_in(self, session: Session, side: Side, step: Step) -> None:
        """Run the third step."""

        async def sign_in() -> str:
            self.judge_retirement(side, mechanism=await session.sign_in(side.credential))
            return f"Signed in as {side.credential.username}"

        await self.step(step, sign_in, seconds=self.target.timeouts.authenticate)

    def judge_retirement(self, side: Side, *, mechanism: str = "") -> None:
        """Caution against what ends, and anew once it is known how one signs in."""
        self.cautions = [one for one in self.cautions if one is not self._retirement]
        self._retirement = judge_retirement(side, of=self.target, mechanism=mechanism)
        self.cautions += [self._retirement] if self._retirement else []

    def _judge_certificate(self, found: Negotiated, endpoint: Endpoint) -> None:
        if found.expires and found.expires - datetime.now(UTC) < EXPIRES_SOON:
            self.cautions.append(
                Caution(
                    type="CertificateExpiresSoon",
                    reason="CertificateExpiresSoon",
                    message=f"The certificate of {endpoint.host} expires on {found.expires:%Y-%m-%d}: have it renewed",
                )
            )

    def _caution_plaintext(self, endpoint: Endpoint) -> None:
        self.cautions.append(
            Caution(
                type="PlaintextTransport",
                reason="PlaintextTransport",
                message=f"Password and mail cross the network to {endpoint.host} in plain text: set security: TLS or StartTLS",
            )
        )


class FirstLogin:
    """Tells the outgoing chain what became of the incoming login by the same credential: it is not refused twice a run.

    Half the tries, so that no account is locked by us.
    """

    def __init__(self, target: Target) -> None:
        one, other = target.incoming.credential, target.outgoing.credential if target.outgoing else None
        self._is_shared = replace(one, mechanism=None) == (other and replace(other, mechanism=None))
        self._is_over = asyncio.Event()
        self._is_refused = False

    def over(self, incoming: Chain) -> None:
        """Take note that the incoming side will not sign in any more, or has."""
        self._is_refused = any(
            one.step is Step.INCOMING_AUTHENTICATED and one.retry in REFUSED for one in incoming.results
        )
        self._is_over.set()

    async def refused(self) -> bool:
        """Return whether the incoming side refuses what the outgoing would be shown, as soon as that is known."""
        if self._is_shared:
            await self._is_over.wait()
        return self._is_shared and self._is_refused


async def prove_incoming(
    chain: Chain, login: FirstLogin, *, policy: AddressPolicy, stack: AsyncExitStack
) -> IncomingSession | None:
    """Run the incoming chain. Returns the session, signed in, where all of it holds; the stack closes it."""
    side = chain.target.incoming
    session = incoming_session(side.endpoint, policy=policy, address=chain.target.address)
    stack.push_async_callback(session.close)

    async def open_folders() -> str:
        target = chain.target
        return await session.open_folders(target.folders, exclude=target.exclude, leaving=target.test is None)

    try:
        await chain.reach_and_secure(session, side, INCOMING)
        await chain.sign_in(session, side, Step.INCOMING_AUTHENTICATED)
    finally:
        login.over(chain)
    await chain.step(Step.FOLDERS_ACCESSIBLE, open_folders, seconds=chain.target.timeouts.step)
    return session if chain.whole else None


async def prove_outgoing(
    chain: Chain, login: FirstLogin, *, policy: AddressPolicy, stack: AsyncExitStack
) -> OutgoingSession | None:
    """Run the outgoing chain. Returns the session, signed in, where all of it holds; the stack closes it."""
    side = chain.target.outgoing
    if side is None:
        for step in OUTGOING:
            chain.add(not_applicable(step, "The mailbox only receives"))
        return None
    session = outgoing_session(side.endpoint, policy=policy, address=chain.target.address)
    stack.push_async_callback(session.close)
    address, timeouts = chain.target.address, chain.target.timeouts
    identities = tuple(dict.fromkeys((address, *chain.target.identities)))

    async def sign_in() -> str:
        chain.judge_retirement(side, mechanism=await session.sign_in(side.credential))
        proven = [one for one in identities if await session.judge_sender(one, recipient=address)]
        told = f", may send as {', '.join(proven)}" if proven else ""
        return f"Signed in as {side.credential.username}{told}"[:MOST]

    await chain.reach_and_secure(session, side, OUTGOING)
    if chain.whole and await login.refused():
        why = "Not tried, so that the account is not locked: the incoming side has refused the same credential"
        chain.add(blocked(Step.OUTGOING_AUTHENTICATED, why))
        return None
    seconds = timeouts.authenticate if len(identities) == 1 else timeouts.authenticate + timeouts.step
    await chain.step(Step.OUTGOING_AUTHENTICATED, sign_in, seconds=seconds)
    return session if chain.whole else None
