"""Mailboxes for the tests of pure parts."""

from typing import Any

from mailbox_operator.api.mailbox import Mailbox
from support.manifests import mailbox as manifest


def mailbox(**spec: Any) -> Mailbox:
    """Return a good Mailbox, as the API server would give it, with `spec` merged in."""
    found = manifest("support", address="support@example.com", host="imap.example.com", **spec)
    found["metadata"] |= {"namespace": "helpdesk", "uid": "u-1", "generation": 1, "resourceVersion": "7"}
    return Mailbox.model_validate(found)
