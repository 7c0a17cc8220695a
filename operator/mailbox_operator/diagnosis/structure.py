"""Structure out of bare text: what an exception's text tells of status, codes, command, and of who speaks."""

import re
from dataclasses import replace
from typing import Final

from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.words import normalise

TRANSPORT: Final = frozenset({"dns", "tcp", "tls", "starttls"})
"""Areas whose faults say nothing of a credential."""
SERVERS: Final = frozenset({"imap", "pop3", "smtp"})
APIS: Final = frozenset({"oauth", "ews", "graph", "gmail-api"})

SMTP_STATUS: Final = r"(?:421|43[1-5]|44[1-79]|45[0-68]|471|50[0-5]|51[0-3]|52[1-5]|53[0-58]|54[12]|55[0-7]|571)"  # no port, no HTTP status
REPLY: Final = re.compile(
    rf"(?:^\W{{0,6}}|[\[(:'\"|>,-]\W{{0,4}}|\b(?:code|error|errno|status|reply|smtp|server|said|got|with|returned|response|failed|msg|rcpt to)"
    rf"\b\W{{0,4}})(?<![\d.])(?<!\.[a-z]{{2}}:)(?<!\.[a-z]{{3}}:)(?<!\.[a-z]{{4}}:)({SMTP_STATUS})(?=[ \-,:)'\"|;\]]|$)(?!\.\d)",
    re.IGNORECASE,
)
DIGITS: Final = {
    **{
        name: digit
        for digit, name in enumerate(
            ("Syntax", "Information", "Connections", "Unspecified3", "Unspecified4", "MailSystem")
        )
    },
    **{
        name: digit
        for digit, name in enumerate(["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"])
    },
    "TransientNegativeCompletion": 4,
    "PermanentNegativeCompletion": 5,
}
"""How lettre spells the digits of a status."""
SPELT_STATUS: Final = re.compile(
    r"severity: (TransientNegativeCompletion|PermanentNegativeCompletion),\s+category: (Syntax|Information|Connections|Unspecified3"
    r"|Unspecified4|MailSystem),\s+detail: (Zero|One|Two|Three|Four|Five|Six|Seven|Eight|Nine)"
)
HTTP: Final = re.compile(
    r"(?:\bHTTP(?:/\d\.?\d?)?(?: error| status| code)?|status ?code|\bCode|\bstatus(?: of| was)?|(?:client|server) error|error|^|\()\W{0,3}([345]\d\d)(?=\W|$)",
    re.IGNORECASE,
)
IMAP_STATUS: Final = re.compile(
    r"""(?:^(?:\* |\S{1,12} )?|['"\[(, :]|but ['"])(NO|BAD|BYE(?! (?:JavaMail|Jakarta Mail) Exception))(?=[ '"\],:(\[]|$)|type: '(no|bad)'|\b(No|Bad|Bye)(?:\("| Response:)"""
)
OAUTH_MARK: Final = re.compile(
    r"\bAADSTS\d|\binvalid_(?:grant|client|scope)\b|\bunauthorized_client\b|\bunsupported_grant_type\b|\bMsal[A-Z]\w+"
)
API_MARKS: Final = (
    (
        "ews",
        re.compile(
            r"exchangelib|\bEWS(?:\b|[A-Z])|AutoDiscoverFailed|[Aa]utodiscover/|Exchange\.asmx|ServiceRequestException|WebServices\.Data|^The request failed(?:\.| with HTTP status) |\bCASError\b|\bCAS error\b|specified (object|folder) (was not|could not be) found in the store|soft-deleted|[Aa]utodiscover (service|blocked)|ServiceResponseException"
        ),
    ),
    (
        "graph",
        re.compile(
            r"graph\.microsoft|\bGraph\b|ODataError|MailboxNot\w+RESTAPI|InvalidAuthenticationToken|CompactToken|\bIDX\d{5}\b"
            r"|Lifetime validation|JWT is not well formed|\{ ?['\"]error['\"] ?: ?\{ ?['\"]code['\"] ?: ?['\"][A-Z][a-z]"
        ),
    ),
    (
        "gmail-api",
        re.compile(
            r"gmail\.googleapis|googleapiclient|\bgoogleapi\b|\bauthError\b|Google\.Apis|GoogleApiException|GaxiosError|failedPrecondition|^Precondition check failed|\bHttpError\b|Gmail API|GoogleJsonResponse"
            r"|ACCESS_TOKEN_SCOPE_INSUFFICIENT|\bUNAUTHENTICATED\b|insufficient authentication scopes"
        ),
    ),
    ("ews", re.compile(r"\bError(?:[A-Z][a-z]+|AD|CAS|UM){2,}\b(?!\()")),  # a ResponseCode
)
NAMES: Final = (
    ("imap", re.compile(r"imap", re.IGNORECASE)),
    ("pop3", re.compile(r"\bpop3?\b|\bpop3|poplib", re.IGNORECASE)),
    ("smtp", re.compile(r"smtp|sendmail|postfix|nodemailer|phpmailer|swift_", re.IGNORECASE)),
)
HIGHEST_OF_HTTP: Final = "511"
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
ENHANCED: Final = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
BEFORE_REPLY: Final = 400
SHORT: Final = 12
"""What follows a status that a library puts after the server's words."""
FAILED_ON: Final = re.compile(r"\bcommand: ([A-Z]+)( [A-Z]+)? => ")
"""How imaplib2 introduces what came of a command."""

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
    "STORE": "EXPUNGE",
    "RESOLVE": "CONNECT",
}
SIGNING_IN: Final = (
    r"SMTPAuthentication|EAUTH\b|command: ?'?AUTH|MailboxLoginError|LoginError|Invalid login:|AuthenticationException|AuthenticationFailed"
    r"|source: 'authentication'|'(AUTHENTICATE|LOGIN)' command|AUTH LOGIN failed|\bPASS\b.{0,8}-ERR"
)
ASKED: Final = (
    ("AUTHENTICATE", SIGNING_IN),
    ("SELECT", r"\b(select|examine) failed\b|\b(EXAMINE|SELECT) (command )?(error|failed)|'(SELECT|EXAMINE)' command"),
    (
        "RCPT",
        r"SMTPRecipientsRefused|RecipientNotAccepted|SMTPAddressFailed|recipients? (were )?(refused|failed)|recipient failed|'?RCPT TO\b|All recipients were rejected",
    ),
    ("MAIL", r"SMTPSenderRefused|SenderNotAccepted|SMTPSenderFailed|'?MAIL FROM\b"),
    ("DATA", r"SMTPDataError|MessageNotAccepted|end of DATA|command: ?'?DATA|DATA END"),
    ("EHLO", r"SMTPHeloError|\b(HELO|EHLO) command (failed|rejected)"),
    ("GREETING", r"SMTPConnectError|greeting|refused to talk to me"),
    ("STARTTLS", r"STARTTLS command failed|STARTTLS failed: ?\d|command: ?'?STARTTLS"),
)
"""What an exception's name and a library's sentence tell of the command."""
SENT: Final = re.compile(
    r"(?:\b(?:POP3|IMAP|SMTP)> |\bC: ?|CLIENT -> SERVER: ?|(?<!<)>> ?|=> ?')(?:[A-Z]{0,8}[0-9][A-Z0-9.]{0,8} )?"
    r"(EHLO|HELO|STARTTLS|STLS|AUTHENTICATE|AUTH|LOGIN|USER|PASS|APOP|SELECT|EXAMINE|LIST|MAIL|RCPT|DATA|UIDL|TOP|RETR|FETCH)\b"
)
"""A command in a transcript."""


