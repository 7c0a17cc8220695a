"""Visits to a POP3 maildrop: list, fetch what is new, delete what is due, leave; nobody else gets in meanwhile."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from mailbox_operator.fetcher.pop3.adoption import adopt_maildrop, leave_out_old
from mailbox_operator.fetcher.pop3.connection import Pop3Connection
from mailbox_operator.fetcher.pop3.download import DEPTH, Pop3Download
from mailbox_operator.fetcher.pop3.ledger import LIMIT, Pop3Ledger, UidlHash
from mailbox_operator.fetcher.pop3.listing import Shown, Sizes, hashes_of, numbers_of, parse_shown
from mailbox_operator.fetcher.pop3.patience import GLIMPSE, Pop3Patience, check_valve
from mailbox_operator.fetcher.pop3.reader import Shape
from mailbox_operator.fetcher.pop3.sign_in import open_pop3
from mailbox_operator.fetcher.source import SourceContext
from mailbox_operator.mail.endpoint import Protocol
from mailbox_operator.mail.errors import Area, MailError, asking
from mailbox_operator.mail.pop3.capability import Capabilities
from mailbox_operator.mail.secret import Secret

log = logging.getLogger(__name__)

SIGN_IN_SECONDS: Final = 60.0
HOLD_SECONDS: Final = 20.0
"""So long the maildrop stays locked for a sink that is to accept what is then deleted; else the next visit deletes it."""


async def open_pop3_session(context: SourceContext, secret: Secret) -> "Pop3Session":
    """Sign in (`OpenSession`). Raises LoginRefusedError, MailError."""
    return Pop3Session(context, secret, *await open_pop3(context, secret))


class Pop3Session:
    """One visit after another with the same credential; between them it is not connected (RFC 1939 section 4: the lock)."""

    def __init__(
        self, context: SourceContext, secret: Secret, connection: Pop3Connection, offered: Capabilities
    ) -> None:
        self._context = context
        self._secret = secret
        self._connection = connection
        self._offered = offered
        self._pipeline = context.pipeline
        self._fetch = context.pipeline.fetch
        self._valve = context.pipeline.valve
        self._loop = asyncio.get_running_loop()
        self._aborted: asyncio.Future[MailError] = self._loop.create_future()

    async def run(self, *, once: bool) -> None:
        """Visit now and, unless `once`, again and again. Raises LoginRefusedError, MailError and HeldBackError."""
        while True:
            ledger = await self._visit()
            if once:
                await self._settle(ledger)
                return
            await self._rest()
            await self._come_again()

    def abort(self, fault: MailError) -> None:
        """End `run` at once, in `fault`."""
        if not self._aborted.done():
            self._aborted.set_result(fault)
        self._connection.abort(fault)

    async def close(self) -> None:
        """QUIT where the server still listens and owes nothing, and close."""
        try:
            if not self._connection.outstanding:
                await self._connection.ask(b"QUIT")
        finally:
            self._connection.close()
            await self._connection.wait_closed()

    async def _visit(self) -> Pop3Ledger:
        self._valve.listeners.add(self._pause_or_resume)
        self._pause_or_resume()
        try:
            patience = Pop3Patience(self._connection, self._valve)
            lines = await self._ask_lines(b"UIDL", patience)
            hashes = hashes_of(lines)
            if len(set(hashes)) > LIMIT:
                raise MailError(
                    f"the maildrop holds {len(lines)} messages, more than the {LIMIT} that can be remembered",
                    area=Area.POLICY,
                    protocol=Protocol.POP3,
                )
            ledger = adopt_maildrop(self._pipeline, hashes)
            await self._fetch_new(ledger, lines, hashes, patience)
            deleted = await self._delete_due(ledger, lines, patience)
            with asking("QUIT", protocol=Protocol.POP3):
                answer = await patience.answer(self._connection.ask(b"QUIT"))
                if not answer.is_ok:  # some deletions were not done (RFC 1939 section 6); all are tried again
                    raise answer.failed()
            self._connection.close()
            ledger.deleted(deleted)
            if deleted:
                self._pipeline.changed()
            await self._connection.wait_closed()
        finally:
            self._valve.listeners.discard(self._pause_or_resume)
        return ledger

    async def _fetch_new(
        self, ledger: Pop3Ledger, lines: Sequence[bytes], hashes: Sequence[UidlHash], patience: Pop3Patience
    ) -> None:
        """Fetch what is not known; of messages that share a unique id, one."""
        new: list[Shown] = []
        for line, one in zip(lines, hashes, strict=True):
            if not ledger.knows(one):
                ledger.announce(one)
                new.append(parse_shown(line))
        if new:
            if ledger.since is not None and self._offered.top:
                new = await leave_out_old(
                    new, connection=self._connection, offered=self._offered, ledger=ledger, patience=patience
                )
            sizes = Sizes(await self._ask_lines(b"LIST", patience))
            download = Pop3Download(
                self._connection, self._offered, ledger=ledger, pipeline=self._pipeline, patience=patience
            )
            await download.run(new, sizes=sizes)
        if ledger.since is not None:
            ledger.since = None
            self._pipeline.changed()

    async def _delete_due(self, ledger: Pop3Ledger, lines: Sequence[bytes], patience: Pop3Patience) -> list[UidlHash]:
        """Mark for deletion what is due; QUIT then makes it true. Returns what the server has marked."""
        if ledger.delete_after == 0:
            self._pipeline.hurry()
            until = self._loop.time() + HOLD_SECONDS
            await patience.until(lambda: not ledger.pending or self._loop.time() > until)
        due = set(ledger.due(now=self._pipeline.clock()))
        numbers = numbers_of(lines, due) if due else {}
        refused: set[UidlHash] = set()
        queue, depth = list(numbers), DEPTH if self._offered.pipelining else 1
        for start in range(0, len(queue), depth):
            asked = [(number, self._connection.ask(b"DELE %d" % number)) for number in queue[start : start + depth]]
            for number, future in asked:
                if not (await patience.answer(future)).is_ok:
                    refused.add(numbers[number])
        if refused:
            log.warning("the server does not delete some messages", extra={"messages": len(refused)})
        return [one for one in due if one not in refused]

    async def _settle(self, ledger: Pop3Ledger) -> None:
        """Wait, off the line, until the sink has answered for everything, and delete what is due then."""
        self._pipeline.hurry()
        while ledger.pending:
            await asyncio.sleep(GLIMPSE)
            check_valve(self._valve)
        if ledger.due(now=self._pipeline.clock()):
            await self._come_again()
            await self._visit()

    async def _rest(self) -> None:
        """Wait until the next visit is due. Raises MailError when aborted."""
        seconds = max(self._fetch.interval_seconds, self._offered.login_delay)
        await asyncio.wait((self._aborted,), timeout=seconds)
        await self._valve.wait_open()
        if self._aborted.done():
            raise self._aborted.result()

    async def _come_again(self) -> None:
        try:
            async with asyncio.timeout(SIGN_IN_SECONDS):
                self._connection, self._offered = await open_pop3(self._context, self._secret)
        except TimeoutError:
            raise MailError(f"no sign-in within {SIGN_IN_SECONDS:g} s", area=Area.TCP) from None
        if self._aborted.done():
            self._connection.abort(self._aborted.result())

    async def _ask_lines(self, command: bytes, patience: Pop3Patience) -> list[bytes]:
        with asking(command.decode(), protocol=Protocol.POP3):
            answer = await patience.answer(self._connection.ask(command, shape=Shape.LINES))
            if answer.is_ok:
                return answer.lines
            error = answer.failed()
            if command == b"UIDL" and not answer.code:
                raise error.with_text(f"UIDL not supported: {error.text}")
            raise error

    def _pause_or_resume(self) -> None:
        if self._valve.is_open:
            self._connection.resume()
        else:
            self._connection.pause()
