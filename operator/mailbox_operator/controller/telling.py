"""Events told to the API server: new ones, and repeats of one as its series."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from mailbox_operator.controller.client import Client
from mailbox_operator.controller.errors import ApiError
from mailbox_operator.controller.events import Happening, render_event, render_series
from mailbox_operator.controller.kinds import MAILBOX

log = logging.getLogger(__name__)

Object = dict[str, Any]

SERIES_ENDS: Final = timedelta(minutes=6)
"""Without a repeat for so long, the next one is an event of its own (as client-go does it)."""
REMEMBERED: Final = 1024


@dataclass(slots=True)
class Told:
    """An event that was told."""

    name: str
    last: datetime
    count: int = 1


@dataclass(slots=True, kw_only=True)
class Teller:
    """Tells of Mailboxes. An event that cannot be told is logged, and that is all."""

    client: Client
    pod: str
    clock: Callable[[], datetime]
    _told: dict[tuple[str, Happening], Told] = field(default_factory=dict)

    async def tell(self, happening: Happening, regarding: Object) -> None:
        """Tell that something happened to a Mailbox."""
        key, now = (regarding["metadata"]["uid"], happening), self.clock()
        try:
            told = self._told.pop(key, None)
            if told and now - told.last < SERIES_ENDS:
                told.count, told.last = told.count + 1, now
                await self._repeat(told, regarding)
            else:
                told = await self._first(happening, regarding)
        except ApiError as error:
            if not error.gone:
                log.warning("an event could not be written", extra={"error": str(error)})
            return
        self._told[key] = told
        if len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]

    async def _first(self, happening: Happening, regarding: Object) -> Told:
        now = self.clock()
        event = render_event(happening, regarding, kind=MAILBOX.name, now=now, pod=self.pod)
        await self.client.create_event(event)
        return Told(name=event["metadata"]["name"], last=now)

    async def _repeat(self, told: Told, regarding: Object) -> None:
        namespace = regarding["metadata"]["namespace"]
        await self.client.patch_event(namespace, told.name, render_series(count=told.count, last=told.last))
