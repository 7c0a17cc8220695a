"""The webhook sink: one POST a message, until it is accepted, refused for good, or the sink is gone."""

import asyncio
import time
from functools import partial
from typing import Final

from mailbox_operator.fetcher.answer import Answer, Verdict, judge_answer
from mailbox_operator.fetcher.cloud_event import EventTemplate
from mailbox_operator.fetcher.delivery_schedule import Delivery, DeliverySchedule
from mailbox_operator.fetcher.http_connection import Exchange, Fault
from mailbox_operator.fetcher.http_pool import HttpPool, HttpServer, UrlError, parse_url
from mailbox_operator.fetcher.http_reader import Response
from mailbox_operator.fetcher.ids import MessageId, UidValidity
from mailbox_operator.fetcher.message import Message
from mailbox_operator.fetcher.mounted_tls import read_text
from mailbox_operator.fetcher.plan import PlanError, Webhook
from mailbox_operator.fetcher.sink import SinkContext, SinkHealth
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.endpoint import TlsOptions
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.tls import client_context

REFUSALS: Final = 3
"""So often a message may be refused before it is given up."""
LARGEST_ANSWER: Final = 1 << 16
"""Octets of an answer's body; nobody reads it."""
NOTHING: Final = memoryview(b"")


def check_webhook(webhook: Webhook) -> None:
    """Say whether its address can be posted to. Raises PlanError."""
    try:
        parse_url(webhook.url)
    except UrlError as error:
        raise PlanError(f"webhook.url: {error}") from error


class WebhookSink:
    """Holds messages until they are settled. All of it happens on the loop's thread, and nothing here waits."""

    def __init__(self, webhook: Webhook, context: SinkContext) -> None:
        """Raises PlanError: the CA file cannot be used."""
        self._server, self._target = _find_server(webhook, policy=context.policy)
        self._mailbox = context.mailbox
        self._templates: dict[tuple[str, UidValidity | None], EventTemplate] = {}
        self._timeout = webhook.timeout_seconds
        self._concurrency = webhook.concurrency
        self._listener = context.listener
        self._meter = context.meter
        self._loop = asyncio.get_running_loop()
        self._schedule = DeliverySchedule(concurrency=webhook.concurrency, chance=context.chance, now=self._loop.time())
        self._pool: HttpPool | None = None
        self._stopped = False
        self._alarm: asyncio.TimerHandle | None = None
        self._free = asyncio.Event()

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to deliver; connections are made in `tasks`."""
        self._pool = HttpPool(
            self._server, size=self._concurrency, max_body=LARGEST_ANSWER, tasks=tasks, on_free=self._pump
        )

    def held(self, folder: str, uidvalidity: UidValidity | None) -> list[MessageId]:
        """Return the ids of a folder's messages that are not settled."""
        return [one for name, validity, one in self._schedule.held if (name, validity) == (folder, uidvalidity)]

    def health(self, *, now: float) -> SinkHealth:
        """Say how delivery goes."""
        return self._schedule.health(now=now)

    def offer(self, message: Message) -> None:
        """Take a message. One that is held already is not taken twice."""
        body = message.body
        if message.key in self._schedule.held:
            if isinstance(body, Spool):
                body.close()
            return
        if isinstance(body, Spool):
            octets, spool = self._head(message, body.size), body
        else:
            # The one copy a message takes: a repeated request is then the very same octets.
            octets, spool = b"".join((self._head(message, len(body)), body)), None
        kept = message._replace(body=NOTHING)
        self._schedule.add(Delivery(kept, octets, spool, now=self._loop.time()))
        self._pump()
        self._tell_pressure()

    def _head(self, message: Message, length: int) -> bytes:
        key = (message.folder, message.uidvalidity)
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = EventTemplate(
                self._mailbox,
                folder=message.folder,
                uidvalidity=message.uidvalidity,
                target=self._target,
                host=self._server.authority,
            )
        return template.render_head(message, length=length)

    def _pump(self) -> None:
        """Start as many deliveries as may start now."""
        self._free.set()
        pool, schedule = self._pool, self._schedule
        if pool is None or self._stopped or not pool.free:
            return
        now = self._loop.time()
        while pool.free and (delivery := schedule.take(now=now, under_way=pool.under_way)):
            delivery.started = now
            ended = partial(self._ended, delivery)
            pool.start(Exchange(delivery.octets, spool=delivery.spool, deadline=now + self._timeout, done=ended))
        if pool.free and (wake_at := schedule.wake_at(now=now)) is not None:
            self._set_alarm(wake_at)

    def _set_alarm(self, wake_at: float) -> None:
        if self._alarm:
            if self._alarm.when() <= wake_at:
                return
            self._alarm.cancel()
        self._alarm = self._loop.call_at(wake_at, self._wake)

    def stop(self) -> None:
        """Start no more deliveries; those under way may end."""
        self._stopped = True
        if self._alarm:
            self._alarm.cancel()

    async def drain(self) -> None:
        """Return when no delivery is under way any more; the deadline is the caller's."""
        while self._pool and self._pool.under_way:
            self._free.clear()
            await self._free.wait()

    def close(self) -> None:
        """Break off what is under way, and give back the disk space of what is held."""
        self.stop()
        if self._pool:
            self._pool.close()
        for delivery in list(self._schedule.held.values()):
            self._schedule.settle(delivery)

    def _wake(self) -> None:
        self._alarm = None
        self._pump()

    def _ended(self, delivery: Delivery, result: Response | Fault) -> None:
        """An exchange is over; the pool calls `pump` after this."""
        now = self._loop.time()
        if isinstance(result, Fault):
            if result.stale:
                self._schedule.put_back(delivery)
            else:
                self._again(delivery, Answer(verdict=Verdict.AGAIN, said=result.said), now=now, by_status=False)
            return
        self._meter.sink_seconds.observe(now - delivery.started)
        answer = judge_answer(result.status, retry_after=result.fields.get(b"retry-after", b""), now=time.time())
        if answer.verdict is Verdict.DELIVERED:
            self._schedule.accept(delivery, now=now)
            self._listener.delivered(delivery.message)
        elif answer.verdict is not Verdict.REFUSED:
            self._again(delivery, answer, now=now, by_status=True)
        elif self._listener.count_refusal(delivery.message) >= REFUSALS:
            self._give_up(delivery, answer.said)
        else:
            self._meter.retries += 1
            self._schedule.postpone(delivery, now=now)
        self._tell_pressure()

    def _again(self, delivery: Delivery, answer: Answer, *, now: float, by_status: bool) -> None:
        if self._schedule.fail(delivery, answer, now=now, by_status=by_status):
            self._give_up(delivery, answer.said)
        else:
            self._meter.retries += 1

    def _give_up(self, delivery: Delivery, said: str) -> None:
        self._schedule.settle(delivery)
        self._listener.given_up(delivery.message, said)

    def _tell_pressure(self) -> None:
        if (full := self._schedule.judge_fullness()) is not None:
            self._listener.pressure(full=full)


def _find_server(webhook: Webhook, *, policy: AddressPolicy) -> tuple[HttpServer, str]:
    """Return where the webhook is, and the request's target. Raises PlanError."""
    try:
        scheme, host, port, target = parse_url(webhook.url)
        ca_pem = read_text(webhook.ca_file) if webhook.ca_file else None
        context = client_context(TlsOptions(ca_pem=ca_pem)) if scheme == "https" else None
    except UrlError as error:
        raise PlanError(f"webhook.url: {error}") from error
    except MailError as error:
        raise PlanError(f"webhook.ca_file: {error}") from error
    return HttpServer(host=host, port=port, ssl_context=context, policy=policy), target
