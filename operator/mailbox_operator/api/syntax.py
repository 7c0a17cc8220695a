r"""Texts with a syntax: addresses, hosts, URLs, durations, quantities. Each says what to write when it is not met.

The expressions mean the same to RE2 (the API server) and to Rust's regex (offline): no `\s`, whose reach differs.
"""

from typing import Annotated, Any, Final

from pydantic import Field

from mailbox_operator.api.rules import rules

CONTROL: Final = r"\x00-\x1f\x7f"
BLANK: Final = r"\x00-\x20\x7f\p{Z}"
ATOM: Final = rf'[^{BLANK}@"(),:;<>\[\]\\]'  # of a local part (RFC 5322 atext with RFC 6532, dots anywhere: some exist)
LABEL: Final = rf'[^{BLANK}@"(),:;<>\[\]\\./]+'
QUOTED: Final = rf'"([^"\\{CONTROL}]|\\[^{CONTROL}])+"'
LITERAL: Final = r"\[[0-9A-Fa-fIPv.:]+\]"
NAME: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SPAN: Final = r"([0-9]{1,5}([.][0-9]{1,3})?(ms|s|m|h))+"  # five digits: no sum overflows Go's 292 years
TIMES: Final = "90s, 5m or 1h30m"


def matching(pattern: str, message: str) -> dict[str, Any]:
    """Return the rule that a text as a whole matches a pattern, which must hold no single quote."""
    return rules((f"self.matches(r'^({pattern})$')", message))


def between(shortest: str, longest: str) -> dict[str, Any]:
    """Return the rule that a text is a Go duration within bounds, both included."""
    return rules(
        (
            f"self.matches(r'^{SPAN}$') && duration(self) >= duration('{shortest}') && duration(self) <= duration('{longest}')",
            f"must be a duration from {shortest} to {longest}: write {TIMES}",
        )
    )


Address = Annotated[
    str,
    Field(
        max_length=320,
        json_schema_extra=matching(
            rf"({ATOM}+|{QUOTED})@({LABEL}([.]{LABEL})*|{LITERAL})", "must be one address: write support@example.com"
        ),
    ),
]
"""RFC 5321 section 4.5.3.1 bounds, RFC 6531 characters."""

Host = Annotated[
    str,
    Field(
        max_length=253,
        json_schema_extra=matching(
            rf"{LABEL}([.]{LABEL})*[.]?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]+",
            "must be a name or an IP address alone, without scheme, port or path: write imap.example.com",
        ),
    ),
]

URL = Annotated[
    str,
    Field(
        max_length=2048,
        json_schema_extra=matching(
            rf"https?://[^{BLANK}/?#@]+([/?#][^{BLANK}]*)?",
            "must be a URL without user and password: write https://host.example.com/path",
        ),
    ),
]

Domain = Annotated[
    str,
    Field(
        max_length=253,
        json_schema_extra=matching(rf"{LABEL}([.]{LABEL})*", "must be a domain: write example.com"),
    ),
]

ObjectName = Annotated[
    str,
    Field(
        max_length=253,
        json_schema_extra=matching(
            rf"{NAME}([.]{NAME})*",
            "must be an object's name: lower-case letters, digits, '-' and '.', at both ends a letter or digit",
        ),
    ),
]

DataKey = Annotated[
    str,
    Field(
        max_length=253,
        json_schema_extra=matching("[-._a-zA-Z0-9]+", "must be a key of its data: letters, digits, '-', '_' and '.'"),
    ),
]

ONE_LINE: Final = matching(rf"[^{CONTROL}]*", "must be one line without control characters")
OneLine = Annotated[str, Field(max_length=253, json_schema_extra=ONE_LINE)]
Username = Annotated[str, Field(min_length=1, max_length=320, json_schema_extra=ONE_LINE)]

Since = Annotated[
    str,
    Field(
        max_length=32,
        json_schema_extra=matching(rf"0|[0-9]{{1,5}}d|{SPAN}", "must be a duration or days: write 7d, 12h or 0"),
    ),
]

Quantity = Annotated[
    str,
    Field(
        max_length=20,
        json_schema_extra=matching("[0-9]{1,15}(Ki|Mi|Gi|k|M|G)?", "must be a number of octets: write 25Mi or 512Ki"),
    ),
]

Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, Field(max_length=1024)]
ShortText = Annotated[str, Field(max_length=253)]
