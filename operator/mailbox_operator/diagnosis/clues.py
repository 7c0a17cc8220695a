"""Evidence made ready for the rules: structure out of bare text, words out of wrapping, codes whole."""

import re
from dataclasses import dataclass, replace
from typing import Final

from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.providers import family_of
from mailbox_operator.diagnosis.words import normalise

TRANSPORT: Final = frozenset({"dns", "tcp", "tls", "starttls"})
"""Areas whose faults say nothing of a credential."""
SERVERS: Final = frozenset({"imap", "pop3", "smtp"})
APIS: Final = frozenset({"oauth", "ews", "graph", "gmail-api"})

SMTP_STATUS: Final = r"(?:421|43[1-5]|44[1-79]|45[0-58]|471|50[0-5]|51[0-5]|52[1-5]|53[0-58]|54[12]|55[0-7]|571)"  # no port, no HTTP status
REPLY: Final = re.compile(
    rf"(?:^\W{{0,6}}|[\[(:'\"|>,-]\W{{0,4}}|\b(?:code|error|errno|status|reply|smtp|server|said|got|with|returned|response|failed|msg|rcpt to)"
    rf"\b\W{{0,4}})(?<![\d.])({SMTP_STATUS})(?=[ \-,:)'\"|;\]]|$)(?!\.\d)",
    re.IGNORECASE,
)
HTTP: Final = re.compile(
    r"(?:\bHTTP(?:/\d\.?\d?)?(?: error| status| code)?|status ?code|\bCode|\bstatus|error|^|\()\W{0,3}([345]\d\d)(?=\W|$)",
    re.IGNORECASE,
)
IMAP_STATUS: Final = re.compile(
    r"""(?:^(?:\* |\S{1,12} )?|['"\[(, :]|but ['"])(NO|BAD|BYE)(?=[ '"\],:(\[]|$)|type: '(no|bad)'|\b(No|Bad|Bye)\("""
)
STATUS_FIRST: Final = {
    "imap": re.compile(r"^(?:[*+] |[A-Za-z0-9.]{1,12} )?(?:NO|BAD|BYE)\b:? ?"),
    "pop3": re.compile(r"^\W{0,3}-ERR\b:? ?"),
}
OAUTH_MARK: Final = re.compile(
    r"\bAADSTS\d|\binvalid_(?:grant|client|scope)\b|\bunauthorized_client\b|\bunsupported_grant_type\b|\bMsal[A-Z]\w+"
)
API_MARKS: Final = (
    ("ews", re.compile(r"exchangelib|\bEWS\b|Exchange\.asmx|ServiceRequestException|ServiceResponseException")),
    ("graph", re.compile(r"graph\.microsoft|\bGraph\b|ODataError|MailboxNot\w+RESTAPI")),
    (
        "gmail-api",
        re.compile(
            r"gmail\.googleapis|googleapiclient|Google\.Apis|GoogleApiException|GaxiosError|failedPrecondition|\bHttpError\b|Gmail API|GoogleJsonResponse"
        ),
    ),
)
HTTP_MARK: Final = re.compile(r"\bHTTP\b|status ?code|https?://\S+ |\burl\b", re.IGNORECASE)
POP3_STATUS: Final = re.compile(r"-ERR\b")
RESPONSE_CODES: Final = frozenset(
    [
        "ALREADYEXISTS",
        "AUTH",
        "AUTHENTICATIONFAILED",
        "AUTHORIZATIONFAILED",
        "BADCHARSET",
        "BADCOMPARATOR",
        "CANNOT",
        "CLIENTBUG",
        "CONTACTADMIN",
        "CORRUPTION",
        "EXPIRED",
        "EXPUNGEISSUED",
        "IN-USE",
        "INUSE",
        "LIMIT",
        "LOGIN-DELAY",
        "NONEXISTENT",
        "NOPERM",
        "OVERQUOTA",
        "PARSE",
        "PRIVACYREQUIRED",
        "READ-ONLY",
        "SERVERBUG",
        "SYS/PERM",
        "SYS/TEMP",
        "THROTTLED",
        "TOOBIG",
        "TRYCREATE",
        "UNAVAILABLE",
        "UNKNOWN-CTE",
        "WEBALERT",
    ]
)
RESPONSE_CODE: Final = re.compile(
    r"\[([A-Z][A-Z/-]{2,24})(?: [^\]]{0,200})?\]|(?:textCode|ResponseCode|code)\W{1,6}([A-Z][A-Z-]{4,24})\b"
)
ENHANCED: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
VENDOR: Final = re.compile(r"\b[A-Za-z][A-Za-z0-9_]{3,60}\b")
"""What could be a code."""
WRAPPERS: Final = frozenset({"AADSTS70002", "AADSTS50001"})
"""Codes that Entra puts before the one that tells."""
OCTETS: Final = re.compile(r"""(?<![\w\\])b(['"])(.{2,2000}?)(?<!\\)\1(?=[\])},. ]|$)""")
ANSWERED: Final = re.compile(
    r"\bserver (?:response was|responded(?: with)?|replied(?: with)?|said|says|answered|returned) ?[:'>]+ ?(\S.{3,})$",
    re.IGNORECASE,
)
"""How a library introduces what the server said."""
FAILED_ON: Final = re.compile(r"\bcommand: ([A-Z]+)( [A-Z]+)? => ")
"""How imaplib2 introduces what came of a command."""
COMMAND_FAILED: Final = re.compile(
    r"\b(?:MAIL FROM|RCPT TO|DATA(?: END)?|EHLO|HELO|AUTH(?: \w+)?) command failed\b[:, ]{1,3}(?:Detail: )?(?=\S{4})"
)
"""How PHPMailer does."""
BEFORE_REPLY: Final = 400
SHORT: Final = 12
"""What follows a status that a library puts after the server's words."""

