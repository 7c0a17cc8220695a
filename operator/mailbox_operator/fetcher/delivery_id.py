"""The id of a delivery: the same message, the same id, for ever. Pure."""

from urllib.parse import quote_from_bytes

from mailbox_operator.fetcher.ids import MessageId, UidValidity
from mailbox_operator.fetcher.message import MessageKey


class DeliveryIds:
    """Renders the ids of one mailbox's messages: `MAILBOX-UID/FOLDER/UIDVALIDITY/ID`, without a part that is not there."""

    def __init__(self, mailbox_uid: str) -> None:
        self._mailbox = mailbox_uid.encode()
        self._folders: dict[tuple[str, UidValidity | None], bytes] = {}

    def render(self, key: MessageKey) -> bytes:
        """Return the id; each part is percent-encoded, so that none holds a slash."""
        folder, uidvalidity, message_id = key
        prefix = self._folders.get(key[:2])
        if prefix is None:
            prefix = b"%b/%b/" % (self._mailbox, encode_part(folder))
            if uidvalidity is not None:
                prefix += b"%d/" % uidvalidity
            self._folders[key[:2]] = prefix
        return prefix + encode_id(message_id)


def encode_part(text: str) -> bytes:
    """Write one part of an id."""
    return quote_from_bytes(text.encode(), safe="").encode()


def encode_id(message_id: MessageId) -> bytes:
    """Write a message's id as the last part."""
    return b"%d" % message_id if isinstance(message_id, int) else encode_part(message_id)
