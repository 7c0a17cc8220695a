"""Signs requests as Standard Webhooks describes.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from itertools import chain
from typing import Final

PREFIX: Final = b"whsec_"
SHORTEST: Final = 24
LONGEST: Final = 64
"""Octets of a key, as the specification has it."""
KEYS: Final = 4
"""So many may be valid at once; more than two is somebody's mistake, but no harm."""


class SigningKeyError(ValueError):
    """What a Secret holds is no signing key; the text does not repeat it."""


class Signer:
    """Signs with each of its keys: while a key is rotated, receivers of the old and of the new one are content."""

    def __init__(self, text: bytes) -> None:
        """Take keys, separated by white space, as `whsec_` and base64, or base64 alone. Raises SigningKeyError."""
        words = text.split()
        if not 1 <= len(words) <= KEYS:
            raise SigningKeyError(f"from 1 to {KEYS} keys are needed, separated by white space; there are {len(words)}")
        # A copied state spares the key's two blocks of SHA-256 at each message.
        self._states = tuple(hmac.new(_read_key(word), digestmod="sha256") for word in words)

    def render_fields(self, message_id: bytes, *, timestamp: int, body: Iterable[bytes | memoryview]) -> bytes:
        """Return the three header fields, each with its CRLF. `message_id` holds no white space and no dot."""
        states = [state.copy() for state in self._states]
        for piece in chain((b"%b.%d." % (message_id, timestamp),), body):
            for state in states:
                state.update(piece)
        signatures = b" ".join(b"v1," + b64encode(state.digest()) for state in states)
        return b"webhook-id: %b\r\nwebhook-timestamp: %d\r\nwebhook-signature: %b\r\n" % (
            message_id,
            timestamp,
            signatures,
        )


def _read_key(word: bytes) -> bytes:
    try:
        key = b64decode(word.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise SigningKeyError("a key is not base64: write whsec_ and the base64 of 24 to 64 random octets") from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise SigningKeyError(f"a key has {len(key)} octets; from {SHORTEST} to {LONGEST} are needed")
    return key
