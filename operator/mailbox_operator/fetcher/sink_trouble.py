"""What a sink's trouble is called, and what to do about it: the knowledge base asked, where it knows the words."""

from functools import lru_cache

from mailbox_operator.diagnosis.evidence import Evidence


@lru_cache(maxsize=8)  # asked each second while a sink fails
def name_trouble(evidence: Evidence | None, *, reason: str, said: str) -> tuple[str, str]:
    """Return the reason and the sentence for status; `reason` and `said` where nothing more is known."""
    if evidence is None:
        return reason, said
    from mailbox_operator.diagnosis.matcher import (  # noqa: PLC0415 - a sink that never fails never pays for it
        UNRECOGNISED,
        diagnose,
    )

    finding = diagnose(evidence)
    if finding.reason == UNRECOGNISED:
        return reason, said
    return finding.reason, f"{said}: {finding.action}"