COMMANDS: Final = {
    "AUTH": "AUTHENTICATE",
    "LOGIN": "AUTHENTICATE",
    "LOGON": "AUTHENTICATE",
    "PASS": "AUTHENTICATE",
    "USER": "AUTHENTICATE",
    "APOP": "AUTHENTICATE",
    "EXAMINE": "SELECT",
    "STATUS": "SELECT",
    "SELECTFOLDER": "SELECT",
    "STLS": "STARTTLS",
    "HANDSHAKE": "TLS",
    "BANNER": "GREETING",
    "HELO": "EHLO",
    "RETR": "FETCH",
    "TOP": "FETCH",
    "UIDL": "FETCH",
    "LIST": "LIST",
    "RESOLVE": "CONNECT",
}
STEPS: Final = (
    ("Authenticated", "AUTHENTICATE"),
    ("Secured", "TLS"),
    ("Reachable", "CONNECT"),
    ("FoldersAccessible", "SELECT"),
)
SIGNING_IN: Final = (
    r"SMTPAuthentication|EAUTH\b|command: ?'?AUTH|MailboxLoginError|LoginError|Invalid login:|AuthenticationException|AuthenticationFailed"
    r"|source: 'authentication'|'(AUTHENTICATE|LOGIN)' command|AUTH LOGIN failed|\bPASS\b.{0,8}-ERR"
)
ASKED: Final = (
    ("AUTHENTICATE", SIGNING_IN),
    ("SELECT", r"\b(select|examine) failed\b|\b(EXAMINE|SELECT) (command )?(error|failed)|'(SELECT|EXAMINE)' command"),
    (
        "RCPT",
        r"SMTPRecipientsRefused|SMTPAddressFailed|recipients? (were )?(refused|failed)|recipient failed|'?RCPT TO\b|All recipients were rejected",
    ),
    ("MAIL", r"SMTPSenderRefused|SMTPSenderFailed|'?MAIL FROM\b"),
    ("DATA", r"SMTPDataError|end of DATA|command: ?'?DATA|DATA END"),
    ("GREETING", r"SMTPConnectError|greeting|refused to talk to me"),
    ("STARTTLS", r"STARTTLS command failed|command: ?'?STARTTLS"),
)
"""What an exception's name and a library's sentence tell of the command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """What rules look at."""

    areas: frozenset[str]
    words: str
    """In one line; where a reply is quoted, from the reply on."""
    text: str
    """In one line, all of it."""
    commands: frozenset[str]
    """What was asked last; also `""` where only the step tells it."""
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
        commands=_commands(evidence),
        statuses=frozenset(
            {evidence.status, f"{evidence.status[:1]}XX"} if evidence.status[:3].isdigit() else {evidence.status}
        ),
        codes=frozenset(code for code in _codes(evidence) if code),
        vendor_codes=_vendor_codes(evidence, words),
        tls_verify_code=evidence.tls_verify_code,
        provider=provider,
    )


def evidence_of_text(evidence: Evidence) -> Evidence:
    """Return the evidence with what its text tells filled in where it says nothing itself: status, codes, command, area."""
    text = normalise(evidence.text)
    area = evidence.area or _area_of_protocol(evidence.protocol)
    status = evidence.status or _status(text, area)
    area = area or _area_of_status(status, text)
    words = _inner(text, status)
    return replace(
        evidence,
        area=area,
        status=status,
        command=_command(evidence, text),
        enhanced_code=evidence.enhanced_code or _enhanced(words, status, area),
        response_code=evidence.response_code or _response_code(text),
    )


def _area_of_protocol(protocol: str) -> str:
    plain = protocol.lower()
    return {"gmail": "gmail-api", "oauth2": "oauth", "http": "", "submission": "smtp"}.get(plain, plain)


def _status(text: str, area: str) -> str:
    """Return the first status that is quoted."""
    if area in TRANSPORT - {"starttls"}:
        return ""
    if area in {"imap", "pop3", "starttls", ""}:
        if area != "imap" and POP3_STATUS.search(text):
            return "-ERR"
        if area != "pop3" and (found := IMAP_STATUS.search(text)):
            return next(word for word in found.groups() if word).upper()
        if area in {"imap", "pop3"}:
            return ""
    if area in {"smtp", "lmtp", "starttls", ""}:
        found = REPLY.search(text)
        return found[1] if found else ""
    found = HTTP.search(text)
    return found[1] if found else ""


def _area_of_status(status: str, text: str) -> str:
    """Return whose words these are, by the form of the status and the names in the text."""
    if status in {"NO", "BAD", "BYE"}:
        return "imap"
    if status == "-ERR":
        return "pop3"
    if OAUTH_MARK.search(text):
        return "oauth"
    if api := next((api for api, mark in API_MARKS if mark.search(text)), ""):
        return api
    return "smtp" if status and not HTTP_MARK.search(text) else ""


def _enhanced(words: str, status: str, area: str) -> str:
    """Return the enhanced code that belongs to the status."""
    if area not in {"smtp", "lmtp", ""}:
        return ""
    found = ENHANCED.findall(words[:BEFORE_REPLY])
    own = [code for code in found if not status[:1].isdigit() or code[0] == status[0]]
    return next(iter(own), "")


def _response_code(text: str) -> str:
    for found in RESPONSE_CODE.finditer(text):
        code = (found[1] or found[2]).upper()
        if code in RESPONSE_CODES:
            return code
    return ""


def _command(evidence: Evidence, text: str) -> str:
    """Return what was asked last, as the rules name it."""
    first = evidence.command.upper().split(" ")[0].strip("'\"")
    if first:
        return COMMANDS.get(first, first)
    if failed := FAILED_ON.search(text):
        return COMMANDS.get(failed[1], failed[1])
    return next((command for command, pattern in ASKED if re.search(pattern, text[:1500])), "")


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


def _inner(text: str, status: str) -> str:
    """Return the text from the reply on that it quotes."""
    if status.isdigit() and (found := REPLY.search(text)) and found.start(1) < BEFORE_REPLY:
        return text[found.start(1) :] if len(text) - found.end(1) > SHORT else text
    return text


def _servers_words(text: str, evidence: Evidence) -> str:
    """Return what the server said, without the exception's name or the sentence that a library puts around it."""
    text = COMMAND_FAILED.sub("", FAILED_ON.sub("", text))
    if answered := ANSWERED.search(text):
        text = answered[1]
    if quoted := OCTETS.search(text):
        text = quoted[2] if evidence.area not in {"smtp", "lmtp"} else f"{evidence.status} {quoted[2]}".strip()
    if evidence.area in {"smtp", "lmtp"}:
        return _inner(text, evidence.status)
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
