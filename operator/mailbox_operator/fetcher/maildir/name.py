"""Names of a Maildir's files: the same message, the same name, so that a repeat is seen. Pure."""

from hashlib import blake2b
from typing import Final

from mailbox_operator.fetcher.ids import UidValidity
from mailbox_operator.fetcher.message import MessageKey

MAILBOX_OCTETS: Final = 4
FOLDER_OCTETS: Final = 8
MESSAGE_OCTETS: Final = 12


class Names:
    """The middle parts of the names of one mailbox's messages: mailbox, folder with its UIDVALIDITY, id."""

    def __init__(self, mailbox_uid: str) -> None:
        self.mark = f"Q{_hash(mailbox_uid, octets=MAILBOX_OCTETS)}P"
        """What each of them begins with."""
        self._folders = dict[tuple[str, UidValidity | None], str]()

    def middle(self, key: MessageKey) -> str:
        """Return the middle part of a name: which message of which folder it is."""
        folder, uidvalidity, one = key
        prefix = self._folders.get((folder, uidvalidity))
        if prefix is None:
            hashed = _hash(f"{uidvalidity}/{folder}", octets=FOLDER_OCTETS)
            prefix = self._folders[folder, uidvalidity] = f"{self.mark}{hashed}"
        return f"{prefix}U{one}" if isinstance(one, int) else f"{prefix}I{_hash(one, octets=MESSAGE_OCTETS)}"


def _hash(text: str, *, octets: int) -> str:
    return blake2b(text.encode(), digest_size=octets).hexdigest()


def render_name(middle: str, *, seconds: int, size: int, wire_size: int) -> str:
    """Return a file's name, without flags.

    Readers sort by its beginning, when the message arrived (seconds since the epoch). `size` and `wire_size` (with CRLF),
    in octets, spare Dovecot a look into the file (https://doc.dovecot.org/admin_manual/mailbox_formats/maildir/).
    """
    return f"{seconds}.{middle}.mailbox-operator,S={size},W={wire_size}"
