"""The webhook sink: one POST a message, until it is accepted, refused for good, or the sink is gone."""

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from mailbox_operator.fetcher.delivery_id import DeliveryIds
from mailbox_operator.fetcher.delivery_schedule import Delivery
from mailbox_operator.fetcher.headers import read_sender
from mailbox_operator.fetcher.http.pool import HttpPool, HttpServer, UrlError, parse_url
from mailbox_operator.fetcher.http.proxy import ProxyError, find_proxy
from mailbox_operator.fetcher.ids import UidValidity
from mailbox_operator.fetcher.message import Body, Message, Parcel, start_of
from mailbox_operator.fetcher.mounted_tls import context_from
from mailbox_operator.fetcher.outbox import Form, OutboxSink
from mailbox_operator.fetcher.plan import PlanError, Webhook
from mailbox_operator.fetcher.sink import SinkContext
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.fetcher.watched_file import WatchedFile
from mailbox_operator.fetcher.webhook.answer import Answer, Verdict
from mailbox_operator.fetcher.webhook.carrier import HttpClient, WebhookCarrier
from mailbox_operator.fetcher.webhook.cloud_event import EventTemplate, render_head
from mailbox_operator.fetcher.webhook.secrets import WebhookSecrets
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.tls import http1_context, http_context

if TYPE_CHECKING:
    from mailbox_operator.fetcher.http.library import LibraryPool, Way

FolderState = tuple[str, UidValidity | None]
LARGEST_ANSWER: Final = 1 << 16
"""Octets of an answer's body; nobody reads it."""


def check_webhook(webhook: Webhook) -> None:
    """Say whether its address can be posted to. Raises PlanError."""
    try:
        parse_url(webhook.url)
    except UrlError as error:
        raise PlanError(f"webhook.url: {error}") from error


