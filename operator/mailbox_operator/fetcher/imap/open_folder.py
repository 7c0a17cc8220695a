"""A folder that is open: catch up with it, look for news in it, do in it what is owed."""

from collections.abc import Sequence
from contextlib import aclosing

from mailbox_operator.fetcher.checkpoint.uid_set import render_uid_set
from mailbox_operator.fetcher.ids import Uid
from mailbox_operator.fetcher.imap.adoption import adopt_folder, known_ledger, why_anew
from mailbox_operator.fetcher.imap.after import AfterFetch
from mailbox_operator.fetcher.imap.criteria import render_criteria
from mailbox_operator.fetcher.imap.data import Listed, seconds_of_date
from mailbox_operator.fetcher.imap.download import Download
from mailbox_operator.fetcher.imap.folder import Foreseen, ImapFolder, Selected
from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.fetcher.imap.link import ImapLink
from mailbox_operator.fetcher.imap.windows import SEARCH_LIST, SEARCH_WINDOW, ask_windows
from mailbox_operator.fetcher.pipeline import Pipeline, follows_up
from mailbox_operator.fetcher.progress import ResetReason
from mailbox_operator.mail.folders import Folder

ACTS_FROM = 1_000
"""Messages to be marked, moved or deleted before more is listed: a ledger remembers so many (`owed.LIMIT`) and no more."""
SETTLED_SECONDS = 2.0
"""For what was just fetched to be delivered, before another folder is opened."""


class OpenFolder:
    """Made by `open_folder`. All may raise MailError and HeldBackError."""

    def __init__(self, folder: ImapFolder, selected: Selected, *, link: ImapLink, pipeline: Pipeline) -> None:
        self.folder = folder
        self.name = folder.name
        self.ledger = adopt_folder(pipeline, folder.name, selected)
        self._may_write = selected.may_write
        self._link = link
        self._pipeline = pipeline
        self._download = Download(folder, ledger=self.ledger, pipeline=pipeline, patience=link.patience)
        self._criteria = render_criteria(pipeline.fetch)
        link.connection.on_messages = self._download.receive

    async def catch_up(self, *, through: Uid, after: AfterFetch) -> None:
        """Fetch what is new up to `through`, and what is to be handed over once more."""
        ledger, exists = self.ledger, self._link.connection.exists
        windows = ask_windows(self.folder, ledger, through=through, exists=exists, criteria=self._criteria)
        async with aclosing(windows):
            upcoming = await anext(windows, None)
            while upcoming:
                listed = await self.folder.take_list(upcoming.asked) if upcoming.asked else upcoming.listed
                window = upcoming
                if len(ledger.owed.at_once) >= ACTS_FROM:  # here no other listing is under way
                    await self.act(after)
                # The next listing leaves before this window's bodies are asked for: then it is here when they are.
                upcoming = await windows.asend(len(listed)) if window.through < through else None
                await self._link.patience.until(lambda: not ledger.is_crowded)
                await self._download.add(_young_enough(listed, ledger), through=window.through)
        await self._download.finish()
        await self._look_at_flags()
        await self.fetch_again()
        await self.act(after)

    def tear(self) -> None:
        """Note that the connection has ended."""
        self._download.tear()

    async def look(self, *, before: bytes) -> None:
        """See what is new; `before` leaves in the same write. The server says so after NOOP, if not before."""
        noop = self._link.connection.send(b"NOOP", before=before)
        asked = self.folder.ask_list(b"%d:*" % (self.ledger.through + 1))
        await self._link.patience.reply(noop)
        # `n:*` names the last message even where all are below n (RFC 9051 section 6.4.9).
        listed = [message for message in await self.folder.take_list(asked) if message.uid > self.ledger.through]
        if listed:
            await self._download.add(await self._found(listed), through=listed[-1].uid)
            await self._download.finish()
        await self._look_at_flags()
        await self.fetch_again()

    async def fetch_again(self) -> None:
        """Fetch what was done with and is to be handed over once more."""
        held = set(self._pipeline.held(self.name, self.ledger.uidvalidity))
        if uids := [uid for uid in self.ledger.reopened if uid not in held]:
            await self._download.again(await self.folder.list_messages(render_uid_set(uids).encode()), uids)

    async def act(self, after: AfterFetch) -> None:
        """Do what is due on the server. A folder that can only be read is left as it is."""
        if not self._may_write:
            self.ledger.owed.done(list(self.ledger.owed.at_once))
        elif after.is_due(self.ledger):
            await after.act(self.folder, self.ledger)

    async def _found(self, listed: Sequence[Listed]) -> Sequence[Listed]:
        """Leave out what the server can tell apart by its headers, without fetching it."""
        if not self._criteria:
            return listed
        matching: list[Listed] = []
        for start in range(0, len(listed), SEARCH_LIST):
            part = listed[start : start + SEARCH_LIST]
            uids = render_uid_set(message.uid for message in part).encode()
            found = await self.folder.search(uids, self._criteria)
            matching += part if found is None else [message for message in part if message.uid in set(found)]
        return matching

    async def _look_at_flags(self) -> None:
        r"""Have messages handed over again that were marked unread."""
        if not self.ledger.watches_flags:
            return
        youngest = max(1, self.ledger.through - SEARCH_WINDOW)
        unseen = await self.folder.search(b"%d:*" % youngest, b"UNSEEN")
        if unseen is not None:
            self.ledger.reopen(self.ledger.look_at_unseen(unseen))
            self._pipeline.changed()


async def open_folder(
    folder: Folder, *, link: ImapLink, pipeline: Pipeline, say_who: bool, foreseen: Foreseen | None
) -> tuple[OpenFolder, Uid]:
    """Open a folder, of which was asked for what was `foreseen`; return it, and the last UID that it may have by now."""
    commands = ImapFolder(folder, link=link)
    selected = await commands.select(read_only=not follows_up(pipeline.fetch), say_who=say_who, foreseen=foreseen)
    link.connection.news.clear()  # what comes from here on is news, also while it is waited below
    known = known_ledger(pipeline, folder.name)
    if known and why_anew(known, selected) is ResetReason.WENT_BACK:
        selected = await commands.check_uidnext(selected)
        if why_anew(known, selected):  # what still waits for the sink has the UIDs that others get now
            await link.patience.until(lambda: not pipeline.held(folder.name, selected.uidvalidity))
    return OpenFolder(commands, selected, link=link, pipeline=pipeline), Uid(selected.uidnext - 1)


def _young_enough(listed: Sequence[Listed], ledger: ImapLedger) -> Sequence[Listed]:
    """Leave out what is too old for the first sync: SEARCH knows days only."""
    since, through = ledger.since, ledger.since_through
    if since is None:
        return listed
    return [
        message
        for message in listed
        if message.uid > through or (seconds_of_date(message.internaldate) or since) >= since
    ]
