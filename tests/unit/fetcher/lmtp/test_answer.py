"""What replies mean for a message."""

import pytest

from mailbox_operator.fetcher.lmtp.answer import judge_end
from mailbox_operator.fetcher.lmtp.dialogue import Ended, Envelope, Stage
from mailbox_operator.fetcher.lmtp.replies import Reply
from mailbox_operator.fetcher.webhook.answer import Verdict


@pytest.mark.parametrize(
    ("stage", "code", "enhanced", "verdict"),
    [
        (Stage.CONTENT, 250, "2.0.0", Verdict.DELIVERED),
        (Stage.CONTENT, 451, "4.3.0", Verdict.AGAIN),
        (Stage.CONTENT, 552, "5.2.2", Verdict.AGAIN),
        (Stage.CONTENT, 554, "5.6.0", Verdict.REFUSED),
        (Stage.CONTENT, 552, "", Verdict.REFUSED),
        (Stage.MAIL, 552, "5.3.4", Verdict.REFUSED),
        (Stage.MAIL, 530, "5.7.0", Verdict.MISCONFIGURED),
        (Stage.RCPT, 450, "4.2.1", Verdict.AGAIN),
        (Stage.RCPT, 550, "5.1.1", Verdict.MISCONFIGURED),
        (Stage.DATA, 554, "", Verdict.REFUSED),
    ],
)
def test_a_reply_is_about_the_message_the_server_or_the_address(
    stage: Stage, code: int, enhanced: str, verdict: Verdict
) -> None:
    answer = judge_end(Ended(Envelope(size=1), stage, Reply(code, enhanced, (f"{enhanced} words\x07",))))
    assert answer.verdict is verdict
    assert answer.is_busy is (stage in {Stage.MAIL, Stage.RCPT} and verdict is Verdict.AGAIN), "about no message"
    assert answer.said == ("" if verdict is Verdict.DELIVERED else answer.said)
    assert "\x07" not in answer.said
