"""The closed loop: a message sent through the mailbox's own outgoing side arrives on its incoming side and is removed."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from mailbox_operator.mail.session import TEST_SUBJECT, Found, IncomingSession, OutgoingSession
from mailbox_operator.verification.model import LoopTest, Target

HEADER: Final = "X-Mailbox-Operator-Test"
"""Fetchers pass by every message that carries it."""
TOKEN: Final = re.compile(r"[0-9a-f]{32}")
LEFT_BEHIND: Final = timedelta(minutes=10)
"""An older test message waits for nobody; a younger one may be another run's (a person's `verify` beside the operator's)."""
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 3.0


class NotReceivedError(Exception):
    """The message was sent and did not arrive."""


def render_message(address: str, *, token: str, display_name: str = "") -> EmailMessage:
    """Return the message for `token`, to its own sender."""
    message = EmailMessage()
    local, _, domain = address.rpartition("@")
    message["From"] = Address(" ".join(display_name.split()), local, domain) if display_name else address
    message["To"] = address
    message["Subject"] = f"{TEST_SUBJECT} ({token})"
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5: nobody answers it
    message[HEADER] = token
    message.set_content("mailbox-operator proves that mail leaves and enters this mailbox. It removes this message.\n")
    return message


async def prove_loop(
    incoming: IncomingSession, outgoing: OutgoingSession, *, test: LoopTest, target: Target, seconds: float
) -> str:
    """Send, wait, find, delete. A message by this token that is there already, from a run that was killed, serves as well.

    Returns a sentence. Raises MailError, and NotReceivedError after `seconds`.
    """
    address = target.address
    found = await _sweep(incoming, test.token)
    if not found:
        lost = NotReceivedError(f"not found within {seconds:g} s")
        if test.is_sent:
            raise lost
        message = render_message(address, token=test.token, display_name=target.display_name)
        await outgoing.send(message, sender=address, recipient=address)
        try:
            async with asyncio.timeout(seconds):
                found = await _arrival(incoming, test.token)
        except TimeoutError:
            raise lost from None
    await incoming.delete(found)
    misfiled = sorted({one.folder for one in found if one.folder.upper() not in {"", "INBOX"}})
    into = f" into {', '.join(misfiled)}" if misfiled else ""
    return f"A message to {address} came back{into} and was removed"


async def _sweep(incoming: IncomingSession, token: str) -> list[Found]:
    """Return the messages by `token`, and delete old ones by others, which earlier runs left behind.

    A search is only a hint: there are servers that find all messages by an empty string.
    """
    before = datetime.now(UTC) - LEFT_BEHIND
    seen = await incoming.find(HEADER, "")
    own = [one for one in seen if one.value == token]
    if old := [one for one in seen if one not in own and TOKEN.fullmatch(one.value) and one.received < before]:
        await incoming.delete(old)
    return own


async def _arrival(incoming: IncomingSession, token: str) -> list[Found]:
    pause = FIRST_PAUSE
    while True:
        if found := [one for one in await incoming.find(HEADER, token) if one.value == token]:
            return found
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
