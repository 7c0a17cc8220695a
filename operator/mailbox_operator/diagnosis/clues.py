"""Evidence made ready for the rules: words out of wrapping, codes whole, and whose rules apply."""

import re
from typing import Final

from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.providers import family_of
from mailbox_operator.diagnosis.structure import (
    APIS,
    FAILED_ON,
    SERVERS,
    TRANSPORT,
    evidence_of_text,
    from_reply,
)
from mailbox_operator.diagnosis.words import SEEN, normalise
from mailbox_operator.values import dataclass

STATUS_FIRST: Final = {
    "imap": re.compile(r"^(?:[*+] |[A-Za-z0-9.]{1,12} )?(?:NO|BAD|BYE)\b:? ?"),
    "pop3": re.compile(r"^\W{0,3}-ERR\b:? ?"),
}
VENDOR: Final = re.compile(r"\b[A-Za-z][A-Za-z0-9_]{3,60}\b")
"""What could be a code."""
WRAPPERS: Final = frozenset({"AADSTS70002", "AADSTS50001"})
"""Codes that Entra puts before the one that tells."""
OCTETS: Final = re.compile(r"""(?<![\w\\])b(['"])(.{2,2000}?)(?<!\\)\1(?=[\])},. ]|$)""")
ANSWERED: Final = re.compile(
    r"\b(?:die serverantwort war|la réponse du serveur était|la respuesta del servidor fue|a resposta do servidor foi|risposta del server|ответ сервера|服务器响应为|サーバーの応答|서버 응답|server (?:response was|responded(?: with)?|replied(?: with)?|said|says|answered|returned)) ?[:'>]+ ?(?!OK\b)(\S.{3,})$",
    re.IGNORECASE,
)
"""How a library introduces what the server said."""
TELLING: Final = re.compile(r"(?!ERR\b|BAD\b|BYE\b)[^\W\d_]{2,}.*[^\W\d_]{2,}")
"""More than a status."""
COMMAND_FAILED: Final = re.compile(
    r"\b(?:MAIL FROM|RCPT TO|DATA(?: END)?|EHLO|HELO|AUTH(?: \w+)?) command failed\b[:, ]{1,3}(?:Detail: )?(?=\S{4})"
)
"""How PHPMailer does."""
NOISE: Final = re.compile(
    r"\bat (?:async |new )?[\w$.<>/\\\[\] -]{1,160} ?\((?:[^()\s]{1,200}:\d+(?::\d+)?|<anonymous>|native|Native Method|Unknown Source)\)"
    r"|\bFile \"[^\"]{1,200}\", line \d+(?:, in \S+)?|#\d+ /\S+\(\d+\):?|\btime-?out ?[=:] ?-?\d+\b",
    re.IGNORECASE,
)
"""Where in a program something happened, and for how long it would have waited: neither tells what happened."""
LOGIN_FAILED_FOR: Final = re.compile(
    r"\bLogin failed for \S{1,80}(?: against\.? \S{0,80}| from \S{1,80}){1,3} ?\.? (?=\S{3})"
)
"""How Roundcube puts whatever went wrong before it was signed in."""
BEARER: Final = "TOKEN"
"""Stands among the commands where a token was shown."""
SHOWN_TOKEN: Final = re.compile(r"\bAUTH(?:ENTICATE)?[ =]['\"]?(?:XOAUTH2?|OAUTHBEARER)\b", re.IGNORECASE)

