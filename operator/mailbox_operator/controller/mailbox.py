"""A visit of a Mailbox: read the world, converge."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.durations import seconds
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.mailprovider import MailProvider, MailProviderSpec
from mailbox_operator.api.meta import FLUX_RECONCILE_ANNOTATION, RECONCILE_ANNOTATION
from mailbox_operator.api.reasons import Reason
from mailbox_operator.controller.apply import Applier
from mailbox_operator.controller.backoff import (
    interval_delay,
    next_login_failures,
    parse_time,
    rfc3339,
    transport_delay,
)
from mailbox_operator.controller.children import checkpoint_name, child_name, render_children
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.conditions import carried, next_conditions
from mailbox_operator.controller.errors import ApiError
from mailbox_operator.controller.events import Happening, render_event, transitions
from mailbox_operator.controller.fetching import Fetching, fetcher_status, fetching_outcomes, read_progress
from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.judge import Judgement, judge, references
from mailbox_operator.controller.kinds import CHILDREN, CONFIG_MAP, DEPLOYMENT, MAILBOX, PROVIDER, Key
from mailbox_operator.controller.metrics import STATUS_WRITES
from mailbox_operator.controller.outcome import Outcome, Remedy, Status, blocked, unknown
from mailbox_operator.controller.prover import Asked, Prover, Run
from mailbox_operator.controller.settings import Settings
from mailbox_operator.controller.status import resolved, same_but_for_counters, same_but_for_times
from mailbox_operator.controller.store import Store
from mailbox_operator.fetcher.progress import State
from mailbox_operator.verification.model import Caution, Step

log = logging.getLogger(__name__)

Object = dict[str, Any]

COUNTERS_SECONDS: Final = 10.0
"""The fetcher's counters alone are written no more often."""
NETWORK_STEPS: Final = tuple(ConditionType(step) for step in Step)
INCOMING: Final = NETWORK_STEPS[:4]
CAUTIONS: Final = frozenset({ConditionType.PLAINTEXT_TRANSPORT, ConditionType.CERTIFICATE_EXPIRES_SOON})


@dataclass(slots=True)
class Memory:
    """What is known of a Mailbox beside its status; all of it may be lost."""

    due: datetime | None = None
    tries: int = 0
    """Failures in a row that may heal by themselves."""
    counters_written: datetime | None = None
    refusal_heard: str = ""
    """The inputs for which a fetcher's refused login was looked into."""


