"""A visit of a Mailbox: read the world, converge."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.durations import seconds
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.mailprovider import MailProviderSpec
from mailbox_operator.api.meta import FLUX_RECONCILE_ANNOTATION, RECONCILE_ANNOTATION
from mailbox_operator.controller.backoff import TRANSPORT_LONGEST, parse_time, rfc3339
from mailbox_operator.controller.children import child_name
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.closed_loop import plan_test
from mailbox_operator.controller.errors import ApiError
from mailbox_operator.controller.events import Happening, quarantined, transitions
from mailbox_operator.controller.family import Family
from mailbox_operator.controller.fetching import read_progress
from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.judge import Judgement, judge
from mailbox_operator.controller.kinds import MAILBOX, OAUTH_APP, PROVIDER, Key
from mailbox_operator.controller.metrics import STATUS_WRITES
from mailbox_operator.controller.models import Models
from mailbox_operator.controller.probing import Sequel, sequel
from mailbox_operator.controller.prover import Asked, Prover, Run
from mailbox_operator.controller.readmission import admitted_at, readmits
from mailbox_operator.controller.status import same_but_for_counters, same_but_for_times
from mailbox_operator.controller.store import Store, differs
from mailbox_operator.controller.telling import Teller
from mailbox_operator.controller.verdict import Evidence, Verdict, weigh
from mailbox_operator.fetcher.progress import Progress, State

log = logging.getLogger(__name__)

Object = dict[str, Any]

COUNTERS_SECONDS: Final = 10.0
"""The fetcher's counters alone are written no more often."""


@dataclass(slots=True)
class Memory:
    """What is known of a Mailbox beside its status; all of it may be lost."""

    due: datetime | None = None
    tries: int = 0
    """Failures in a row that may heal by themselves."""
    counters_written: datetime | None = None
    refusal_heard: str = ""
    """The inputs for which a fetcher's refused login was looked into."""
    broken: tuple[int, str, str] | None = None
    """Generation, inputs and token for which the last run broke off: it rests until it is due, whatever wakes it."""


