"""What of a filter a server can search for: never less than the filter lets pass, which is judged again here. Pure."""

from collections.abc import Sequence
from functools import reduce

from mailbox_operator.fetcher.imap.data import render_date
from mailbox_operator.fetcher.plan import Fetch


def render_criteria(fetch: Fetch) -> bytes:
    """Return SEARCH criteria (RFC 9051 section 6.4.4) for what passes the filter; b"": all that there is.

    SEARCH finds a part of a header's text, whatever its case, so it finds no less than the filter does. What is not
    ASCII would need a charset that the server may not know, and is left to the filter.
    """
    parts = [b"UNSEEN"] if fetch.unseen_only else []
    parts += [
        b"HEADER %b %b" % (_quoted(one.name), _quoted(one.value or ""))
        for one in fetch.headers
        if _can_be_said(one.name) and _can_be_said(one.value or "")
    ]
    if fetch.senders and all(map(_can_be_said, fetch.senders)):
        parts.append(_any_of([b"FROM %b" % _quoted(sender) for sender in fetch.senders]))
    return b" ".join(parts)


def render_since(seconds: float) -> bytes:
    """Return the criterion for messages that arrived on or after the UTC day of `seconds`, and a day of margin.

    Servers compare days of their own time zone (RFC 9051 section 6.4.4: "disregarding time and timezone").
    """
    return b"SINCE " + render_date(seconds - 86_400)


def _any_of(keys: Sequence[bytes]) -> bytes:
    return reduce(lambda rest, key: b"OR %b %b" % (key, rest), keys)


def _can_be_said(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _quoted(text: str) -> bytes:
    return b'"%b"' % text.replace("\\", "\\\\").replace('"', '\\"').encode("ascii")