def evidence_of_text(evidence: Evidence) -> Evidence:
    """Return the evidence with what its text tells filled in where it says nothing itself: status, codes, command, area."""
    text = normalise(evidence.text)
    area = evidence.area or _area_of_protocol(evidence.protocol)
    status = evidence.status or _status(text, area)
    area = area or _area_of_status(status, text)
    if area in APIS and not status:
        status = _status(text, area)
    words = from_reply(text, status)
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
        return _smtp_status(text)
    found = HTTP.search(text)
    return found[1] if found else ""


def _smtp_status(text: str) -> str:
    if spelt := SPELT_STATUS.search(text):
        return "".join(str(DIGITS[word]) for word in spelt.groups())
    found = REPLY.search(text)
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
    if status and (status > HIGHEST_OF_HTTP or not HTTP_MARK.search(text)):
        return "smtp"
    return "" if status else _area_of_names(text)


def _area_of_names(text: str) -> str:
    """Return the one protocol that the text names: by itself, a library, a program or a host."""
    named = [area for area, names in NAMES if names.search(text)]
    return named[0] if len(named) == 1 else ""


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
    named = next((command for command, pattern in ASKED if re.search(pattern, text[:1500])), "")
    if named:
        return named
    sent = [found[1] for found in SENT.finditer(text)]
    return COMMANDS.get(sent[-1], sent[-1]) if sent else ""


def from_reply(text: str, status: str) -> str:
    """Return the text from the reply on that it quotes."""
    if status.isdigit() and (found := REPLY.search(text)) and found.start(1) < BEFORE_REPLY:
        return text[found.start(1) :] if len(text) - found.end(1) > SHORT else text
    return text
