"""Picks the sink that a plan asks for; each loads only what it needs."""

from typing import assert_never

from mailbox_operator.fetcher.plan import Delivery, Lmtp, Maildir, Webhook
from mailbox_operator.fetcher.sink import Sink, SinkContext


def check_delivery(delivery: Delivery) -> None:
    """Say whether `make_sink` can make something of it, as far as the plan alone shows. Raises PlanError."""
    match delivery:
        case Webhook():
            from mailbox_operator.fetcher.webhook.sink import check_webhook  # noqa: PLC0415 - each pays for its own

            check_webhook(delivery)
        case Lmtp() | Maildir():
            return
        case _:
            assert_never(delivery)


def make_sink(delivery: Delivery, context: SinkContext) -> Sink:
    """Return the sink, not started. Raises PlanError: a file that the plan names cannot be used."""
    context.meter.sink = type(delivery).__name__.lower()
    match delivery:
        case Webhook():
            from mailbox_operator.fetcher.webhook.sink import WebhookSink  # noqa: PLC0415 - each pays for its own

            return WebhookSink(delivery, context)
        case Lmtp():
            from mailbox_operator.fetcher.lmtp.sink import LmtpSink  # noqa: PLC0415 - the same

            return LmtpSink(delivery, context)
        case Maildir():
            from mailbox_operator.fetcher.maildir.sink import MaildirSink  # noqa: PLC0415 - the same

            return MaildirSink(delivery, context)
        case _:
            assert_never(delivery)
