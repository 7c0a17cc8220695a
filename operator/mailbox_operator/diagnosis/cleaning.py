"""A server's words made fit to be shown: one line, bounded, without control characters and without anything like a credential."""

import re
from typing import Final

LIMIT: Final = 400
"""Characters; leaves room for cause and remedy in a condition's message."""
SEEN: Final = 4096
"""Characters that are looked at at all."""

CONTROL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]+"  # the directions too
)
REPR: Final = re.compile(r"""^b(['"])(.*)\1$""", re.DOTALL)
ESCAPED: Final = re.compile(r"\\[rnt]|\\x[0-9a-f]{2}")
CREDENTIAL: Final = re.compile(
    r"(?i)\b(pass(?:word|wd|phrase)?|secret|token|authorization|bearer)([=:]\s*|\s+(?=[a-z0-9+/_.-]{20}))(?:bearer\s+|basic\s+)?\S+"
    r"|\beyJ[A-Za-z0-9_-]{8,}[A-Za-z0-9_.-]*"  # a JSON Web Token
    r"|[A-Za-z0-9+/_-]{40,}={0,2}"  # base64 of that length is nothing to read
)
VOLATILE: Final = re.compile(
    r" ?\[[\w.-]+:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]"  # Dovecot's host and time at the end of an internal error
    r"| ?\(\d+\.\d+ \+ \d+\.\d+(?: \+ \d+\.\d+)? secs\)"  # Dovecot's time to answer a command
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
)
"""What differs each time the same is said: a condition's message would never come to rest."""
PATH: Final = re.compile(r"/?(?:[a-z0-9_-]+/)*[a-z0-9_-]+")
"""What base64 of forty octets cannot look like: a file's name, a host's, or words held together by hyphens."""


def clean(text: str) -> str:
    """Return `text` in one line of at most `LIMIT` characters."""
    text = text[:SEEN].strip()
    if wrapped := REPR.match(text):
        text = ESCAPED.sub(" ", wrapped[2])
    text = " ".join(CONTROL.sub(" ", text).split())
    text = VOLATILE.sub("", text)
    text = CREDENTIAL.sub(_mask, text)
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"


def _mask(found: re.Match[str]) -> str:
    if found[1]:
        return f"{found[1]}=***"
    return found[0] if PATH.fullmatch(found[0]) else "***"
