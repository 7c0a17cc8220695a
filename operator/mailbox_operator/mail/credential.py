"""A credential on its way to a server: fit to be sent at all, and masked in whatever the server says of it."""

import re
from base64 import b64decode, b64encode
from contextlib import suppress
from enum import StrEnum
from typing import Final

from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.secret import Secret
from mailbox_operator.values import dataclass

MASK: Final = "***"
SHORT: Final = 4
"""Characters; a shorter value is masked only where it stands alone, else the mask would tell it."""
PIECE: Final = 12
"""Characters of a long secret that are masked where they stand by themselves."""
RUN: Final = re.compile(r"\S{12,}")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Unicode's control characters (category Cc)."""


class CredentialKind(StrEnum):
    """What a credential's secret is."""

    PASSWORD = "password"  # noqa: S105 - its name
    TOKEN = "token"  # noqa: S105 - its name
    """An OAuth access token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Who signs in, with what, and how."""

    username: str
    secret: Secret
    kind: CredentialKind = CredentialKind.PASSWORD
    mechanism: str | None = None
    """As in the API (`Plain`, `Login`, `CRAMMD5`, …); None: what server and credential allow."""


def require_sendable(credential: Credential) -> None:
    """Raise MailError where a control character makes a credential no credential: most often a line break at the end."""
    for name, value in (("user name", credential.username), (str(credential.kind), credential.secret.reveal())):
        if value.endswith(("\n", "\r")):
            raise MailError(f"malformed credential: the {name} ends in a line break", area=Area.POLICY)
        if CONTROL.search(value):
            raise MailError(f"malformed credential: the {name} holds a control character", area=Area.POLICY)
    if not credential.secret:
        raise MailError(f"malformed credential: the {credential.kind} is empty", area=Area.POLICY)


def plain_response(username: str, password: Secret) -> bytes:
    """Return the message of SASL PLAIN (RFC 4616): no authorization identity, then both in UTF-8."""
    return f"\0{username}\0{password.reveal()}".encode()


def masked(error: MailError, credential: Credential) -> MailError:
    """Return the same evidence without the secret, as it is or in base64, whole or in part: there are servers that echo it."""
    return error.with_text(mask(error.text, credential))


def mask(text: str, credential: Credential) -> str:
    """Return `text` without the secret of `credential`."""
    secret = credential.secret.reveal()
    whole = b64encode(plain_response(credential.username, credential.secret)).decode()
    for value in (whole, b64encode(secret.encode()).decode(), secret):
        pattern = re.escape(value) if len(value) >= SHORT else rf"(?<!\w){re.escape(value)}(?!\w)"
        text = re.sub(pattern, MASK, text)
    if len(secret) < PIECE:
        return text
    return RUN.sub(lambda run: MASK if _tells(run[0], secret) else run[0], text)


def _tells(run: str, secret: str) -> bool:
    """Whether a word holds a piece of the secret; a message of SASL in base64 does, and so does what was cut off."""
    encoded = run[: len(run) // 4 * 4]
    with suppress(ValueError):
        run += b64decode(encoded, validate=True).decode("utf-8", "replace")
    return any(run[start : start + PIECE] in secret for start in range(len(run) - PIECE + 1))
