"""What an LMTP server's reply to one message means. Pure."""

from typing import Final

from mailbox_operator.diagnosis.cleaning import clean
from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.fetcher.lmtp.dialogue import Ended, Stage
from mailbox_operator.fetcher.lmtp.replies import Reply
from mailbox_operator.fetcher.webhook.answer import DELIVERED, Answer, Verdict

PERMANENT: Final = 500
SUCCESS: Final = range(200, 300)
TOO_LARGE: Final = frozenset({"5.2.3", "5.3.4"})
"""RFC 3463: the message is larger than the mailbox or the system takes."""
FULL: Final = frozenset({"5.2.2"})
"""Some servers call a full mailbox permanent; it is not."""
SIZE_EXCEEDED: Final = 552
"""RFC 1870 section 6.1; without an enhanced code."""
ENVELOPE: Final = frozenset({Stage.MAIL, Stage.RCPT})
"""What is said to it, which is the same for each message, is said to none of them."""


def judge_end(ended: Ended) -> Answer:
    """Judge a message's end."""
    reply, stage = ended.reply, ended.stage
    if reply.code in SUCCESS and stage is Stage.CONTENT:
        return DELIVERED
    evidence = Evidence(
        text=reply.text, area="lmtp", command=stage.value, status=str(reply.code), enhanced_code=reply.enhanced
    )
    verdict = _verdict(reply, stage)
    is_busy = verdict is Verdict.AGAIN and stage in ENVELOPE
    return Answer(verdict=verdict, said=said_of(reply, stage), is_busy=is_busy, evidence=evidence)


def said_of(reply: Reply, stage: Stage | None) -> str:
    """Return the sentence for status."""
    asked = f" to {stage.value}" if stage else ""
    return f"The LMTP server answered{asked}: {clean(reply.text)}"


def _verdict(reply: Reply, stage: Stage) -> Verdict:
    if reply.code < PERMANENT or reply.enhanced in FULL:
        return Verdict.AGAIN
    if reply.enhanced in TOO_LARGE or (reply.code == SIZE_EXCEEDED and not reply.enhanced):
        return Verdict.REFUSED
    return Verdict.MISCONFIGURED if stage in ENVELOPE else Verdict.REFUSED  # skipping one message would not help
