"""One message as a CloudEvent 1.0 in structured mode: a JSON document, for applications that do not parse mail.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from mailbox_operator.fetcher.message import Message
from mailbox_operator.fetcher.plan import Identity
from mailbox_operator.fetcher.webhook.cloud_event import EVENT_TYPE, rfc3339_of_date
from mailbox_operator.fetcher.webhook.parsed_message import parse_message

CONTENT_TYPE: Final = b"application/cloudevents+json; charset=utf-8"


def render_event(
    message: Message, *, mailbox: Identity, delivery_id: bytes, sender: bytes, pieces: Iterable[bytes]
) -> bytes:
    """Return the document; the message's octets come in `pieces`."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "type": EVENT_TYPE,
        "source": f"/namespaces/{mailbox.namespace}/mailboxes/{mailbox.name}",
        "id": delivery_id.decode(),
        "subject": message.folder,
        "mailbox": mailbox.address,
        "size": message.size,
        "datacontenttype": "application/json",
    }
    if time := rfc3339_of_date(message.internaldate):
        event["time"] = time.decode()
    if message.message_id:
        event["messageid"] = message.message_id.decode("utf-8", "replace")
    if sender:
        event["from"] = sender.decode("utf-8", "replace")
    if message.header_only:
        event["headeronly"] = True
    if message.may_repeat:
        event["mayrepeat"] = True
    event["data"] = parse_message(pieces, size=message.size)
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