@dataclass(slots=True, kw_only=True)
class MailboxReconciler:
    """Visits Mailboxes. `reconcile` raises ApiError."""

    client: Client
    store: Store
    index: ReverseIndex
    prover: Prover
    applier: Applier
    settings: Settings
    later: Callable[[Key, float], None]
    """Ask for another visit after some seconds."""
    clock: Callable[[], datetime]
    _memory: dict[Key, Memory] = field(default_factory=dict)

    async def reconcile(self, key: Key) -> None:
        """Bring one Mailbox to what its spec says, as far as it goes now."""
        obj = self.store.get(key)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            self._forget(key)
            return
        mailbox = Mailbox.model_validate(obj)
        self.index.update(key, references(mailbox))
        judgement = judge(
            mailbox,
            provider=self._provider(mailbox),
            version_of=self._version,
            allow_insecure=self.settings.allow_insecure_skip_verify,
        )
        memory = self._memory.setdefault(key, Memory())
        run, working = self._ask(key, mailbox, judgement, obj, memory)
        status, outcomes = self._next_status(mailbox, judgement, obj, memory, run=run, working=working)
        await self._children(mailbox, judgement, outcomes)
        await self._write(key, obj, status, memory=memory, run=run)
        if run:
            self.prover.take(key)

    # -- what is known

    def _provider(self, mailbox: Mailbox) -> MailProviderSpec | None:
        reference = mailbox.spec.provider_ref
        found = self.store.get(Key(PROVIDER.name, "", reference.name)) if reference else None
        return MailProvider.model_validate(found).spec if found else None

    def _version(self, key: Key) -> str | None:
        found = self.store.get(key)
        return str(found["metadata"]["resourceVersion"]) if found else None

    def _child(self, mailbox: Mailbox, kind: str, name: str) -> Object | None:
        return self.store.get(Key(kind, mailbox.metadata.namespace, name))

    def _forget(self, key: Key) -> None:
        self.prover.stop(key)
        self.index.remove(key)
        self.applier.forget(key.namespace, key.name)
        self._memory.pop(key, None)

    # -- verification

    def _ask(
        self, key: Key, mailbox: Mailbox, judgement: Judgement, obj: Object, memory: Memory
    ) -> tuple[Run | None, bool]:
        """Start a run where one is wanted. Returns a result to write down, and whether the status waits for one."""
        if judgement.chosen is None or mailbox.spec.suspend:
            self.prover.stop(key)
            return None, False
        status, generation = obj.get("status") or {}, mailbox.metadata.generation
        token = reconcile_token(mailbox)
        fresh = status.get("observedInputs") == judgement.inputs and status.get("observedGeneration") == generation
        result = self.prover.result(key)
        if result and (result.asked.generation, result.asked.inputs) == (generation, judgement.inputs):
            return result, False
        running = self.prover.running(key)
        if running and (running.generation, running.inputs, running.token) == (generation, judgement.inputs, token):
            return None, not fresh
        asked_for = token != status.get("lastHandledReconcileAt", "")
        if fresh and not asked_for and not self._due(key, mailbox, judgement, status, memory):
            return None, False
        if not fresh:
            memory.tries = 0
        asked = Asked(
            generation=generation,
            inputs=judgement.inputs,
            token=token,
            test_message=mailbox.spec.wants_test_message and (asked_for or not fresh or not _test_was_sent(status)),
            tries=memory.tries,
        )
        self.prover.start(key, mailbox, judgement.chosen, asked=asked)
        return None, not fresh

    def _due(self, key: Key, mailbox: Mailbox, judgement: Judgement, status: Object, memory: Memory) -> bool:
        now = self.clock()
        if memory.due is None:  # after a start: those long overdue are spread out
            written = status.get("nextProbeTime")
            interval = seconds(mailbox.spec.verification.interval)
            memory.due = parse_time(written) if written else now
            if memory.due <= now:
                memory.due = now + timedelta(seconds=interval * random.random())  # noqa: S311 - spreads load
        if self._refusal_heard(mailbox, judgement, memory):
            return True
        left = (memory.due - now).total_seconds()
        if left > 0:
            self.later(key, left)
        return left <= 0

    def _refusal_heard(self, mailbox: Mailbox, judgement: Judgement, memory: Memory) -> bool:
        """Whether the fetcher was refused and that has not been looked into yet: the operator alone knocks, once."""
        progress = read_progress(self._child(mailbox, CONFIG_MAP.name, checkpoint_name(mailbox.metadata.name)))
        if progress is None or progress.state is not State.LOGIN_REFUSED or memory.refusal_heard == judgement.inputs:
            return False
        memory.refusal_heard = judgement.inputs
        return True

    # -- status

    def _next_status(  # noqa: PLR0913 - what a status is made of
        self,
        mailbox: Mailbox,
        judgement: Judgement,
        obj: Object,
        memory: Memory,
        *,
        run: Run | None,
        working: bool,
    ) -> tuple[Object, list[Outcome]]:
        before: Object = obj.get("status") or {}
        previous: list[Object] = before.get("conditions") or []
        now, generation = self.clock(), mailbox.metadata.generation
        early, steps = self._steps(mailbox, judgement, previous, run)
        refused = any(one.type is ConditionType.INCOMING_AUTHENTICATED and one.remedy is Remedy.PERSON for one in steps)
        deployment = self._child(mailbox, DEPLOYMENT.name, child_name(mailbox.metadata.name))
        progress = read_progress(self._child(mailbox, CONFIG_MAP.name, checkpoint_name(mailbox.metadata.name)))
        seen = Fetching(
            wanted=mailbox.spec.delivery is not None,
            suspended=mailbox.spec.suspend,
            incoming_holds=_incoming_holds(steps),
            login_refused=refused,
            deployment=deployment,
            progress=progress,
        )
        outcomes = [*early, *steps, *(fetching_outcomes(seen) if judgement.chosen else _blocked_fetching())]
        status: Object = {"observedGeneration": generation}
        status["conditions"] = next_conditions(
            previous,
            outcomes,
            run.cautions if run else _carried_cautions(previous),
            generation=generation,
            now=rfc3339(now),
            working=working,
        )
        if judgement.chosen:
            status["resolved"] = resolved(mailbox.spec, judgement.chosen)
        if mailbox.spec.delivery and (found := fetcher_status(deployment, progress)):
            status["fetcher"] = found
        status |= {
            name: before[name]
            for name in ("observedInputs", "lastProbeTime", "nextProbeTime", "loginFailures", "lastHandledReconcileAt")
            if name in before
        }
        if run:
            self._record(mailbox, before, status, memory=memory, run=run)
        elif mailbox.spec.suspend or judgement.chosen is None:
            for name in ("observedInputs", "loginFailures"):
                status.pop(name, None)
            if token := reconcile_token(mailbox):
                status["lastHandledReconcileAt"] = token
        return status, outcomes

    def _steps(
        self, mailbox: Mailbox, judgement: Judgement, previous: list[Object], run: Run | None
    ) -> tuple[list[Outcome], list[Outcome]]:
        """Return the outcomes of the steps before the network, and of those on it."""
        early = list(judgement.outcomes)
        if judgement.chosen is None:
            return early, [blocked(kind) for kind in NETWORK_STEPS]
        if mailbox.spec.suspend:
            return early, [unknown(kind, Reason.SUSPENDED, "Suspended by spec.suspend") for kind in NETWORK_STEPS]
        stalled = any(one["type"] == ConditionType.STALLED for one in previous)
        if run is None:
            steps = [_unless_blocked(carried(previous, kind, stalled=stalled)) for kind in NETWORK_STEPS]
            was = next((one for one in previous if one["type"] == ConditionType.REFERENCES_RESOLVED), None)
            if was and was["status"] == "False" and was["observedGeneration"] == mailbox.metadata.generation:
                early[1] = carried(previous, ConditionType.REFERENCES_RESOLVED, stalled=stalled)
            return early, steps
        if run.references:
            early[1] = run.references
        return early, [
            carried(previous, one.type, stalled=stalled) if one.reason == "NotRequested" else one for one in run.steps
        ]

    def _record(self, mailbox: Mailbox, before: Object, status: Object, *, memory: Memory, run: Run) -> None:
        """Write a run down in `status`, and decide when the next is due."""
        failures, now = None, self.clock()
        if run.login_refused:
            same = before.get("observedInputs") == run.asked.inputs and (
                before.get("observedGeneration") == run.asked.generation
            )
            failures = next_login_failures(before.get("loginFailures") if same else None, now=now)
        heals = any(one.remedy is Remedy.TIME for one in run.steps)
        memory.tries = memory.tries + 1 if heals else 0
        if failures:
            memory.due = parse_time(failures["nextAttemptTime"])
        elif heals:
            wait = transport_delay(memory.tries, jitter=random.random())  # noqa: S311 - spreads load
            memory.due = now + timedelta(seconds=max(wait, run.retry_after_seconds or 0.0))
        else:
            interval = seconds(mailbox.spec.verification.interval)
            memory.due = now + timedelta(seconds=interval_delay(interval, jitter=random.random()))  # noqa: S311 - the same
        status |= {
            "observedInputs": run.asked.inputs,
            "lastProbeTime": rfc3339(now),
            "nextProbeTime": rfc3339(memory.due),
        }
        status.pop("loginFailures", None)
        if failures:
            status["loginFailures"] = failures
        if run.asked.token:
            status["lastHandledReconcileAt"] = run.asked.token

    async def _write(self, key: Key, obj: Object, status: Object, *, memory: Memory, run: Run | None) -> None:
        before: Object = obj.get("status") or {}
        now = self.clock()
        if memory.due:
            self.later(key, max((memory.due - now).total_seconds(), 0.05))
        if same_but_for_times(before, status):
            return
        if same_but_for_counters(before, status) and memory.counters_written:
            left = COUNTERS_SECONDS - (now - memory.counters_written).total_seconds()
            if left > 0:
                self.later(key, left)
                return
        memory.counters_written = now
        result = await self.client.apply_status(MAILBOX, namespace=key.namespace, name=key.name, status=status)
        STATUS_WRITES.labels(MAILBOX.name).inc()
        self.store.put(MAILBOX.name, result)
        happenings = transitions(before.get("conditions") or [], status["conditions"])
        if run and before.get("observedInputs", run.asked.inputs) != run.asked.inputs and not run.login_refused:
            note = "The mailbox was proven with what its Secrets and references hold now"
            happenings.append(Happening(warning=False, reason="CredentialRotated", action="Verify", note=note))
        for happening in happenings:
            await self._tell(happening, obj)

    async def _tell(self, happening: Happening, obj: Object) -> None:
        event = render_event(happening, obj, kind=MAILBOX.name, now=self.clock(), pod=self.settings.pod)
        try:
            await self.client.create_event(event)
        except ApiError as error:
            log.warning("an event could not be written", extra={"error": str(error)})

    # -- children

    async def _children(self, mailbox: Mailbox, judgement: Judgement, outcomes: list[Outcome]) -> None:
        name = child_name(mailbox.metadata.name)
        deployment = self._child(mailbox, DEPLOYMENT.name, name)
        if mailbox.spec.delivery is None:
            for kind in CHILDREN:
                if self._child(mailbox, kind.name, name):
                    await self.client.delete(kind, namespace=mailbox.metadata.namespace, name=name)
            return
        if judgement.chosen is None or not (deployment or _incoming_holds(outcomes)):
            return
        refused = any(
            one.type is ConditionType.INCOMING_AUTHENTICATED and one.remedy is Remedy.PERSON for one in outcomes
        )
        replicas = 0 if mailbox.spec.suspend or refused else 1
        children = render_children(mailbox, judgement.chosen, image=self.settings.fetcher_image, replicas=replicas)
        for kind, wanted in children:
            made = await self.applier.apply(kind, wanted)
            if made and kind is DEPLOYMENT:
                note = f"Deployment {name} fetches the mail of {mailbox.spec.address}"
                obj = self.store.get(Key(MAILBOX.name, mailbox.metadata.namespace, mailbox.metadata.name))
                if obj:
                    happening = Happening(warning=False, reason="FetcherCreated", action="Apply", note=note)
                    await self._tell(happening, obj)