@dataclass(slots=True, kw_only=True)
class MailboxReconciler:
    """Visits Mailboxes. `reconcile` raises ApiError."""

    client: Client
    store: Store
    index: ReverseIndex
    prover: Prover
    family: Family
    teller: Teller
    allow_insecure: bool
    later: Callable[[Key, float], None]
    """Ask for another visit after some seconds."""
    clock: Callable[[], datetime]
    _memory: dict[Key, Memory] = field(default_factory=dict)
    _models: Models = field(default_factory=Models)

    async def reconcile(self, key: Key) -> None:
        """Bring one Mailbox to what its spec says, as far as it goes now."""
        obj = self.store.get(key)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            self._forget(key)
            return
        try:
            await self._visit(key, obj)
        finally:
            if self.prover.running(key) is None:  # else its end asks for another visit, most often of the same object
                self._models.drop(key)

    async def _visit(self, key: Key, obj: Object) -> None:
        mailbox = self._models.mailbox(key, obj)
        judgement = judge(
            mailbox,
            provider=self._provider(mailbox),
            version_of=self.store.seen_version,
            allow_insecure=self.allow_insecure,
        )
        self._refer(key, judgement.references)
        before: Object = obj.get("status") or {}
        memory = self._memory.setdefault(key, Memory(tries=before.get("failedProbes") or 0))
        asked = self._ask(key, mailbox, judgement, obj, memory)
        if asked is None:
            return  # a proof has begun because it was time: its end brings a visit, and nobody waits for anything before
        run, working = asked
        found = Evidence(
            judgement=judgement,
            before=before,
            run=run,
            sequel=self._sequel(mailbox, obj, memory, run) if run else None,
            deployment=self.family.deployment(mailbox),
            progress=self._progress(mailbox),
            token=reconcile_token(mailbox),
            working=working,
        )
        now, failure = self.clock(), None
        verdict = weigh(mailbox, found, now=now)
        try:
            await self._children(mailbox, judgement, verdict, obj, run)
        except ApiError as error:
            if error.gone:
                raise
            failure = error  # what is known of the mailbox is told all the same
            if error.refused:
                verdict = weigh(mailbox, replace(found, refusal=" ".join(error.message.split())), now=now)
        await self._write(key, mailbox, obj, verdict.status, memory=memory, run=run)
        if run:
            self.prover.take(key)
            if run.asked.token != reconcile_token(mailbox):
                self.later(key, 0.0)  # somebody has asked since the run began, and its news led to this very visit
        if failure:
            raise failure

    # -- what is known

    def _provider(self, mailbox: Mailbox) -> MailProviderSpec | None:
        reference = mailbox.spec.provider_ref
        if reference is None:
            return None
        key = Key(PROVIDER.name, "", reference.name)
        found = self._models.provider(key, self.store.get(key))
        return found.spec if found else None

    def _progress(self, mailbox: Mailbox) -> Progress | None:
        return read_progress(self.family.checkpoint(mailbox))

    def _refer(self, key: Key, targets: frozenset[Key]) -> None:
        """Take note of what a Mailbox refers to; what counts its Mailboxes is visited."""
        for target in self.index.update(key, targets):
            if target.kind in {PROVIDER.name, OAUTH_APP.name}:
                self.later(target, 0.0)

    def _forget(self, key: Key) -> None:
        self.prover.stop(key)
        self._refer(key, frozenset())
        self.family.forget(key)
        self._memory.pop(key, None)
        self._models.drop(key)

    # -- verification

    def _ask(
        self, key: Key, mailbox: Mailbox, judgement: Judgement, obj: Object, memory: Memory
    ) -> tuple[Run | None, bool] | None:
        """Start a run where one is wanted. Returns a result to write down, and whether the status waits for one.

        None: one was started that nothing has asked for but the time.
        """
        if judgement.chosen is None or mailbox.spec.suspend:
            self.prover.stop(key)
            memory.due = None
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
        question = (generation, judgement.inputs, token)
        if memory.broken == question and memory.due and memory.due > self.clock():
            return None, not fresh
        asked_for = token != status.get("lastHandledReconcileAt", "")
        unasked = fresh and not asked_for and not self._refusal_heard(mailbox, judgement, status, memory)
        if unasked and not self._due(key, mailbox, status, memory):
            return None, False
        if not fresh and memory.broken != question:
            memory.tries = 0
        asked = Asked(
            generation=generation,
            inputs=judgement.inputs,
            token=token,
            test=plan_test(mailbox, status, inputs=judgement.inputs, token=token, changed=asked_for or not fresh),
            tries=memory.tries,
            urgent=asked_for or not fresh,
        )
        self.prover.start(key, mailbox, judgement.chosen, asked=asked)
        return None if unasked else (None, not fresh)

    def _due(self, key: Key, mailbox: Mailbox, status: Object, memory: Memory) -> bool:
        now = self.clock()
        if memory.due is None:  # after a start: those long overdue are spread out
            written = status.get("nextProbeTime")
            retried = any(one["type"] == ConditionType.RECONCILING for one in status.get("conditions") or ())
            spread = TRANSPORT_LONGEST if retried else seconds(mailbox.spec.verification.interval)
            memory.due = parse_time(written) if written else now
            if memory.due <= now:
                memory.due = now + timedelta(seconds=spread * random.random())  # noqa: S311 - spreads load
        left = (memory.due - now).total_seconds()
        if left > 0:
            self.later(key, left)
        return left <= 0

    def _refusal_heard(self, mailbox: Mailbox, judgement: Judgement, status: Object, memory: Memory) -> bool:
        """Whether the fetcher was refused and that has not been looked into yet: the operator alone knocks, once.

        Where it was refused itself by the same credential, which the fetcher met a moment later, it knows.
        """
        progress = self._progress(mailbox)
        if progress and progress.state not in {State.STARTING, State.LOGIN_REFUSED}:
            memory.refusal_heard = ""  # it has signed in since: the next refusal is another one
        if progress is None or progress.state is not State.LOGIN_REFUSED or memory.refusal_heard == judgement.inputs:
            return False
        memory.refusal_heard = judgement.inputs
        return not status.get("loginFailures")

    def _sequel(self, mailbox: Mailbox, obj: Object, memory: Memory, run: Run) -> Sequel:
        """Return what follows from a run, and remember when the next is due."""
        interval, jitter = seconds(mailbox.spec.verification.interval), random.random()  # noqa: S311 - spreads load
        following = sequel(run, obj.get("status") or {}, interval=interval, now=self.clock(), jitter=jitter)
        memory.due, memory.tries = following.due, following.tries
        memory.broken = (run.asked.generation, run.asked.inputs, run.asked.token) if run.fault else None
        return following

    # -- what is written

    async def _write(  # noqa: PLR0913 - what there is to write, and to remember of it
        self, key: Key, mailbox: Mailbox, obj: Object, status: Object, *, memory: Memory, run: Run | None
    ) -> None:
        before: Object = obj.get("status") or {}
        now = self.clock()
        if memory.due and self.prover.running(key) is None:  # a run that ends asks for a visit by itself
            self.later(key, max((memory.due - now).total_seconds(), 0.05))
        if same_but_for_times(before, status):
            return
        if same_but_for_counters(before, status) and memory.counters_written:
            left = COUNTERS_SECONDS - (now - memory.counters_written).total_seconds()
            if left > 0:
                self.later(key, left)
                return
        memory.counters_written = now
        with self.store.writing(key, status):
            metadata = await self.client.apply_status(MAILBOX, namespace=key.namespace, name=key.name, status=status)
        STATUS_WRITES.labels(MAILBOX.name).inc()
        written = obj | {"metadata": metadata, "status": status}
        if not differs(obj, written):  # else it was changed meanwhile, and the watch brings it whole, as news
            self.store.put(MAILBOX.name, written)
        happenings = transitions(before.get("conditions") or [], status["conditions"])
        if run and _rotated(run, before):
            note = "The mailbox was proven with what its Secrets and references hold now"
            happenings.append(Happening(warning=False, reason="CredentialRotated", action="Verify", note=note))
        progress = self._progress(mailbox)
        happenings += quarantined(before, status, last=progress.last_quarantined if progress else "")
        for happening in happenings:
            await self.teller.tell(happening, obj)

    async def _children(
        self, mailbox: Mailbox, judgement: Judgement, verdict: Verdict, obj: Object, run: Run | None
    ) -> None:
        deployment, suspended = self.family.deployment(mailbox), mailbox.spec.suspend
        if mailbox.spec.delivery is None:
            await self.family.remove(mailbox)
        elif judgement.chosen is None:
            if suspended:
                await self.family.rest(mailbox)
        elif deployment or verdict.incoming_holds:
            replicas = 0 if suspended or verdict.login_rests else 1
            admitted = admitted_at(self.family.plan(mailbox))
            if run and readmits(run, self._progress(mailbox), last=admitted, now=self.clock()):
                admitted = rfc3339(self.clock())
            if await self.family.apply(mailbox, judgement.chosen, replicas=replicas, admitted_at=admitted):
                note = f"Deployment {child_name(mailbox.metadata.name)} fetches the mail of {mailbox.spec.address}"
                made = Happening(warning=False, reason="FetcherCreated", action="Apply", note=note)
                await self.teller.tell(made, obj)


def reconcile_token(mailbox: Mailbox) -> str:
    """Return the token of a reconcile that somebody asks for, or ""."""
    annotations = mailbox.metadata.annotations
    return (annotations.get(RECONCILE_ANNOTATION) or annotations.get(FLUX_RECONCILE_ANNOTATION) or "")[:1024]


def _rotated(run: Run, before: Object) -> bool:
    """Whether a run has proven what another Secret or reference holds."""
    seen = before.get("observedInputs", run.asked.inputs)
    same_spec = before.get("observedGeneration") == run.asked.generation
    failed = run.fault or run.references or any(one.remedy for one in run.steps)
    return same_spec and seen != run.asked.inputs and not failed
