"""One session after another: sign in, run, and after a fault wait and come again; a refused login is tried once."""

import asyncio
import logging
from typing import Final

from mailbox_operator.diagnosis.finding import Finding, Retry
from mailbox_operator.fetcher.backoff import backoff_seconds
from mailbox_operator.fetcher.source import HeldBackError, LoginRefusedError, OpenSession, Session, SourceContext
from mailbox_operator.fetcher.watched_file import WatchedFile
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.secret import Secret

log = logging.getLogger(__name__)

SIGN_IN_SECONDS: Final = 60.0
GOODBYE_SECONDS: Final = 2.0
FIRST_BACKOFF: Final = 1.0
LONGEST_BACKOFF: Final = 300.0
STEADY_SECONDS: Final = 30.0
"""A session that lasts so long works, also where there is nothing to fetch."""
PATIENT: Final = frozenset({Retry.BACKOFF, Retry.AFTER})
"""What a refusal can be besides a wrong credential: too many connections, a service that is down for the moment."""


class Sessions:
    """A Source that signs in with a credential from a file. `refused` and `fault` say why it does not go."""

    def __init__(self, context: SourceContext, *, open_session: OpenSession) -> None:
        self._plan = context.plan
        self._credential = WatchedFile(context.plan.password_file)
        self._pipeline = context.pipeline
        self._chance = context.chance
        self._open_session = open_session
        self._session: Session | None = None
        self._began = 0.0
        """When it signed in, on the loop's clock."""
        self._ended_early = False
        """Whether it was a session that failed last, and not a sign-in."""
        self._done_before = 0
        """Messages done with when that was last looked at."""
        self._credential_changed = asyncio.Event()
        self._known: Secret | None = None
        self.signed_in = False
        """At least once."""
        self.refused: Finding | None = None
        self.fault: Finding | None = None
        """Of the last sessions, if several failed in a row."""
        self.failures = 0
        """In a row."""
        self._last: Finding | None = None

    def look(self) -> None:
        """See whether the credential has changed, and whether the session works; call it each second."""
        if self._session and self._works():
            self._forget_failures()
        if self._credential.look():
            log.info("the credential has changed")
            self._credential_changed.set()
            if self._session:
                self._session.abort(MailError("the credential has changed", area=Area.POLICY))

    async def run(self) -> None:
        """Run sessions for ever."""
        while True:
            await self._pipeline.valve.wait_open()
            self._credential_changed.clear()
            wait = await self._try(once=False)
            if wait is None:
                await self._credential_changed.wait()
            elif wait:
                try:
                    async with asyncio.timeout(wait):
                        await self._credential_changed.wait()
                except TimeoutError:
                    pass

    async def run_once(self) -> Finding | None:
        """Fetch what is there, once. Returns what prevented it."""
        await self._try(once=True)
        self.fault = self._last  # one lost connection is everyday life, but here there is no other
        return self.refused or self.fault

    async def _try(self, *, once: bool) -> float | None:
        """Run one session; return the seconds to wait before the next, None: until the credential changes."""
        try:
            await self._run_session(once=once)
        except HeldBackError:
            log.info("the connection is given back until the sink takes mail again")
            return 0.0
        except LoginRefusedError as error:
            finding = _diagnose(error, step="IncomingAuthenticated")
            if finding.retry not in PATIENT:
                self.refused = finding
                log.warning("the login was refused", extra={"reason": finding.reason, "said": finding.said})
                return None
            return self._failed(finding)
        except MailError as error:
            if self._credential_changed.is_set():
                return 0.0
            return self._failed(_diagnose(error, step="IncomingReachable"))
        return 0.0

    def _failed(self, finding: Finding) -> float:
        self.failures += 1
        self._last = finding
        if self.failures > 1:  # one lost connection is everyday life
            self.fault = finding
        wait = backoff_seconds(self.failures, first=FIRST_BACKOFF, longest=LONGEST_BACKOFF, chance=self._chance())
        wait = max(wait, finding.retry_after_seconds or 0.0)
        log.warning(
            "session failed",
            extra={"reason": finding.reason, "said": finding.said, "failures": self.failures, "wait": round(wait, 1)},
        )
        return wait

    async def _run_session(self, *, once: bool) -> None:
        credential = Secret((self._credential.content or b"").decode("utf-8", "replace").rstrip("\r\n"))
        if not credential:
            raise MailError(f"{self._plan.password_file} holds no password", area=Area.POLICY)
        try:
            async with asyncio.timeout(SIGN_IN_SECONDS):
                self._session = session = await self._open_session(credential)
        except TimeoutError:
            raise MailError(f"no sign-in within {SIGN_IN_SECONDS:g} s", area=Area.TCP) from None
        self._note_success(credential)
        try:
            await session.run(once=once)
            self._forget_failures()
        except MailError:
            if self._works():
                self._forget_failures()
            self._ended_early = True
            raise
        finally:
            self._session = None
            await _close(session)

    def _note_success(self, credential: Secret) -> None:
        if self.signed_in:
            self._pipeline.meter.reconnects += 1
        if self._known is not None and self._known != credential:
            self._pipeline.meter.credential_reloads += 1
        self._known = credential
        self.signed_in = True
        self.refused = None
        if not self._ended_early:  # else what is wrong shows after the sign-in, and may do so again
            self._forget_failures()
        self._began = asyncio.get_running_loop().time()
        log.info("signed in", extra={"host": self._plan.host, "user": self._plan.username})

    def _works(self) -> bool:
        """Whether a session has come further than to the sign-in: it has lasted, or a message was done with."""
        done = self._pipeline.meter.messages_delivered + self._pipeline.meter.skipped
        before, self._done_before = self._done_before, done
        return done != before or asyncio.get_running_loop().time() - self._began >= STEADY_SECONDS

    def _forget_failures(self) -> None:
        self.fault = self._last = None
        self.failures = 0
        self._ended_early = False


async def _close(session: Session) -> None:
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            await session.close()
    except (TimeoutError, MailError):
        pass


def _diagnose(error: MailError, *, step: str) -> Finding:
    from mailbox_operator.diagnosis.evidence import evidence_of  # noqa: PLC0415 - with the matcher
    from mailbox_operator.diagnosis.matcher import diagnose  # noqa: PLC0415 - its rules cost 5 MiB, at the first fault

    return diagnose(evidence_of(error, step=step))
