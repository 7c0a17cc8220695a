"""Children brought to what they should be: server-side apply, only where something differs."""

from typing import Any

from mailbox_operator.controller.client import Client
from mailbox_operator.controller.kinds import Key, Kind
from mailbox_operator.controller.store import Store, key_of, version

Object = dict[str, Any]


def covers(observed: Any, wanted: Any) -> bool:
    """Whether what is observed holds all that is wanted; what the API server or others have added does not count."""
    if isinstance(wanted, dict):
        return isinstance(observed, dict) and all(
            (key in observed and covers(observed[key], value)) or (key not in observed and value in ({}, []))
            for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(observed, list)
            and len(observed) == len(wanted)
            and all(covers(one, other) for one, other in zip(observed, wanted, strict=True))
        )
    return bool(observed == wanted)


class Applier:
    """Applies objects and remembers what was applied, so that a value that the API server spells otherwise is sent once."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store
        self._applied: dict[Key, tuple[Object, int]] = {}

    async def apply(self, kind: Kind, wanted: Object) -> bool:
        """Apply `wanted` unless it is so already. Returns whether the object was made new. Raises ApiError."""
        key = key_of(kind.name, wanted)
        observed = self._store.get(key)
        if observed is not None:
            if covers(observed, wanted):
                return False
            before = self._applied.get(key)
            if before and before == (wanted, version(observed)):
                return False
        result = await self._client.apply(kind, wanted)
        self._store.put(kind.name, result)
        self._applied[key] = (wanted, version(result))
        return observed is None

    def forget(self, key: Key) -> None:
        """Forget what was applied, of an object that is no more."""
        self._applied.pop(key, None)
