"""When the checkpoint is written: at once when idle, at most once a second under load, with back-off when it fails."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from mailbox_operator.fetcher.backoff import backoff_seconds
from mailbox_operator.fetcher.checkpoint.store import Store, StoreAwayError
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.progress import Progress
from mailbox_operator.fetcher.valve import Reason, Valve

log = logging.getLogger(__name__)

PAUSE: Final = 1.0
"""Seconds between two writes."""
LONGEST_BACKOFF: Final = 30.0
AWAY_SECONDS: Final = 300.0
AWAY_MESSAGES: Final = 10_000
"""So long, and for so many messages, delivery goes on while nothing can be written down; a crash would repeat them."""


class CheckpointWriter:
    """Writes what `pipeline` has settled and what `progress` says."""

    def __init__(
        self,
        store: Store,
        *,
        pipeline: Pipeline,
        progress: Callable[[], Progress],
        valve: Valve,
        chance: Callable[[], float],
    ) -> None:
        self._store = store
        self._pipeline = pipeline
        self._progress = progress
        self._valve = valve
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        self._due = asyncio.Event()
        self._written_at = -PAUSE
        self._failing_since: float | None = None
        self._said = ""
        self._last = Progress()
        self.fault = ""
        """Why delivery waits for the store, or ""."""
        pipeline.changed = self._note_change

    def look(self) -> None:
        """See whether there is news that no message brought; call it now and then."""
        progress = self._progress()
        last = self._last
        if (progress.state, progress.reason, progress.message) != (last.state, last.reason, last.message):
            self._due.set()
        self._judge_away()

    def _note_change(self) -> None:
        self._due.set()
        if self._failing_since is not None:  # ten thousand messages come within a second
            self._judge_away()

    async def run(self) -> None:
        """Write whenever it is due, for ever. Raises FencedError."""
        failures = 0
        while True:
            await self._due.wait()
            await asyncio.sleep(max(0.0, self._written_at + PAUSE - self._loop.time()))
            try:
                await self.write()
            except StoreAwayError as error:
                failures += 1
                self._pipeline.meter.checkpoint_failures += 1
                if failures == 1:
                    log.warning("checkpoint cannot be written", extra={"said": str(error)})
                if self._failing_since is None:
                    self._failing_since = self._loop.time()
                self._said = str(error)
                await asyncio.sleep(
                    backoff_seconds(failures, first=PAUSE, longest=LONGEST_BACKOFF, chance=self._chance())
                )
                continue
            if failures:
                log.info("checkpoint is written again", extra={"failures": failures})
            failures = 0

    async def write(self) -> None:
        """Write now. Raises StoreAwayError, FencedError."""
        self._due.clear()
        pipeline, progress = self._pipeline, self._progress()
        unsaved = pipeline.unsaved
        pipeline.checkpoint.saved_seconds = time.time()
        try:
            await self._store.save(checkpoint=pipeline.checkpoint.to_json(), progress=progress.to_json())
        except StoreAwayError:
            self._due.set()
            raise
        self._written_at = self._loop.time()
        self._last = progress
        pipeline.unsaved -= unsaved
        self._failing_since = None
        self._judge_away()

    def _judge_away(self) -> None:
        """Stop taking mail in when too much could not be written down."""
        since = self._failing_since
        away = since is not None and (
            self._loop.time() - since > AWAY_SECONDS or self._pipeline.unsaved > AWAY_MESSAGES
        )
        self.fault = self._said if away else ""
        self._valve.set(Reason.CHECKPOINT_AWAY, closed=away)
