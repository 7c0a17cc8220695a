"""Picks the source that a plan asks for; each loads only what it needs."""

from functools import partial
from typing import Final

from mailbox_operator.fetcher.plan import PlanError
from mailbox_operator.fetcher.plan import Source as SourcePlan
from mailbox_operator.fetcher.source import Source, SourceContext
from mailbox_operator.mail.endpoint import Protocol

SPOKEN: Final = (Protocol.IMAP, Protocol.POP3, Protocol.EWS)


def check_source(plan: SourcePlan) -> None:
    """Say whether `make_source` can make something of it. Raises PlanError."""
    if plan.protocol not in SPOKEN:
        raise PlanError(f"source.protocol: this fetcher speaks {', '.join(SPOKEN)}, not {plan.protocol}")


def make_source(context: SourceContext) -> Source:
    """Return the source of a plan that `check_source` has let pass."""
    from mailbox_operator.fetcher.sessions import Sessions  # noqa: PLC0415 - each pays for its own

    if context.plan.protocol is Protocol.EWS:
        from mailbox_operator.fetcher.ews.session import open_ews_session  # noqa: PLC0415

        return Sessions(context, open_session=partial(open_ews_session, context))
    if context.plan.protocol is Protocol.POP3:
        from mailbox_operator.fetcher.pop3.session import open_pop3_session  # noqa: PLC0415

        return Sessions(context, open_session=partial(open_pop3_session, context))
    from mailbox_operator.fetcher.imap.session import open_imap_session  # noqa: PLC0415

    return Sessions(context, open_session=partial(open_imap_session, context))
