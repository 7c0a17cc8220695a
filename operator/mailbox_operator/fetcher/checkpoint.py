"""What a fetcher remembers: how far each folder is delivered, what was refused, which Message-IDs were seen."""

import json
from dataclasses import dataclass
from typing import Any, Final

from mailbox_operator.fetcher.ids import MessageId
from mailbox_operator.fetcher.ledger import Ledger, read_ledger
from mailbox_operator.fetcher.seen_window import SeenWindow

CHECKPOINT_VERSION: Final = 2
QUARANTINE_LIMIT: Final = 100
"""Messages listed one by one; older ones are only counted."""
TRIES_LIMIT: Final = 1_000


class CheckpointError(Exception):
    """The checkpoint cannot be read: which part, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A message that was given up: it stays on the server and is not tried again."""

    folder: str
    id: MessageId
    said: str
    """Why, one line."""
    time: str
    """RFC 3339."""


class Checkpoint:
    """Mutable, in memory; `to_json` is what is stored."""

    def __init__(self) -> None:
        self.folders: dict[str, Ledger] = {}
        self.seen = SeenWindow()
        self.quarantine: tuple[Quarantined, ...] = ()
        self.quarantined = 0
        """How many were given up in all."""
        self.messages_delivered = 0
        self.last_message_seconds: float | None = None
        """When the sink last accepted a message, since the epoch."""
        self.saved_seconds: float | None = None
        """When it was last written down, since the epoch."""
        self.tries: dict[str, int] = {}
        """How often a message, by `folder/id`, was refused so far."""

    def count_try(self, folder: str, message_id: MessageId) -> int:
        """Count a refusal of a message and return how many there were."""
        key = f"{folder}/{message_id}"
        tries = self.tries.pop(key, 0) + 1
        self.tries[key] = tries
        if len(self.tries) > TRIES_LIMIT:
            del self.tries[next(iter(self.tries))]
        return tries

    def settle(self, folder: str, message_id: MessageId) -> None:
        """Say that a message is done with."""
        self.folders[folder].settle(message_id)
        if self.tries:
            self.tries.pop(f"{folder}/{message_id}", None)

    def give_up(self, message: Quarantined) -> None:
        """Put a message into quarantine: it is done with."""
        self.quarantine = (*self.quarantine, message)[-QUARANTINE_LIMIT:]
        self.quarantined += 1
        self.settle(message.folder, message.id)

    def to_json(self) -> str:
        """Write it."""
        return json.dumps(
            {
                "version": CHECKPOINT_VERSION,
                "folders": {name: ledger.to_data() for name, ledger in self.folders.items()},
                "seen": self.seen.to_text(),
                "tries": self.tries,
                "quarantine": [[q.folder, q.id, q.said, q.time] for q in self.quarantine],
                "quarantined": self.quarantined,
                "messagesDelivered": self.messages_delivered,
                "savedSeconds": self.saved_seconds,
                "lastMessageSeconds": self.last_message_seconds,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> "Checkpoint":
        """Read what `to_json` wrote, of this version or one before. Raises CheckpointError: a fetcher that forgot would deliver everything again."""
        try:
            data = _upgrade(json.loads(text))
            checkpoint = cls()
            checkpoint.folders = {str(name): read_ledger(entry) for name, entry in data["folders"].items()}
            checkpoint.seen = SeenWindow.from_text(data["seen"])
            checkpoint.tries = {str(key): int(tries) for key, tries in data["tries"].items()}
            checkpoint.quarantine = tuple(
                Quarantined(folder=str(folder), id=_message_id(message), said=str(said), time=str(time))
                for folder, message, said, time in data["quarantine"]
            )
            checkpoint.quarantined = int(data["quarantined"])
            checkpoint.messages_delivered = int(data["messagesDelivered"])
            checkpoint.saved_seconds = _seconds(data["savedSeconds"])
            checkpoint.last_message_seconds = _seconds(data["lastMessageSeconds"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"the checkpoint cannot be read: {error!r}") from error
        return checkpoint


def _upgrade(data: Any) -> dict[str, Any]:
    """Return a checkpoint of any version as one of this version."""
    match data["version"]:
        case 1:  # knew IMAP only
            return {**data, "folders": {name: _upgrade_folder(ledger) for name, ledger in data["folders"].items()}}
        case version if version == CHECKPOINT_VERSION:
            return dict(data)
        case version:
            raise CheckpointError(f"version {version!r}: this fetcher reads up to {CHECKPOINT_VERSION}")


def _upgrade_folder(ledger: Any) -> dict[str, Any]:
    owed = {"atOnce": ledger["unmarked"], "later": []}
    return {**ledger, "kind": "imap", "reopened": "", "owed": owed, "unseen": None}


def _message_id(value: Any) -> MessageId:
    return value if isinstance(value, int) else str(value)


def _seconds(value: float | None) -> float | None:
    return None if value is None else float(value)
