"""A server's words made fit to be shown: one line, bounded, without control characters and without anything like a credential."""

import re
from typing import Final

LIMIT: Final = 400
"""Characters; leaves room for cause and remedy in a condition's message."""

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
REPR: Final = re.compile(r"""^b(['"])(.*)\1$""", re.DOTALL)
CREDENTIAL: Final = re.compile(
    r"(?i)\b(pass(?:word|wd)?|secret|token|authorization|bearer|auth)([=:]\s*|\s+(?=[A-Za-z0-9+/_-]{20}))\S+"
    r"|\beyJ[A-Za-z0-9_-]{8,}[A-Za-z0-9_.-]*"  # a JSON Web Token
    r"|\b[A-Za-z0-9+/_-]{40,}={0,2}"  # base64 of that length is nothing to read
)


def clean(text: str) -> str:
    """Return `text` in one line of at most `LIMIT` characters."""
    if wrapped := REPR.match(text.strip()):
        text = wrapped[2]
    text = CONTROL.sub(" ", text)
    text = CREDENTIAL.sub(lambda found: f"{found[1]}=***" if found[1] else "***", text)
    text = " ".join(text.split())
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"
