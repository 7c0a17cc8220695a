"""Takes messages to a webhook: brings them into the form asked for, and adds to each request what its Secrets say."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.fetcher.delivery_id import DeliveryIds
from mailbox_operator.fetcher.delivery_schedule import Delivery
from mailbox_operator.fetcher.http.connection import Exchange, Fault
from mailbox_operator.fetcher.http.reader import Response
from mailbox_operator.fetcher.outbox import Form
from mailbox_operator.fetcher.webhook.answer import Answer, Verdict, judge_answer
from mailbox_operator.fetcher.webhook.secrets import WebhookSecrets

log = logging.getLogger(__name__)

Done = Callable[[Answer | None], None]


class HttpClient(Protocol):
    """Our own client, or the library."""

    free: int
    """How many more exchanges can start."""

    @property
    def under_way(self) -> int:
        """How many have not ended."""

    def start(self, exchange: Exchange) -> None:
        """Send a request."""

    def close(self) -> None:
        """Drop everything."""


class WebhookCarrier:
    """The outbox's carrier. `reform` gives a large message its form, and `replace` tells the outbox.

    Where the server turns out to speak HTTP/2 only, all goes by the client that `open_http2` opens, from then on; None: in
    plain text there is no such client.
    """

    def __init__(  # noqa: PLR0913 - what it joins
        self,
        client: HttpClient,
        *,
        open_http2: Callable[[], HttpClient] | None,
        secrets: WebhookSecrets,
        ids: DeliveryIds,
        seconds: float,
        reform: Callable[[Delivery], Form],
        replace: Callable[[Delivery, Form], None],
        pump: Callable[[], None],
    ) -> None:
        self._client = client
        self._former: HttpClient | None = None
        """What was used until the server was known to speak HTTP/2 only; it may have something under way yet."""
        self._open_http2 = open_http2
        self._secrets = secrets
        self._ids = ids
        self._seconds = seconds
        self._reform = reform
        self._replace = replace
        self._pump = pump
        self._loop = asyncio.get_running_loop()
        self._thread: ThreadPoolExecutor | None = None
        self._reforming = 0
        self._closed = False

    @property
    def room(self) -> bool:
        """Whether another can start."""
        return self._client.free > self._reforming

    @property
    def under_way(self) -> int:
        """How many have not ended."""
        return self._client.under_way + self._reforming + (self._former.under_way if self._former else 0)

    def start(self, delivery: Delivery, *, now: float, done: Done) -> None:
        """Send it."""
        if delivery.octets:
            self._send(delivery, now=now, done=done)
            return
        # A large message takes a while to parse, and much memory: beside the loop, and one at a time.
        self._thread = self._thread or ThreadPoolExecutor(max_workers=1, thread_name_prefix="parse")
        self._reforming += 1
        future = self._loop.run_in_executor(self._thread, self._reform, delivery)
        future.add_done_callback(partial(self._reformed, delivery, done))

    def close(self) -> None:
        """Drop everything; what is under way has not been delivered."""
        self._closed = True
        self._client.close()
        if self._former:
            self._former.close()
        if self._thread:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _reformed(self, delivery: Delivery, done: Done, future: asyncio.Future[Form]) -> None:
        self._reforming -= 1
        if self._closed or future.cancelled():
            return
        try:
            form = future.result()
        except OSError as error:
            said = f"The temporary disk fails: {error.strerror}"
            done(Answer(verdict=Verdict.AGAIN, said=said, is_transport=True))
            self._pump()
            return
        self._replace(delivery, form)
        self._send(delivery, now=self._loop.time(), done=done)

    def _send(self, delivery: Delivery, *, now: float, done: Done) -> None:
        octets, spool, head = delivery.octets, delivery.spool, delivery.head
        if self._secrets.add_something:
            body: Iterable[bytes | memoryview] = spool.pieces() if spool else (memoryview(octets)[head:],)
            end = head - 2  # the empty line
            fields = self._secrets.render(self._ids.render(delivery.message.key), now=time.time(), body=body)
            octets = b"".join((octets[:end], fields, memoryview(octets)[end:]))
        self._client.start(
            Exchange(octets, spool=spool, deadline=now + self._seconds, done=partial(self._judge, done)),
        )

    def _judge(self, done: Done, result: Response | Fault) -> None:
        if isinstance(result, Response):
            done(judge_answer(result.status, retry_after=result.fields.get(b"retry-after", b""), now=time.time()))
        elif result.stale:
            done(None)
        elif result.wants_http2 and self._open_http2 and not self._closed:
            if self._former is None:
                log.info("the webhook speaks HTTP/2 only, and is spoken to by the library")
                self._former, self._client = self._client, self._open_http2()
            done(None)
        else:
            verdict = Verdict.MISCONFIGURED if result.lasting else Verdict.AGAIN
            evidence = Evidence(text=result.said, area="webhook")
            done(Answer(verdict=verdict, said=result.said, is_transport=True, evidence=evidence))