class WebhookSink(OutboxSink):
    """Holds messages until they are settled. All of it happens on the loop's thread, and nothing here waits."""

    def __init__(self, webhook: Webhook, context: SinkContext) -> None:
        """Raises PlanError: the CA file or the proxy cannot be used."""
        super().__init__(context, concurrency=webhook.concurrency)
        self._webhook = webhook
        self._ca_file = WatchedFile(webhook.ca_file) if webhook.ca_file else None
        self._policy = context.policy
        try:
            self._server, self._target = find_server(webhook.url, ca_file=self._ca_file, policy=context.policy)
        except MailError as error:
            raise PlanError(f"webhook.ca_file: {error}") from error
        scheme = "https" if self._server.ssl_context else "http"
        try:
            self._proxy = find_proxy(scheme, self._server.host, environment=os.environ)
        except ProxyError as error:
            raise PlanError(str(error)) from error
        self._mailbox = context.mailbox
        self._ids = DeliveryIds(context.mailbox.uid)
        self._templates: dict[FolderState, EventTemplate] = {}
        self._secrets = WebhookSecrets(signing_key_file=webhook.signing_key_file, headers_folder=webhook.headers_folder)
        self._pool: HttpPool | None = None
        self._library: LibraryPool | None = None
        self._carrier: WebhookCarrier | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to deliver; connections are made in `tasks`."""
        self._carrier = WebhookCarrier(
            self._open_client(tasks),
            open_http2=partial(self._open_library, tasks) if self._server.ssl_context else None,
            secrets=self._secrets,
            ids=self._ids,
            seconds=self._webhook.timeout_seconds,
            reform=self._reform,
            replace=self._replace,
            pump=self._outbox.pump,
        )
        self._judge_secrets()
        self._outbox.start(self._carrier)

    def look(self) -> None:
        """See whether Secrets have changed."""
        if self._secrets.look():
            self._judge_secrets()
        if self._ca_file and self._ca_file.look():
            try:
                self._server, _ = find_server(self._webhook.url, ca_file=self._ca_file, policy=self._policy)
            except MailError:
                return  # half written, perhaps; connections go by the one before
            if self._pool:
                self._pool.use(self._server)
            if self._library:
                self._library.use(self._way())

    def offer(self, parcels: Sequence[Parcel]) -> None:
        """Take messages. One that is held already is not taken twice."""
        self._outbox.take(parcels, form=self._form)

    def _open_client(self, tasks: asyncio.TaskGroup) -> HttpClient:
        if self._proxy:
            return self._open_library(tasks)
        self._pool = HttpPool(
            self._server,
            size=self._webhook.concurrency,
            max_body=LARGEST_ANSWER,
            tasks=tasks,
            on_free=self._outbox.pump,
        )
        return self._pool

    def _open_library(self, tasks: asyncio.TaskGroup) -> HttpClient:
        from mailbox_operator.fetcher.http.library import LibraryPool  # noqa: PLC0415 - 15 MiB

        self._library = LibraryPool(
            self._webhook.url,
            way=self._way(),
            size=self._webhook.concurrency,
            max_body=LARGEST_ANSWER,
            tasks=tasks,
            on_free=self._outbox.pump,
        )
        return self._library

    def _way(self) -> "Way":
        """Return how the library reaches the webhook."""
        from mailbox_operator.fetcher.http.library import directly, through_proxy  # noqa: PLC0415 - 15 MiB

        context = context_from(self._ca_file, make=http_context)
        if self._proxy:
            return through_proxy(self._proxy, ssl_context=context)
        return directly(ssl_context=context, policy=self._policy)

    def _judge_secrets(self) -> None:
        fault = self._secrets.fault
        self._outbox.block(Answer(verdict=Verdict.MISCONFIGURED, said=fault) if fault else None)

    def _form(self, message: Message, body: Body) -> Form:
        """Return a message as a whole request, so that a repeated one is the very same octets."""
        if self._webhook.format == "Parsed":
            if isinstance(body, Spool):
                return b"", body, 0  # parsed later
            document = self._parse(message, body=bytes(body))
            head = self._parsed_head(len(document))
            return head + document, None, len(head)
        length = body.size if isinstance(body, Spool) else len(body)
        head = self._raw_head(message, sender=read_sender(start_of(body)), length=length)
        return (head, body, len(head)) if isinstance(body, Spool) else (b"".join((head, body)), None, len(head))

    def _raw_head(self, message: Message, *, sender: bytes, length: int) -> bytes:
        folder, uidvalidity, _ = message.key
        template = self._templates.get((folder, uidvalidity))
        if template is None:
            template = self._templates[folder, uidvalidity] = EventTemplate(
                self._mailbox,
                folder=folder,
                uidvalidity=uidvalidity,
                target=self._target,
                host=self._server.authority,
            )
        return template.render_head(message, sender=sender, length=length)

    def _parsed_head(self, length: int) -> bytes:
        from mailbox_operator.fetcher.webhook.parsed_event import CONTENT_TYPE  # noqa: PLC0415 - as below

        return (
            render_head(target=self._target, host=self._server.authority, content_type=CONTENT_TYPE)
            + b"Content-Length: %d\r\n\r\n" % length
        )

    def _parse(self, message: Message, *, body: bytes | Spool) -> bytes:
        from mailbox_operator.fetcher.webhook.parsed_event import render_event  # noqa: PLC0415 - 3 MiB that Raw does without

        return render_event(
            message,
            mailbox=self._mailbox,
            delivery_id=self._ids.render(message.key),
            sender=read_sender(start_of(body)),
            pieces=body.pieces() if isinstance(body, Spool) else (body,),
        )

    def _reform(self, delivery: Delivery) -> Form:
        """Parse a spooled message into another spool; on a thread of its own. Raises OSError."""
        spool = delivery.spool
        assert spool is not None  # noqa: S101 - that is why it is not parsed yet
        document = self._parse(delivery.message, body=spool)
        written = Spool(spool.folder)
        try:
            written.write(memoryview(document))
        except OSError:
            written.close()
            raise
        head = self._parsed_head(len(document))
        return head, written, len(head)

    def _replace(self, delivery: Delivery, form: Form) -> None:
        octets, spool, head = form
        self._outbox.replace(delivery, octets, spool, head=head)


def find_server(url: str, *, ca_file: WatchedFile | None, policy: AddressPolicy) -> tuple[HttpServer, str]:
    """Return where the webhook is, and the request's target. Raises PlanError; MailError: the CA file cannot be used."""
    try:
        scheme, host, port, target = parse_url(url)
    except UrlError as error:
        raise PlanError(f"webhook.url: {error}") from error
    context = context_from(ca_file, make=http1_context) if scheme == "https" else None
    return HttpServer(host=host, port=port, ssl_context=context, policy=policy), target