STEPS: Final = (
    ("Authenticated", "AUTHENTICATE"),
    ("Secured", "TLS"),
    ("Reachable", "CONNECT"),
    ("FoldersAccessible", "SELECT"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """What rules look at."""

    areas: frozenset[str]
    words: str
    """In one line; where a reply is quoted, from the reply on."""
    text: str
    """In one line, all of it."""
    commands: frozenset[str]
    """What was asked last; also `""` where only the step tells it, and `TOKEN` where a token was shown."""
    statuses: frozenset[str]
    """`535` and its class `5XX`; `""` where none is known."""
    codes: frozenset[str]
    """Enhanced codes, also as `X.7.8`, and response codes, in upper case."""
    vendor_codes: frozenset[str]
    """In upper case."""
    tls_verify_code: int
    provider: str


def clues_of(evidence: Evidence) -> Clues:
    """Return what the evidence tells, its bare text taken apart where structure is missing."""
    shown = {BEARER} if SHOWN_TOKEN.search(f"{evidence.command} {evidence.text[:SEEN]}") else set()
    evidence = evidence_of_text(evidence)
    text = normalise(evidence.text)
    words = _servers_words(text, evidence)
    provider = family_of(evidence.provider, text=text)
    named = " ".join(f"{name}: {value}" for name, value in evidence.headers if name != "retry-after")
    words = " ".join(part for part in (words, named) if part)
    return Clues(
        areas=_areas(evidence),
        words=words,
        text=text,
        commands=_commands(evidence) | shown,
        statuses=frozenset(
            {evidence.status, f"{evidence.status[:1]}XX"} if evidence.status[:3].isdigit() else {evidence.status}
        ),
        codes=frozenset(code for code in _codes(evidence) if code),
        vendor_codes=_vendor_codes(evidence, words),
        tls_verify_code=evidence.tls_verify_code,
        provider=provider,
    )


def _commands(evidence: Evidence) -> frozenset[str]:
    """Return what was asked last; where only the step tells, it may have been something else."""
    if evidence.command:
        return frozenset({evidence.command})
    return frozenset({""} | {command for step, command in STEPS if step and evidence.step.endswith(step)})


def _areas(evidence: Evidence) -> frozenset[str]:
    """Return whose rules apply: those of the network last and only where no server has spoken."""
    area = evidence.area
    if area in TRANSPORT:
        return TRANSPORT
    if not area:
        return SERVERS | {"oauth"} | TRANSPORT
    if area in APIS:
        return frozenset({area, "oauth"}) | TRANSPORT
    if area in SERVERS:
        spoken = evidence.status or evidence.response_code
        return frozenset({area, "starttls"}) if spoken else frozenset({area, "oauth"}) | TRANSPORT
    return frozenset({area}) | (frozenset() if area in {"policy", "loop"} else TRANSPORT)


def _servers_words(text: str, evidence: Evidence) -> str:
    """Return what the server said, without the exception's name or the sentence that a library puts around it."""
    text = NOISE.sub(" ", text)
    text = LOGIN_FAILED_FOR.sub("", COMMAND_FAILED.sub("", FAILED_ON.sub("", text)))
    if (answered := ANSWERED.search(text)) and TELLING.search(answered[1]):
        text = answered[1]
    if (quoted := OCTETS.search(text)) and " " in quoted[2]:
        text = quoted[2] if evidence.area not in {"smtp", "lmtp"} else f"{evidence.status} {quoted[2]}".strip()
    if evidence.area in {"smtp", "lmtp"}:
        return from_reply(text, evidence.status)
    return STATUS_FIRST[evidence.area].sub("", text) if evidence.area in STATUS_FIRST else text


def _codes(evidence: Evidence) -> list[str]:
    enhanced = evidence.enhanced_code
    return [enhanced, f"X{enhanced[1:]}" if enhanced else "", evidence.response_code.upper().partition(" ")[0]]


def _vendor_codes(evidence: Evidence, words: str) -> frozenset[str]:
    """Return the vendor's codes: that of the evidence, else whatever in the words could be one."""
    if evidence.vendor_code:
        own = evidence.vendor_code.upper()
        found = {own, f"AADSTS{own}"} if own.isdigit() else {own}
    elif evidence.area in {*SERVERS, "policy", "loop", "maildir", "webhook", "lmtp"} and evidence.status:
        return frozenset()
    else:
        found = set()
    found |= {code.upper() for code in VENDOR.findall(words)}
    telling = found - WRAPPERS
    return frozenset(telling if any(code.startswith("AADSTS") for code in telling) else found)