def reconcile_token(mailbox: Mailbox) -> str:
    """Return the token of a reconcile that somebody asks for, or ""."""
    annotations = mailbox.metadata.annotations
    return (annotations.get(RECONCILE_ANNOTATION) or annotations.get(FLUX_RECONCILE_ANNOTATION) or "")[:1024]


def _incoming_holds(outcomes: list[Outcome]) -> bool:
    found = {one.type: one.status for one in outcomes}
    return all(found.get(kind) is Status.TRUE for kind in INCOMING)


def _blocked_fetching() -> tuple[Outcome, Outcome]:
    return blocked(ConditionType.FETCHER_AVAILABLE), blocked(ConditionType.DELIVERING)


def _unless_blocked(outcome: Outcome) -> Outcome:
    """Return a carried step; one that waited for something now settled is pending."""
    if outcome.status is Status.UNKNOWN and outcome.reason in {Reason.SUSPENDED, Reason.PENDING}:
        return unknown(outcome.type, Reason.PENDING, "Not yet tried")
    return outcome


def _test_was_sent(status: Object) -> bool:
    """Whether the closed loop was tried for the spec and credentials that the status speaks of."""
    for one in status.get("conditions") or ():
        if one["type"] == ConditionType.TEST_MESSAGE_DELIVERED:
            return bool(one["status"] != "Unknown")
    return False


def _carried_cautions(previous: list[Object]) -> list[Caution]:
    return [
        Caution(type=one["type"], reason=one["reason"], message=one["message"])
        for one in previous
        if one["type"] in CAUTIONS
    ]
