"""Which messages are handed over: `fetch.filter`, judged here whatever the server searched for. Pure."""

from typing import Final

from mailbox_operator.fetcher.headers import field_values, read_sender
from mailbox_operator.fetcher.plan import Fetch

COMPARED: Final = 65_536
"""Octets of a header field, encoded; a longer one has no value that a plan could name."""


class Filter:
    """All of it must hold."""

    def __init__(self, fetch: Fetch) -> None:
        self._unseen_only = fetch.unseen_only
        self._headers = [(one.name.lower().encode("ascii", "replace"), one.value) for one in fetch.headers]
        self._senders = {sender.casefold() for sender in fetch.senders}
        self.lets_all_pass = not (fetch.unseen_only or fetch.headers or fetch.senders)

    def passes(self, octets: bytes | memoryview, *, seen: bool) -> bool:
        """Judge a message by its start and by whether it is marked as seen."""
        if self._unseen_only and seen:
            return False
        if self._senders and read_sender(octets).decode("utf-8", "replace").casefold() not in self._senders:
            return False
        return all(_carries(octets, name, value) for name, value in self._headers)


def _carries(octets: bytes | memoryview, name: bytes, wanted: str | None) -> bool:
    values = field_values(octets, name)
    return bool(values) if wanted is None else any(_is(value, wanted) for value in values)


def _is(value: bytes, wanted: str) -> bool:
    """Whether a field's value is the wanted one, as it stands or as people read it."""
    if len(value) > COMPARED:
        return False
    text = value.decode("utf-8") if _is_utf8(value) else value.decode("latin-1")
    if text == wanted or "=?" not in text:
        return text == wanted
    from mailbox_operator.fetcher.webhook.encoded_words import decode_field  # noqa: PLC0415 - few filters need it

    return decode_field(text) == wanted


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
