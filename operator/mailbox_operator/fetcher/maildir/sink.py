"""The Maildir sink: one file a message, durable in groups.

A message is written where it arrives, on the loop's thread: two threads lose more by handing the interpreter to and fro
than the file costs (27 µs). What waits for the disk, and only that, runs on a thread.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from mailbox_operator.fetcher.backoff import backoff_seconds
from mailbox_operator.fetcher.maildir.fault import DiskFault, judge_os_error
from mailbox_operator.fetcher.maildir.folder import MaildirFolder
from mailbox_operator.fetcher.maildir.held import Held
from mailbox_operator.fetcher.maildir.name import Names
from mailbox_operator.fetcher.memory import keep_freed
from mailbox_operator.fetcher.message import Message, MessageKey, Parcel
from mailbox_operator.fetcher.plan import Maildir
from mailbox_operator.fetcher.sink import SinkContext, SinkHealth
from mailbox_operator.fetcher.sink_trouble import name_trouble
from mailbox_operator.fetcher.spool import Spool

GROUP: Final = 256
"""Messages made durable together, at most."""
GROUP_OCTETS: Final = 4 << 20
"""The same for what they keep in memory: they are written again should the disk fail them."""
PATIENCE: Final = 0.1
"""Seconds that a group waits at most, while many come …"""
LULL: Final = 0.01
"""… and for so long none has come, which also is how a fetch ends: to wait on took 0.1 s of 1.4 for 10,000 messages."""
HASTE: Final = 0.005
"""Seconds that a group waits while few come."""
MANY: Final = 16
FIRST_BACKOFF: Final = 1.0
LONGEST_BACKOFF: Final = 60.0
FAILING_AFTER: Final = 300.0
REPEATS: Final = 20_000
"""So many messages after the start may have been delivered by a process before this one that could not write it down."""
KNOWN: Final = 100_000
"""Of how many files the names are kept to see these; in a larger Maildir a repeat replaces its like, or stands beside it."""
KNOWN_SECONDS: Final = 600.0
HELD: Final = 2 * GROUP
HELD_OCTETS: Final = 2 * GROUP_OCTETS
"""What is on its way in all, above which no more is wanted; three quarters of it opens again."""


class MaildirSink:
    """Holds messages until they are durable."""

    def __init__(self, maildir: Maildir, context: SinkContext) -> None:
        self._path = Path(maildir.path)
        self._listener = context.listener
        self._meter = context.meter
        self._chance = context.chance
        self._loop = asyncio.get_running_loop()
        self._names = Names(context.mailbox.uid)
        self._folder: MaildirFolder | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="maildir")
        self._task: asyncio.Task[None] | None = None
        self._held: dict[MessageKey, Held] = {}
        self._octets = 0
        self._waiting: deque[Held] = deque()
        """To be written once the volume lets us."""
        self._group: list[Held] = []
        """Written, to be made durable next."""
        self._group_octets = 0
        self._last_size = 0
        self._committing = False
        self._due = asyncio.Event()
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._alarm: asyncio.TimerHandle | None = None
        self._full, self._failures = False, 0
        self._fault: DiskFault | None = None
        self._accepted_at = self._loop.time()
        self._known, self._repeats_left = frozenset[str](), REPEATS
        self._stopped = False

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Open the Maildir and make durable what comes."""
        self._task = tasks.create_task(self._run(), name="maildir")

    def held(self) -> Iterable[Message]:
        """Return the messages that are not durable."""
        return (held.message for held in self._held.values())

    def health(self, *, now: float) -> SinkHealth:
        """Say how it goes."""
        fault = self._fault
        if fault is None or not self._held:
            return SinkHealth(held=len(self._held))
        waiting = now - max(self._accepted_at, min(held.since for held in self._held.values()))
        failing = fault.is_lasting or waiting >= FAILING_AFTER
        reason, said = fault.reason, fault.said
        if failing:
            reason, said = name_trouble(fault.evidence, reason=reason, said=said)
        return SinkHealth(held=len(self._held), failing=failing, reason=reason, said=said)

    def offer(self, parcels: Sequence[Parcel]) -> None:
        """Take messages and write their files; one that is held already is not taken twice."""
        now, is_free = self._loop.time(), not self._waiting
        taken, waiting, middle = self._held, self._waiting, self._names.middle
        for message, body in parcels:
            key = message.key
            if key not in taken:
                waiting.append(held := Held(message, middle(key), body, since=now))
                taken[key] = held
                self._octets += len(held.octets)
            elif isinstance(body, Spool):
                body.close()
        if is_free and self._folder and not self._stopped:
            self._write_waiting(self._folder)
        self._tell_pressure()

    def hurry(self) -> None:
        """Make durable what is written, without waiting for more of it."""
        if self._group:
            self._due.set()

    def look(self) -> None:
        """Nothing that could change is mounted but the Maildir itself."""

    def stop(self) -> None:
        """Write no more; what is written is still made durable."""
        self._stopped = True
        self._due.set()

    async def drain(self) -> None:
        """Return when nothing is being made durable any more."""
        await self._at_rest.wait()

    def close(self) -> None:
        """Let go of what is held; files below `tmp` go with the next start."""
        self._stopped = True
        if self._alarm:
            self._alarm.cancel()
        if self._task:
            self._task.cancel()
        for held in self._held.values():
            if held.spool:
                held.spool.close()
        self._held.clear()
        self._thread.shutdown(wait=False)
        if self._folder and not self._committing:  # else the thread still works in it, and the process ends anyway
            self._folder.close()

    async def _run(self) -> None:
        folder = await self._open()
        self._write_waiting(folder)
        while True:
            await self._due.wait()
            self._due.clear()
            if self._group:
                await self._commit(folder)
            if not self._group:
                self._at_rest.set()
            if self._waiting and not self._stopped:
                if self._failures:
                    await asyncio.sleep(self._backoff())
                self._write_waiting(folder)
            self._tell_pressure()

    async def _open(self) -> MaildirFolder:
        while True:
            try:
                folder, self._known = await self._loop.run_in_executor(self._thread, self._open_folder)
            except OSError as error:
                self._fail(error)
                await asyncio.sleep(self._backoff())
            else:
                self._folder = folder
                self._loop.call_later(KNOWN_SECONDS, self._forget_known)
                return folder

    def _open_folder(self) -> tuple[MaildirFolder, frozenset[str]]:
        folder = MaildirFolder(self._path)
        folder.sweep(mark=self._names.mark)
        return folder, folder.known(mark=self._names.mark, limit=KNOWN)

    def _write_waiting(self, folder: MaildirFolder) -> None:
        """Write what waits, until the group is full or the volume fails."""
        waiting, group = self._waiting, self._group
        while waiting and len(group) < GROUP and self._group_octets < GROUP_OCTETS:
            held = waiting[0]
            if self._known and self._is_repeat(held):
                self._loop.call_soon(self._deliver_repeat, held)
            else:
                try:
                    held.write(folder)
                except OSError as error:
                    self._fail(error)
                    self._due.set()
                    return
                group.append(held)
                self._group_octets += len(held.octets)
            waiting.popleft()
        self._schedule_commit()

    def _schedule_commit(self) -> None:
        if self._waiting or len(self._group) >= GROUP or self._group_octets >= GROUP_OCTETS:
            self._due.set()
        elif self._group and self._alarm is None:
            if self._last_size < MANY:
                self._alarm = self._loop.call_later(HASTE, self._due.set)
            else:
                self._wait_for_lull(self._loop.time() + PATIENCE)
        if self._group:
            self._at_rest.clear()

    def _wait_for_lull(self, latest: float) -> None:
        """Have the group made durable once no message came for a while, and at the `latest` then."""
        when = min(self._group[-1].since + LULL, latest)
        if self._loop.time() < when:
            self._alarm = self._loop.call_at(when, self._wait_for_lull, latest)
        else:
            self._due.set()

    def _is_repeat(self, held: Held) -> bool:
        """Say whether an earlier process has delivered it and was killed before it could write that down."""
        self._repeats_left -= 1
        found = held.middle in self._known
        if not self._repeats_left:
            self._forget_known()
        return found

    def _forget_known(self) -> None:
        self._known, self._repeats_left = frozenset(), 0

    async def _commit(self, folder: MaildirFolder) -> None:
        """Make the group durable and report it, or have it written again."""
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        group, self._group, self._group_octets = self._group, [], 0
        self._last_size = len(group)
        keep_freed()  # a group's memory is the next one's
        middles = [held.middle for held in group]
        self._committing = True
        try:
            syncing = self._loop.run_in_executor(self._thread, folder.sync, middles)
            if not (self._stopped or self._failures):
                self._write_waiting(folder)  # the next group, while the disk is busy with this one
            await syncing
            for held in group:  # here, not on the thread: it would fight for the interpreter at each of them
                folder.publish(held.middle, held.name)
            await self._loop.run_in_executor(self._thread, folder.sync_names)
        except OSError as error:
            self._waiting.extendleft(reversed(group))
            self._fail(error)
            return
        finally:
            self._committing = False
        self._accepted_at = self._loop.time()
        self._fault, self._failures = None, 0
        self._deliver(group)

    def _deliver(self, group: Sequence[Held]) -> None:
        now, let_go = self._loop.time(), self._held.pop
        delivered = [held for held in group if let_go(held.message.key, None)]  # others were closed in between
        for held in delivered:
            self._octets -= len(held.octets)
            if held.spool:
                held.spool.close()
        self._meter.sink_seconds.observe(*(now - held.since for held in delivered))
        self._listener.delivered([held.message for held in delivered])

    def _deliver_repeat(self, held: Held) -> None:
        """Report what is there already; where all are repeats no group's end says that there is room again."""
        self._deliver((held,))
        self._tell_pressure()

    def _fail(self, error: OSError) -> None:
        self._fault = judge_os_error(error)
        self._failures += 1
        self._meter.retries += 1

    def _backoff(self) -> float:
        return backoff_seconds(self._failures, first=FIRST_BACKOFF, longest=LONGEST_BACKOFF, chance=self._chance())

    def _tell_pressure(self) -> None:
        share = 0.75 if self._full else 1.0
        full = (
            len(self._held) > HELD * share
            or self._octets > HELD_OCTETS * share
            or (bool(self._waiting) and (self._fault is not None or self._folder is None))
        )
        if full != self._full:
            self._full = full
            self._listener.pressure(full=full)
