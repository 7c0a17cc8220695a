"""What a fetcher can begin before it is loaded: the connection to its mail server."""

from typing import Final

from mailbox_operator.fetcher.options import Options
from mailbox_operator.fetcher.plan import Plan, PlanError
from mailbox_operator.mail.endpoint import Protocol
from mailbox_operator.mail.head_start import HeadStart

DIALLED: Final = frozenset({Protocol.IMAP, Protocol.POP3})
"""Protocols whose connections are ours; another's library makes its own."""


def begin(options: Options) -> HeadStart | None:
    """Begin to dial the server that the plan names. None: there is none to dial, or no plan that can be used."""
    try:
        source = Plan.from_json(options.plan.read_text("utf-8")).source
    except (PlanError, OSError, ValueError):
        return None  # who reads it in earnest says why
    if source.protocol not in DIALLED:
        return None
    return HeadStart(source.host, source.port, policy=options.policy)
