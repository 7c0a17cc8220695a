"""Which messages are handed over: `fetch.filter`, judged here whatever the server searched for. Pure."""

from mailbox_operator.fetcher.headers import field_values, read_sender
from mailbox_operator.fetcher.plan import Fetch


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
    return bool(values) if wanted is None else any(_decoded(value) == wanted for value in values)


def _decoded(value: bytes) -> str:
    text = value.decode("utf-8") if _is_utf8(value) else value.decode("latin-1")
    if "=?" not in text:
        return text
    from email.errors import HeaderParseError  # noqa: PLC0415 - a megabyte that few filters need
    from email.header import decode_header, make_header  # noqa: PLC0415

    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
