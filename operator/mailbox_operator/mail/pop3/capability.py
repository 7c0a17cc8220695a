"""What a POP3 server says it can do (RFC 2449)."""

from collections.abc import Iterable

from mailbox_operator.mail.errors import MailError
from mailbox_operator.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The answer to CAPA."""

    known: bool = False
    """False: the server does not know CAPA, and what it can do is found out by trying."""
    stls: bool = False
    uidl: bool = False
    top: bool = False
    pipelining: bool = False
    user: bool = False
    """USER and PASS are taken."""
    utf8: bool = False
    """UTF-8 is spoken where it is asked for (RFC 6856)."""
    sasl: frozenset[str] = frozenset()
    """Mechanisms of AUTH (RFC 5034), in upper case."""
    login_delay: int = 0
    """Seconds that must pass from one login to the next."""
    removes_what_was_read: bool = False
    """EXPIRE 0: no mail can be left on this server."""


UNKNOWN = Capabilities()
"""Of a server that does not answer CAPA."""


def parse_capabilities(lines: Iterable[bytes]) -> Capabilities:
    """Return what the lines of an answer to CAPA mean; what is not understood is passed over (RFC 2449 section 5)."""
    said: dict[str, list[str]] = {}
    for line in lines:
        if words := line.decode("ascii", "replace").upper().split():
            said[words[0]] = words[1:]
    return Capabilities(
        known=True,
        stls="STLS" in said,
        uidl="UIDL" in said,
        top="TOP" in said,
        pipelining="PIPELINING" in said,
        user="USER" in said,
        utf8="UTF8" in said,
        sasl=frozenset(said.get("SASL", ())),
        login_delay=_number(said.get("LOGIN-DELAY", ())),
        removes_what_was_read=said.get("EXPIRE", [])[:1] == ["0"],
    )


def note_delay(error: MailError, offered: Capabilities) -> None:
    """Note in a refusal that came too soon how long the server wants one to wait (RFC 2449 section 8.1.1)."""
    if error.response_code == "LOGIN-DELAY" and offered.login_delay:
        error.headers = (("retry-after", str(offered.login_delay)),)


def _number(words: Iterable[str]) -> int:
    """Return the first word as a number of up to seven digits, or 0."""
    word = next(iter(words), "")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 8 else 0  # noqa: PLR2004 - 115 days
