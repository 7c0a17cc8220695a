"""Verification runs beside the visits, in a bounded pool: a visit asks for one, another takes its result."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.reasons import Reason
from mailbox_operator.controller.backoff import LIMITED_TRIES
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.errors import ApiError
from mailbox_operator.controller.fault import describe, trace
from mailbox_operator.controller.kinds import Key
from mailbox_operator.controller.metrics import VERIFICATIONS, VERIFICATIONS_RUNNING
from mailbox_operator.controller.outcome import Outcome, Remedy, Status, blocked, fails
from mailbox_operator.controller.referenced import Bundles, Referenced, UnusableError
from mailbox_operator.controller.resolve import Resolution
from mailbox_operator.controller.target import render_target, render_timeouts
from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.verification.limits import Limits
from mailbox_operator.verification.model import Caution, LoopTest, Step, StepResult, Verdict
from mailbox_operator.verification.runner import longest_run, run_steps

log = logging.getLogger(__name__)

AUTHENTICATION: Final = frozenset({Step.INCOMING_AUTHENTICATED, Step.OUTGOING_AUTHENTICATED})
FOR_A_PERSON: Final = frozenset({Retry.NO, Retry.REFRESH})
READ_SECONDS: Final = 120.0
"""For what a run does beside its steps: to read two Secrets and a CA bundle, and to load libraries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run is about. A result whose question is no longer the Mailbox's is dropped."""

    generation: int
    inputs: str
    token: str
    """Of a reconcile on demand, or ""."""
    test: LoopTest | None
    """The test message that is asked for, if one is."""
    tries: int = field(default=0, compare=False)
    """Failures in a row before this run."""
    urgent: bool = field(default=False, compare=False)
    """Whether somebody waits for it: a change, not a probe that is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run's result."""

    asked: Asked
    references: Outcome | None = None
    """Where a Secret could not be used: no network was touched."""
    steps: tuple[Outcome, ...] = ()
    cautions: tuple[Caution, ...] = ()
    login_refused: bool = False
    login_unanswered: bool = False
    """Whether a credential was shown, or may have been, and nobody said what became of it."""
    retry_after_seconds: float | None = None
    fault: str = ""
    """What the operator itself broke off for, as `fault.describe` says it: nothing was found out."""


