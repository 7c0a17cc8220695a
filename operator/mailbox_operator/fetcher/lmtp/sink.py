"""The LMTP sink: one transaction a message (RFC 2033)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mailbox_operator.fetcher.lmtp.opening import LmtpServer
from mailbox_operator.fetcher.lmtp.pool import LmtpPool
from mailbox_operator.fetcher.message import Body, Message, Parcel
from mailbox_operator.fetcher.mounted_tls import context_from
from mailbox_operator.fetcher.outbox import Form, OutboxSink
from mailbox_operator.fetcher.plan import Lmtp, PlanError
from mailbox_operator.fetcher.sink import SinkContext
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.fetcher.watched_file import WatchedFile
from mailbox_operator.mail.endpoint import Security
from mailbox_operator.mail.errors import MailError

CONNECTIONS: Final = 4
"""Into Dovecot, which makes each message durable, four take 300 to 500 messages a second, one 170 to 360."""


class LmtpSink(OutboxSink):
    """Holds messages until the server has taken them."""

    def __init__(self, lmtp: Lmtp, context: SinkContext) -> None:
        """Raises PlanError: the CA file cannot be used."""
        super().__init__(context, concurrency=CONNECTIONS)
        self._ca_file = WatchedFile(lmtp.ca_file) if lmtp.ca_file else None
        try:
            ssl_context = context_from(self._ca_file) if lmtp.security is not Security.NONE else None
        except MailError as error:
            raise PlanError(f"lmtp.ca_file: {error}") from error
        self._server = LmtpServer(
            host=lmtp.host,
            port=lmtp.port,
            recipient=lmtp.recipient,
            security=lmtp.security,
            ssl_context=ssl_context,
            policy=context.policy,
        )
        self._pool: LmtpPool | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to deliver; connections are made in `tasks`."""
        self._pool = LmtpPool(self._server, size=CONNECTIONS, tasks=tasks, on_free=self._outbox.pump)
        self._outbox.start(self._pool)

    def look(self) -> None:
        """See whether the CA has changed."""
        if self._ca_file and self._ca_file.look() and self._pool:
            try:
                self._pool.server = replace(self._server, ssl_context=context_from(self._ca_file))
            except MailError:
                return  # half written, perhaps; connections go by the one before

    def offer(self, parcels: Sequence[Parcel]) -> None:
        """Take messages. One that is held already is not taken twice."""
        self._outbox.take(parcels, form=_form)


def _form(_message: Message, body: Body) -> Form:
    """Return a message as it is."""
    return (b"", body, 0) if isinstance(body, Spool) else (bytes(body), None, 0)
