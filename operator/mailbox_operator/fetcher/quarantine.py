"""Messages that were given up: left on the server, named here, and handed over once more when somebody asks.

A request is one line, `retry TARGET [TOKEN]` or `drop TARGET [TOKEN]`; the target is `all` or a message's key. The same
line is obeyed once, so that it may stay where it is written; another token makes it another request.
"""

import logging
from typing import Any, Final

from mailbox_operator.fetcher.ids import MessageId, UidValidity
from mailbox_operator.fetcher.message import MessageKey
from mailbox_operator.values import dataclass

log = logging.getLogger(__name__)

LIMIT: Final = 100
"""Messages listed with what was said of them."""
OLDER_LIMIT: Final = 400
"""Older ones of which the key is known, so that they can be retried; those before are only counted."""
SAID_LIMIT: Final = 256
REQUEST_LIMIT: Final = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A message that was given up: it stays on the server and is not tried again by itself."""

    folder: str
    uidvalidity: UidValidity | None
    id: MessageId
    said: str
    """Why, one line."""
    time: str
    """RFC 3339."""
    message_id: str = ""
    """Its Message-ID, where it has one."""

    @property
    def key(self) -> str:
        """What it is asked for by: the last parts of its delivery's id, unencoded."""
        return render_key((self.folder, self.uidvalidity, self.id))


def render_key(key: MessageKey) -> str:
    """Write a message's key: folder, UIDVALIDITY where there is one, id."""
    return "/".join(str(part) for part in key if part is not None)


class Quarantine:
    """The messages in it, and how many more there are that are too old to be listed."""

    def __init__(self) -> None:
        self.messages: dict[str, Quarantined] = {}
        """By key, oldest first."""
        self.older: dict[str, MessageKey] = {}
        """Not listed any more, oldest first; a request reaches them all the same."""
        self.forgotten = 0
        """Older still: out of reach."""
        self.handled = ""
        """The request that was obeyed last."""

    @property
    def count(self) -> int:
        """How many messages are in it."""
        return len(self.messages) + len(self.older) + self.forgotten

    @property
    def last(self) -> str:
        """The youngest one and why, in a line; "" where there is none."""
        found = next(reversed(self.messages.values()), None)
        return f"{found.key}: {found.said}" if found else ""

    def add(self, message: Quarantined) -> None:
        """Take one in."""
        self.release(message.key)
        self.messages[message.key] = message
        if len(self.messages) > LIMIT:
            oldest = self.messages.pop(next(iter(self.messages)))
            self.older[oldest.key] = (oldest.folder, oldest.uidvalidity, oldest.id)
        if len(self.older) > OLDER_LIMIT:
            del self.older[next(iter(self.older))]
            self.forgotten += 1

    def release(self, key: str) -> None:
        """Let one out that was handed over after all."""
        self.messages.pop(key, None)
        self.older.pop(key, None)

    def obey(self, request: str) -> tuple[str, list[MessageKey]]:
        """Obey a request, once; return what is asked (`retry`, `drop` or "") and the messages that are out by it."""
        request = request[:REQUEST_LIMIT].strip()
        if request == self.handled:
            return "", []
        self.handled = request
        action, _, rest = request.partition(" ")
        if action not in {"retry", "drop"}:
            if request:
                log.error("no request for the quarantine", extra={"request": request})
            return "", []
        target = rest.strip()
        known = self.older | {one.key: (one.folder, one.uidvalidity, one.id) for one in self.messages.values()}
        if target.split(" ")[0] == "all":
            if action == "drop":
                self.forgotten = 0
        else:
            known = {key: one for key, one in known.items() if target == key or target.startswith(f"{key} ")}
        for key in known:
            self.release(key)
        return action, list(known.values())

    def to_data(self) -> list[list[Any]]:
        """Return the list as JSON can hold it."""
        return [[q.folder, q.id, q.said, q.time, q.uidvalidity, q.message_id] for q in self.messages.values()]

    def older_data(self) -> list[list[Any]]:
        """Return those that are not listed as JSON can hold them: ids by folder and UIDVALIDITY."""
        groups: dict[tuple[str, UidValidity | None], list[MessageId]] = {}
        for folder, uidvalidity, message in self.older.values():
            groups.setdefault((folder, uidvalidity), []).append(message)
        return [[*group, ids] for group, ids in groups.items()]

    @classmethod
    def from_data(cls, entries: list[list[Any]], *, older: list[list[Any]], count: int, handled: str) -> "Quarantine":
        """Read what was written. Raises TypeError, ValueError."""
        made = cls()
        for folder, message, said, time, uidvalidity, message_id in entries:
            one = Quarantined(
                folder=str(folder),
                id=message if isinstance(message, int) else str(message),
                said=str(said),
                time=str(time),
                uidvalidity=None if uidvalidity is None else UidValidity(int(uidvalidity)),
                message_id=str(message_id),
            )
            made.messages[one.key] = one
        for folder, uidvalidity, ids in older:
            for message in ids:
                key = (
                    str(folder),
                    None if uidvalidity is None else UidValidity(int(uidvalidity)),
                    message if isinstance(message, int) else str(message),
                )
                made.older[render_key(key)] = key
        made.forgotten = max(0, count - len(made.messages) - len(made.older))
        made.handled = handled
        return made
