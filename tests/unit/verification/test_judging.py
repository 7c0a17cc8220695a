"""A step comes to a verdict, whatever its probe does."""

import asyncio

import pytest

from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.mail.errors import Area, MailError, asking
from mailbox_operator.verification.judging import blocked, not_applicable, run_step
from mailbox_operator.verification.model import Step, Verdict


async def succeed() -> str:
    return "INBOX: 12 messages"


async def refuse() -> str:
    raise MailError("[AUTHENTICATIONFAILED] no", area=Area.IMAP, response_code="AUTHENTICATIONFAILED")


async def hang() -> str:
    await asyncio.Event().wait()
    return "never"


async def dial() -> str:
    with asking("CONNECT", protocol="IMAP"):
        return await hang()


async def wait_for_greeting() -> str:
    with asking("GREETING", protocol="IMAP"):
        return await hang()


async def time_out() -> str:
    raise MailError("h port 993: [Errno 110] Connect call failed", area=Area.TCP)


async def test_what_the_probe_found_is_the_message() -> None:
    result = await run_step(Step.FOLDERS_ACCESSIBLE, succeed, seconds=1, provider="")
    assert (result.verdict, result.reason, result.message) == (Verdict.TRUE, "Succeeded", "INBOX: 12 messages")


async def test_a_refusal_is_diagnosed() -> None:
    result = await run_step(Step.INCOMING_AUTHENTICATED, refuse, seconds=1, provider="")
    assert (result.verdict, result.reason, result.retry) == (Verdict.FALSE, "CredentialsInvalid", Retry.NO)
    assert not result.is_unanswered


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (hang, "ServerSilent"),
        (wait_for_greeting, "ServerSilent"),
        (dial, "ConnectionTimeout"),
        (time_out, "ConnectionTimeout"),
    ],
)
async def test_silence_at_sign_in_says_nothing_of_the_credential(probe: object, reason: str) -> None:
    result = await run_step(Step.INCOMING_AUTHENTICATED, probe, seconds=0.05, provider="")  # type: ignore[arg-type]  # two probes
    assert (result.verdict, result.reason, result.retry) == (Verdict.FALSE, reason, Retry.BACKOFF)
    assert result.is_unanswered


async def test_a_fault_of_ours_is_not_a_verdict_on_the_server() -> None:
    async def stumble() -> str:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await run_step(Step.INCOMING_REACHABLE, stumble, seconds=1, provider="")


def test_what_was_not_tried_is_unknown_and_what_is_not_needed_true() -> None:
    assert blocked(Step.FOLDERS_ACCESSIBLE).verdict is Verdict.UNKNOWN
    assert blocked(Step.FOLDERS_ACCESSIBLE).reason == "BlockedByEarlierStep"
    assert not_applicable(Step.OUTGOING_SECURED, "receives only").verdict is Verdict.TRUE