@dataclass(slots=True, kw_only=True)
class Prover:
    """Starts runs in the group that owns them and keeps their results until they are taken."""

    client: Client
    group: asyncio.TaskGroup
    limits: Limits
    policy: Callable[[], AddressPolicy]
    seen: Callable[[Key], str | None]
    """As in `Referenced`."""
    finished: Callable[[Key], None]
    """Called when a run has ended, with or without a result."""
    _running: dict[Key, tuple[Asked, asyncio.Task[None]]] = field(default_factory=dict)
    _results: dict[Key, Run | ApiError] = field(default_factory=dict)
    _bundles: Bundles = field(default_factory=Bundles)

    def running(self, key: Key) -> Asked | None:
        """Return what the run that goes on is about."""
        found = self._running.get(key)
        return found[0] if found else None

    def result(self, key: Key) -> Run | None:
        """Return the newest result. It stays until `take`.

        Raises ApiError, once, where the API server did not give what a run needs: the visit backs off.
        """
        found = self._results.get(key)
        if isinstance(found, ApiError):
            self.take(key)
            raise found
        return found

    def take(self, key: Key) -> None:
        """Drop a result that was written down."""
        self._results.pop(key, None)

    def start(self, key: Key, mailbox: Mailbox, chosen: Resolution, *, asked: Asked) -> None:
        """Start a run; one that is about something older is ended."""
        self.stop(key)
        task = self.group.create_task(self._run(key, mailbox, chosen, asked))
        self._running[key] = (asked, task)
        VERIFICATIONS_RUNNING.set(len(self._running))

    def stop(self, key: Key) -> None:
        """End a run and drop its result."""
        self._results.pop(key, None)
        if found := self._running.pop(key, None):
            found[1].cancel()
            VERIFICATIONS_RUNNING.set(len(self._running))

    async def _run(self, key: Key, mailbox: Mailbox, chosen: Resolution, asked: Asked) -> None:
        try:
            longest = longest_run(render_timeouts(mailbox)) + READ_SECONDS
            async with self._place(chosen, asked), asyncio.timeout(longest):
                result: Run | ApiError = await self._prove(mailbox, chosen, asked)
        except ApiError as error:
            result = error
        except Exception as error:  # noqa: BLE001 - one mailbox must not end the others; it is told in its status
            result = Run(asked=asked, fault=describe(error))
            about = {"object": str(key), "fault": result.fault, "frames": trace(error)}
            log.error("a proof broke off", extra=about)  # noqa: TRY400 - the exception's words may hold a secret
        current = self._running.get(key)
        if current and current[0] is asked:
            del self._running[key]
            self._results[key] = result
            if isinstance(result, Run):
                failed = next((one.reason for one in result.steps if one.remedy), Reason.SUCCEEDED)
                reason = Reason.INTERNAL_ERROR if result.fault else failed
                VERIFICATIONS.labels(reason).inc()
            self.finished(key)
        VERIFICATIONS_RUNNING.set(len(self._running))

    def _place(self, chosen: Resolution, asked: Asked) -> AbstractAsyncContextManager[None]:
        """Wait for a place first: nobody's password is read long before it is shown, and waiting costs no run its time."""
        doors = (chosen.incoming, chosen.outgoing)
        return self.limits.at(
            *(door.host for door in doors if door),
            provider=chosen.provider or "",
            provider_runs=chosen.provider_connections,
            urgent=asked.urgent,
        )

    async def _prove(self, mailbox: Mailbox, chosen: Resolution, asked: Asked) -> Run:
        referenced = Referenced(
            client=self.client,
            namespace=mailbox.metadata.namespace,
            bundles=self._bundles,
            seen=self.seen,
            fresh=asked.urgent,
        )
        try:
            passwords = {
                "login": await referenced.password(chosen.login.password),
                "outgoing_login": await referenced.password(chosen.outgoing_login.password),
            }
            ca_pem = await referenced.ca(chosen.tls)
        except UnusableError as error:
            return Run(
                asked=asked,
                references=fails(ConditionType.REFERENCES_RESOLVED, error.reason, str(error)),
                steps=tuple(blocked(ConditionType(step)) for step in Step),
            )
        target = render_target(mailbox, chosen, passwords=passwords, ca_pem=ca_pem, test=asked.test)
        report = await run_steps(target, policy=self.policy(), listener=None)
        failed = [one for one in report.results if one.verdict is Verdict.FALSE]
        return Run(
            asked=asked,
            steps=tuple(_outcome(one, tries=asked.tries) for one in report.results),
            cautions=report.cautions,
            login_refused=any(one.step in AUTHENTICATION and _for_a_person(one, tries=0) for one in failed),
            login_unanswered=any(one.step in AUTHENTICATION and one.is_unanswered for one in failed),
            retry_after_seconds=max((one.retry_after_seconds or 0 for one in failed), default=0) or None,
        )


def _for_a_person(result: StepResult, *, tries: int) -> bool:
    """Whether trying again cannot help: at once, after a few tries, and never again by itself for a login."""
    if result.retry is Retry.LIMITED:
        return result.step in AUTHENTICATION or tries + 1 >= LIMITED_TRIES
    return result.retry in FOR_A_PERSON


def _outcome(result: StepResult, *, tries: int) -> Outcome:
    remedy = None
    if result.verdict is Verdict.FALSE:
        remedy = Remedy.PERSON if _for_a_person(result, tries=tries) else Remedy.TIME
    return Outcome(
        type=ConditionType(result.step),
        status=Status(result.verdict),
        reason=result.reason,
        message=result.message,
        remedy=remedy,
    )
