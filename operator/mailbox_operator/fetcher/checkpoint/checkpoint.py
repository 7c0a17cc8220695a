"""What a fetcher remembers: how far each folder is delivered, what was refused, which Message-IDs were seen."""

import json
from typing import Any, Final, NamedTuple

from mailbox_operator.fetcher.checkpoint.ledger import Ledger, read_ledger
from mailbox_operator.fetcher.checkpoint.seen_window import SeenWindow
from mailbox_operator.fetcher.ids import MessageId
from mailbox_operator.fetcher.quarantine import Quarantine, Quarantined

CHECKPOINT_VERSION: Final = 2
ANY: Final = "*"
TRIES_LIMIT: Final = 1_000


class Reset(NamedTuple):
    """A folder that is read again, since what was remembered of it holds no longer."""

    folder: str
    reason: str
    seconds: float
    """Since the epoch."""


class CheckpointError(Exception):
    """The checkpoint cannot be read: which part, and why."""


class Checkpoint:
    """Mutable, in memory; `to_json` is what is stored."""

    def __init__(self) -> None:
        self.folders: dict[str, Ledger] = {}
        self.seen = SeenWindow()
        self.quarantine = Quarantine()
        self.rescans: dict[str, float] = {}
        """Folders (ANY: all) whose older messages may have been delivered before, and since when (epoch) that is so."""
        self.reset: Reset | None = None
        """The last one."""
        self.messages_delivered = 0
        self.last_message_seconds: float | None = None
        """When the sink last accepted a message, since the epoch."""
        self.saved_seconds: float | None = None
        """When it was last written down, since the epoch."""
        self.listed_seconds: float | None = None
        """When all folders were last looked through, since the epoch."""
        self.tries: dict[str, int] = {}
        """How often a message, by `folder/id`, was refused so far."""

    def may_repeat(self, folder: str, arrived: float | None) -> bool:
        """Whether a message that `arrived` then may have been delivered before all memory of it was lost."""
        since = max(self.rescans.get(folder, 0.0), self.rescans.get(ANY, 0.0))
        return bool(since) and (arrived is None or arrived <= since)

    def note_reset(self, reset: Reset) -> None:
        """Note that a folder is read again: its ids mean something else, and its older messages may be repeats."""
        self.tries.clear()
        self.rescans[reset.folder] = reset.seconds
        self.reset = reset

    def count_try(self, folder: str, message_id: MessageId) -> int:
        """Count a refusal of a message and return how many there were."""
        key = f"{folder}/{message_id}"
        tries = self.tries.pop(key, 0) + 1
        self.tries[key] = tries
        if len(self.tries) > TRIES_LIMIT:
            del self.tries[next(iter(self.tries))]
        return tries

    def settle(self, folder: str, *message_ids: MessageId) -> None:
        """Say that messages are done with."""
        self.folders[folder].settle(*message_ids)
        if self.tries:
            for message_id in message_ids:
                self.tries.pop(f"{folder}/{message_id}", None)

    def give_up(self, message: Quarantined) -> None:
        """Put a message into quarantine: it is done with."""
        self.quarantine.add(message)
        self.settle(message.folder, message.id)

    def obey(self, request: str) -> int:
        """Obey a request for the quarantine, once; return how many messages it concerned."""
        action, released = self.quarantine.obey(request)
        for folder, uidvalidity, message_id in released:
            self.tries.pop(f"{folder}/{message_id}", None)
            ledger = self.folders.get(folder)
            if action == "retry" and ledger and ledger.uidvalidity == uidvalidity:
                ledger.reopen((message_id,))
        return len(released)

    def to_json(self) -> str:
        """Write it."""
        return json.dumps(
            {
                "version": CHECKPOINT_VERSION,
                "folders": {name: ledger.to_data() for name, ledger in self.folders.items()},
                "seen": self.seen.to_text(),
                "tries": self.tries,
                "quarantine": self.quarantine.to_data(),
                "quarantinedBefore": self.quarantine.older_data(),
                "quarantined": self.quarantine.count,
                "handledRequest": self.quarantine.handled,
                "rescans": self.rescans,
                "reset": self.reset,
                "messagesDelivered": self.messages_delivered,
                "savedSeconds": self.saved_seconds,
                "listedSeconds": self.listed_seconds,
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
            checkpoint.quarantine = Quarantine.from_data(
                data["quarantine"],
                older=data.get("quarantinedBefore", []),
                count=int(data["quarantined"]),
                handled=str(data["handledRequest"]),
            )
            checkpoint.rescans = {str(name): float(seconds) for name, seconds in data["rescans"].items()}
            if (reset := data.get("reset")) is not None:
                checkpoint.reset = Reset(str(reset[0]), str(reset[1]), float(reset[2]))
            checkpoint.messages_delivered = int(data["messagesDelivered"])
            checkpoint.saved_seconds = _seconds(data["savedSeconds"])
            checkpoint.listed_seconds = _seconds(data.get("listedSeconds"))
            checkpoint.last_message_seconds = _seconds(data["lastMessageSeconds"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"the checkpoint cannot be read: {error!r}") from error
        return checkpoint


def _upgrade(data: Any) -> dict[str, Any]:
    """Return a checkpoint of any version as one of this version."""
    match data["version"]:
        case 1:  # knew IMAP only
            folders = {name: _upgrade_folder(ledger) for name, ledger in data["folders"].items()}
            quarantine = [[*entry, _uidvalidity(folders.get(entry[0])), ""] for entry in data["quarantine"]]
            return {**data, "folders": folders, "quarantine": quarantine, "handledRequest": "", "rescans": {}}
        case version if version == CHECKPOINT_VERSION:
            return dict(data)
        case version:
            raise CheckpointError(f"version {version!r}: this fetcher reads up to {CHECKPOINT_VERSION}")


def _upgrade_folder(ledger: Any) -> dict[str, Any]:
    owed = {"atOnce": ledger["unmarked"], "later": []}
    return {**ledger, "kind": "imap", "reopened": "", "owed": owed, "unseen": None}


def _uidvalidity(ledger: dict[str, Any] | None) -> int | None:
    return int(ledger["uidvalidity"]) if ledger else None


def _seconds(value: float | None) -> float | None:
    return None if value is None else float(value)
