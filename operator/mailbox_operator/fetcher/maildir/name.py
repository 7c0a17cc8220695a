"""Names of a Maildir's files: the same message, the same name, so that a repeat is seen. Pure."""

from hashlib import blake2b
from typing import Final

MAILBOX_OCTETS: Final = 4
MESSAGE_OCTETS: Final = 12


def mark_of(mailbox_uid: str) -> str:
    """Return what the middle part of each name of a mailbox begins with."""
    return f"Q{blake2b(mailbox_uid.encode(), digest_size=MAILBOX_OCTETS).hexdigest()}P"


def middle_of(mark: str, delivery_id: bytes) -> str:
    """Return the middle part of a name: which message of which mailbox it is."""
    return mark + blake2b(delivery_id, digest_size=MESSAGE_OCTETS).hexdigest()


def render_name(middle: str, *, seconds: int, size: int, wire_size: int) -> str:
    """Return a file's name, without flags.

    Readers sort by its beginning, when the message arrived (seconds since the epoch). `size` and `wire_size` (with CRLF),
    in octets, spare Dovecot a look into the file (https://doc.dovecot.org/admin_manual/mailbox_formats/maildir/).
    """
    return f"{seconds}.{middle}.mailbox-operator,S={size},W={wire_size}"
