"""When a test message is asked for. Pure."""

import hashlib
import json
from typing import Any, Final

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.verification.model import LoopTest

NOT_RECEIVED: Final = "TestMessageNotReceived"
"""The reason of a test message that was sent and has not been seen."""


def plan_test(mailbox: Mailbox, status: dict[str, Any], *, inputs: str, token: str, changed: bool) -> LoopTest | None:
    """Return the test message to send or to look for: one is sent at most once a change, or when somebody asks.

    Args:
        mailbox: it may want none.
        status: as it is.
        inputs: what verification will see beside the spec.
        token: of a reconcile on demand, or "".
        changed: whether the status speaks of something else, or a reconcile is asked for.
    """
    if not mailbox.spec.wants_test_message:
        return None
    told = next(
        (one for one in status.get("conditions") or () if one["type"] == ConditionType.TEST_MESSAGE_DELIVERED), None
    )
    if told and told["status"] == "True" and not changed:
        return None
    question = (mailbox.metadata.uid, mailbox.metadata.generation, inputs, token)
    return LoopTest(
        token=hashlib.sha256(json.dumps(question).encode()).hexdigest()[:32],
        is_sent=told is not None and told["reason"] == NOT_RECEIVED and not changed,
    )
