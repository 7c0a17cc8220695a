"""The rules as data: read once, when something first goes wrong."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from mailbox_operator.diagnosis.finding import Retry

DATA: Final = Path(__file__).with_name("data") / "errors.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a server's words mean."""

    step: str
    """Where such words are heard: Resolve, Connect, TLS, Authenticate, SelectFolder, Send, Fetch, Deliver, Token."""
    area: str
    """Whose words: `imap`, `smtp`, `tls` …"""
    provider: str
    """Whose server, or "": anybody's."""
    pattern: re.Pattern[str]
    sample: str
    reason: str
    retry: Retry
    meaning: str
    action: str


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """Return the rules in their order."""
    return tuple(_rule(one) for one in _document()["rules"])


def _document() -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - a fetcher that never fails never pays for it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(DATA.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
    return document


def _rule(one: dict[str, Any]) -> Rule:
    area, _, provider = one["area"].partition("/")
    return Rule(
        step=one["step"],
        area=area,
        provider=provider,
        pattern=re.compile(one["match"]),
        sample=one["sample"],
        reason=one["reason"],
        retry=Retry(one["retry"]),
        meaning=one["meaning"],
        action=one["action"],
    )
