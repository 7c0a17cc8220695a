"""What a fetcher tells the operator: part of the checkpoint ConfigMap, key `progress.json`."""

import json
from enum import StrEnum

from mailbox_operator.values import dataclass


class State(StrEnum):
    """What the fetcher is at."""

    STARTING = "Starting"
    IDLE = "Idle"
    """Nothing waits; the source is watched."""
    DELIVERING = "Delivering"
    LOGIN_REFUSED = "LoginRefused"
    """The server refused the credential; the fetcher waits and does not knock again until it changes."""
    SOURCE_FAILING = "SourceFailing"
    SINK_FAILING = "SinkFailing"
    """The sink has accepted nothing for five minutes while something waits."""
    SINK_GONE = "SinkGone"
    """The sink answered 410; delivery has stopped."""


class ResetReason(StrEnum):
    """Why what was remembered of a folder holds no longer."""

    RENUMBERED = "UIDValidityChanged"
    WENT_BACK = "UIDNextWentBack"
    """The server gives UIDs a second time: a backup was restored, say."""
    PLACE_LOST = "SyncStateLost"
    """Exchange knows our place in the folder no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counters and the state. Times are RFC 3339, UTC, whole seconds."""

    state: State = State.STARTING
    reason: str = ""
    """Of a failing state: the finding's reason."""
    message: str = ""
    """Of a failing state: the finding's message, one line, without secrets."""
    last_message_time: str | None = None
    messages_delivered: int = 0
    pending: int = 0
    quarantined: int = 0
    """Messages in quarantine."""
    last_quarantined: str = ""
    """The youngest of them and why, one line."""
    rescan_time: str | None = None
    """When the checkpoint was found lost, if it was: older messages were handed over once more."""
    reset_time: str | None = None
    """When a folder was last read again since what was remembered of it held no longer."""
    reset_folder: str = ""
    reset_reason: str = ""
    """A ResetReason."""

    def to_json(self) -> str:
        """Write it with sorted keys."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Progress":
        """Read what `to_json` wrote, of this or a later version. Raises ValueError."""
        data = json.loads(text)
        if not isinstance(data, dict):
            raise ValueError("progress.json is no object")  # noqa: TRY004 - one error type for callers
        known = {key: data[key] for key in cls.__slots__ if key in data}
        return cls(**known | {"state": State(known.get("state", State.STARTING))})
