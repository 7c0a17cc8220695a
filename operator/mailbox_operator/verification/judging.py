"""One step brought to a verdict, however slowly the server talks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Final

from mailbox_operator.diagnosis.cleaning import clean
from mailbox_operator.diagnosis.evidence import Evidence, evidence_of
from mailbox_operator.diagnosis.finding import Finding
from mailbox_operator.diagnosis.matcher import diagnose
from mailbox_operator.mail.credential import Credential, masked
from mailbox_operator.mail.errors import Area, MailError, unanswered
from mailbox_operator.verification.model import Step, StepResult, Verdict

MOST: Final = 1024
"""Characters of a message."""

Probe = Callable[[], Awaitable[str]]
"""Does what the step is about and returns a sentence about what was found. Raises MailError."""


async def run_step(
    step: Step, probe: Probe, *, seconds: float, provider: str, credentials: Iterable[Credential] = ()
) -> StepResult:
    """Bring `step` to a verdict within `seconds`. What is told of a failure holds none of `credentials`."""
    started, about, is_unanswered = time.monotonic(), "", True
    try:
        async with asyncio.timeout(seconds):
            message = await probe()
    except TimeoutError as error:
        asked = unanswered(error)
        what = "connect timed out, no answer" if asked.command == "CONNECT" else "no verdict"
        finding = diagnose(
            Evidence(
                text=f"{what} within {seconds:g} s",
                area=Area.TCP,
                step=step,
                protocol=asked.protocol,
                command=asked.command,
                provider=provider,
            )
        )
    except MailError as error:
        for credential in credentials:
            error = masked(error, credential)
        is_unanswered = error.area in {Area.TCP, Area.TLS}
        about, finding = error.about, diagnose(evidence_of(error, step=step, provider=provider))
    else:
        return StepResult(
            step=step, verdict=Verdict.TRUE, reason="Succeeded", message=message[:MOST], milliseconds=_since(started)
        )
    result = failed(step, finding, about=about, milliseconds=_since(started))
    return replace(result, is_unanswered=is_unanswered)


def failed(step: Step, finding: Finding, *, about: str = "", milliseconds: int = 0) -> StepResult:
    """Return a finding as the step's result, told of one of several things where it is `about` one."""
    message = f"{clean(about)}: {finding.message}" if about else finding.message
    return StepResult(
        step=step,
        verdict=Verdict.FALSE,
        reason=finding.reason,
        message=message[:MOST],
        retry=finding.retry,
        retry_after_seconds=finding.retry_after_seconds,
        milliseconds=milliseconds,
    )


def blocked(step: Step, message: str = "Not tried: an earlier step has failed") -> StepResult:
    """Return the result of a step that was not tried."""
    return StepResult(
        step=step,
        verdict=Verdict.UNKNOWN,
        reason="BlockedByEarlierStep",
        message=message,
    )


def not_applicable(step: Step, message: str) -> StepResult:
    """Return the result of a step that there is no need for."""
    return StepResult(step=step, verdict=Verdict.TRUE, reason="NotApplicable", message=message)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
