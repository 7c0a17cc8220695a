"""A session with an Exchange mailbox: what the server tells of each folder, fetched; then news, streamed or polled."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from mailbox_operator.fetcher.ews.after import AT_ONCE, AfterFetch
from mailbox_operator.fetcher.ews.download import Download
from mailbox_operator.fetcher.ews.ledger import EwsLedger, begin_ledger
from mailbox_operator.fetcher.ews.sign_in import SignIn, sign_in_with
from mailbox_operator.fetcher.ews.stream import Stream
from mailbox_operator.fetcher.progress import ResetReason
from mailbox_operator.fetcher.source import SourceContext
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.ews.session import EwsSession
from mailbox_operator.mail.secret import Secret

if TYPE_CHECKING:
    from mailbox_operator.fetcher.ews.calls import Listed, Page
    from mailbox_operator.mail.ews.folders import EwsFolder

log = logging.getLogger(__name__)

T = TypeVar("T")

CALL_SECONDS: Final = 120.0
"""Total, for one call: a page of changes, or a batch of messages."""
PAUSE: Final = 0.05
"""Between looks at what the sink has settled, where nobody tells."""
GATHER_SECONDS: Final = 0.2
"""In which what is due on the server gathers."""
STALE: Final = frozenset({"ErrorInvalidSyncStateData", "ErrorSyncFolderNotFound"})


async def open_ews_session(context: SourceContext, credential: Secret) -> "EwsFetch":
    """Sign in (`OpenSession`). Raises LoginRefusedError, MailError."""
    sign_in = sign_in_with(context, credential)
    return EwsFetch(await sign_in(), sign_in=sign_in, context=context)


class EwsFetch:
    """Runs on a mailbox that is signed in to."""

    def __init__(self, session: EwsSession, *, sign_in: SignIn, context: SourceContext) -> None:
        self._session = session
        self._account = session.mailbox.account
        self._sign_in = sign_in
        self._pipeline = context.pipeline
        self._fetch = context.pipeline.fetch
        self._watches_flags = self._fetch.unseen_only or not self._fetch.deduplicate
        self._target: EwsFolder | None = None
        self._news = asyncio.Event()
        self._fault: MailError | None = None
        self._download = Download(self._call, self._account, pipeline=self._pipeline, spool_folder=context.spool_folder)
        self._after = AfterFetch(self._call, self._account, pipeline=self._pipeline)
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, *, once: bool) -> None:
        """Fetch what there is, and unless `once` what comes, until the connection fails. Raises MailError."""
        folders = await self._choose()
        self._pipeline.watched = frozenset(folder.name for folder in folders)
        ledgers = [self._adopt(folder.name) for folder in folders]
        self._pipeline.follow_ups_due = self._follow_ups_due
        try:
            if once:
                await self._catch_up(folders, ledgers)
                while any(ledger.pending for ledger in ledgers):
                    self._check()
                    await asyncio.sleep(PAUSE)
                await self._act(folders)
            else:
                await self._watch(folders, ledgers)
        finally:
            self._pipeline.follow_ups_due = _nothing
            if self._timer:
                self._timer.cancel()

    def abort(self, fault: MailError) -> None:
        """End `run` at once, in `fault`."""
        self._fault = fault
        self._session.cut()
        self._news.set()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _choose(self) -> "tuple[EwsFolder, ...]":
        """Return the folders to fetch. Where messages are moved to is noted, if it is there already."""
        from mailbox_operator.mail.ews import folders as ews_folders  # noqa: PLC0415 - 40 MiB, loaded by now

        fetch = self._fetch
        chosen = await self._call(
            partial(ews_folders.choose_folders, self._account, include=fetch.folders, exclude=fetch.exclude)
        )
        folders = chosen.folders
        if fetch.move_to is None:
            return folders
        try:
            self._target = await self._call(partial(ews_folders.find_folder, self._account, fetch.move_to))
        except MailError as error:
            if error.vendor_code != ews_folders.NOT_THERE or fetch.move_to.startswith("\\"):
                raise
            return folders
        # What was moved there would be found, moved to where it is, found …
        target = self._target.handle.id
        return tuple(one for one in folders if one.handle.id != target)

    async def _make_target(self) -> "EwsFolder | None":
        """Return where messages are moved to, made where it is not there yet."""
        from mailbox_operator.mail.ews.folders import make_folder  # noqa: PLC0415 - 40 MiB, loaded by now

        if self._fetch.move_to is not None and self._target is None:
            self._target = await self._call(partial(make_folder, self._account, self._fetch.move_to))
        return self._target

    def _adopt(self, folder: str, *, is_stale: bool = False) -> EwsLedger:
        """Return a folder's ledger, ready for a new session; a new one where the server knows our place no longer."""
        pipeline = self._pipeline
        known = pipeline.checkpoint.folders.get(folder)
        before = known if isinstance(known, EwsLedger) else None
        if before is None or is_stale:
            ledger = begin_ledger(
                since_seconds=self._fetch.since_seconds,
                now=pipeline.clock(),
                before=before,
                saved=pipeline.checkpoint.saved_seconds,
            )
            if before is None:
                pipeline.begin(folder, ledger)
            else:
                pipeline.begin_again(folder, ledger, reason=ResetReason.PLACE_LOST)
        else:
            ledger = before
        ledger.begin_session(held=pipeline.held(folder, None))
        return ledger

    async def _watch(self, folders: "Sequence[EwsFolder]", ledgers: list[EwsLedger]) -> None:
        stream = Stream(self._sign_in, folders, told=self._news.set)
        fault: MailError | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._fetch.push:
                    tasks.create_task(stream.run(pause=self._fetch.interval_seconds), name="notifications")
                while True:
                    await self._catch_up(folders, ledgers)
                    await self._wait_for_news()
        except* MailError as group:
            fault = next(one for one in _leaves(group))
        if fault is not None:
            raise fault

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(self._fetch.interval_seconds):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()
        self._check()

    async def _catch_up(self, folders: "Sequence[EwsFolder]", ledgers: list[EwsLedger]) -> None:
        for number, folder in enumerate(folders):
            try:
                await self._read(folder, ledgers[number])
            except MailError as error:
                if error.vendor_code not in STALE:
                    raise
                ledgers[number] = self._adopt(folder.name, is_stale=True)
                await self._read(folder, ledgers[number])
        await self._act(folders)

    async def _act(self, folders: "Sequence[EwsFolder]") -> None:
        for folder in folders:
            ledger = self._pipeline.checkpoint.folders.get(folder.name)
            if isinstance(ledger, EwsLedger):
                await self._act_in(folder, ledger)

    async def _act_in(self, folder: "EwsFolder", ledger: EwsLedger) -> None:
        if self._after.is_due(ledger):
            await self._after.act(folder, ledger, target=self._make_target)

    async def _read(self, folder: "EwsFolder", ledger: EwsLedger) -> None:
        """Ask for page after page, until there is no more, and fetch what is wanted of it."""
        from mailbox_operator.fetcher.ews.calls import sync  # noqa: PLC0415 - 40 MiB, loaded by now

        is_last = False
        while not is_last:
            while ledger.is_crowded:
                self._check()
                await asyncio.sleep(PAUSE)
            await self._pipeline.valve.wait_open()
            page = await self._call(partial(sync, self._account, folder.handle, state=ledger.position))
            is_last = page.is_last
            wanted = {one.id: one for one in self._wanted(page, ledger)}
            fresh = ledger.announce(
                [*wanted, *(page.unread if self._watches_flags else ())], state=page.state, is_last=page.is_last
            )
            self._pipeline.changed()
            await self._download.deliver(folder, ledger, fresh, wanted)
            if len(ledger.owed) >= AT_ONCE:  # a ledger remembers so many and no more
                await self._act_in(folder, ledger)
        held = set(self._pipeline.held(folder.name, None))
        await self._download.deliver(folder, ledger, [one for one in ledger.reopened if one not in held], {})

    def _wanted(self, page: "Page", ledger: EwsLedger) -> "list[Listed]":
        """Return what of a page is not too old, the oldest first."""
        since = ledger.since if ledger.is_first_listing else None
        backwards = reversed(page.created)  # the newest come first, and times are in whole seconds
        return sorted(
            (one for one in backwards if since is None or one.received >= since), key=lambda one: one.received
        )

    async def _call(self, call: Callable[[], T], /) -> T:
        self._check()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await self._session.run(call)
        except TimeoutError:
            raise MailError(f"no answer within {CALL_SECONDS:g} s", area=Area.TCP) from None
        except MailError:
            self._check()
            raise

    def _check(self) -> None:
        if self._fault:
            raise self._fault

    def _follow_ups_due(self, _folder: str) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._end_gathering)

    def _end_gathering(self) -> None:
        self._timer = None
        self._news.set()


def _leaves(group: BaseExceptionGroup[MailError]) -> Iterator[MailError]:
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _leaves(one)
        else:
            yield one


def _nothing(_folder: str) -> None:
    """Nobody waits for follow-ups."""
