"""What a fetcher asks of an Exchange server, by exchangelib. Each call blocks and raises MailError."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from exchangelib.items import ALWAYS_OVERWRITE, ID_ONLY, SOFT_DELETE
from exchangelib.properties import FolderId, ItemId
from exchangelib.services import GetStreamingEvents, SubscribeToStreaming, SyncFolderItems, Unsubscribe
from exchangelib.services.common import EWSService

from mailbox_operator.mail.ews.errors import ews_errors

PAGE: Final = 256
"""Changes asked for at once; the server allows 512."""
LISTED_FIELDS: Final = ("size", "datetime_received", "is_read")
GONE: Final = frozenset({"ErrorItemNotFound"})
EVENTS: Final = ("NewMailEvent", "CreatedEvent", "MovedEvent", "ModifiedEvent")
MOST_IDS: Final = 100
"""In one request that changes items."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A message as a listing shows it."""

    id: str
    size: int
    """Octets that it takes on the server, which is more than the message has."""
    received: float
    """When the server took it, since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer to SyncFolderItems."""

    created: tuple[Listed, ...]
    unread: tuple[str, ...]
    """Ids of messages that were marked unread."""
    state: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message's octets; or of its header alone."""

    id: str
    octets: bytes
    size: int
    received: float
    is_read: bool


class _Sync(SyncFolderItems):  # type: ignore[misc]  # the library is untyped
    """Hears an error before it looks for a sync state, which there need not be beside one."""

    def _get_element_container(self, message: Any, name: str | None = None) -> Any:
        if message.get("ResponseClass") == "Error":
            return EWSService._get_element_container(self, message=message, name=name)  # noqa: SLF001 - it raises
        return super()._get_element_container(message=message, name=name)


def sync(account: Any, folder: Any, *, state: str) -> Page:
    """Return the next changes of a folder; in its first listing the newest come first."""
    with ews_errors():
        service = _Sync(account=account)
        fields = folder.normalize_fields(LISTED_FIELDS)
        changes = list(
            service.call(
                folder=folder,
                shape=ID_ONLY,
                additional_fields=fields,
                sync_state=state or None,
                ignore=None,
                max_changes_returned=PAGE,
                sync_scope="NormalItems",
            )
        )
        created = tuple(_listed(item) for kind, item in changes if kind == service.CREATE)
        unread = tuple(_id(item[0]) for kind, item in changes if kind == service.READ_FLAG_CHANGE and item[1] is False)
        if not service.sync_state:
            raise ValueError("SyncFolderItems without a SyncState")
        return Page(
            created=created, unread=unread, state=service.sync_state, is_last=bool(service.includes_last_item_in_range)
        )


def get_messages(account: Any, folder: Any, ids: Sequence[str], *, whole: bool) -> list[Fetched]:
    """Return messages, in any order; those that have gone meanwhile are missing. `whole`: not the header alone."""
    fields = ("mime_content", *LISTED_FIELDS) if whole else ("headers", *LISTED_FIELDS)
    found = []
    with ews_errors():
        asked = [ItemId(id=one) for one in ids]
        for item in account.fetch(asked, folder=folder, only_fields=fields, chunk_size=max(1, len(asked))):
            if isinstance(item, Exception):
                if type(item).__name__ not in GONE:
                    raise item
                continue
            octets = item.mime_content if whole else _header(item.headers or ())
            found.append(
                Fetched(
                    _id(item), octets or b"", int(item.size or 0), _seconds(item.datetime_received), bool(item.is_read)
                )
            )
    return found


def mark_read(account: Any, folder: Any, ids: Sequence[str]) -> None:
    """Mark messages as read, and let no receipt go out for it. The server wants the newest change key of each."""
    with ews_errors():
        asked = [ItemId(id=one) for one in ids]
        unread = [
            item
            for item in account.fetch(asked, folder=folder, only_fields=("is_read",), chunk_size=MOST_IDS)
            if not isinstance(item, Exception) and not item.is_read
        ]
        for item in unread:
            item.is_read = True
        if unread:
            changes = [(item, ("is_read",)) for item in unread]
            _each(account.bulk_update(changes, conflict_resolution=ALWAYS_OVERWRITE, chunk_size=MOST_IDS))


def move(account: Any, ids: Sequence[str], *, target: Any) -> None:
    """Move messages."""
    with ews_errors():
        _each(account.bulk_move([ItemId(id=one) for one in ids], to_folder=target, chunk_size=MOST_IDS))


def delete(account: Any, ids: Sequence[str]) -> None:
    """Delete messages; an administrator can still recover them for a while."""
    with ews_errors():
        _each(account.bulk_delete([ItemId(id=one) for one in ids], delete_type=SOFT_DELETE, chunk_size=MOST_IDS))


def listen(account: Any, folders: Sequence[str], *, minutes: int, told: Callable[[], None]) -> None:
    """Subscribe to folders, by id, and call `told` when one has news, until the server ends the answer after `minutes`."""
    with ews_errors():
        handles = [FolderId(id=one) for one in folders]
        [subscription] = SubscribeToStreaming(account=account).call(folders=handles, event_types=EVENTS)
        told()  # what came before the subscription
        for one in GetStreamingEvents(account=account).call([subscription], connection_timeout=minutes):
            if isinstance(one, Exception):
                raise one
            if any(type(event).__name__ != "StatusEvent" for event in one.events):
                told()
        Unsubscribe(account=account).get(subscription_id=subscription, expect_result=None)


def _id(item: Any) -> str:
    """Return what names an item or its id. Raises ValueError: the answer was damaged."""
    if not isinstance(item.id, str) or not item.id:
        raise ValueError("an item without an id")
    return item.id


def _listed(item: Any) -> Listed:
    return Listed(_id(item), int(item.size or 0), _seconds(item.datetime_received))


def _seconds(moment: Any) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else datetime.now(UTC).timestamp()


def _header(fields: Iterable[Any]) -> bytes:
    lines = [f"{field.name}: {' '.join(str(field.value).split())}\r\n" for field in fields]
    return "".join([*lines, "\r\n"]).encode("utf-8", "replace")


def _each(results: Iterable[Any]) -> None:
    """Raise the first error, but for messages that have gone."""
    for one in results:
        if isinstance(one, Exception) and type(one).__name__ not in GONE:
            raise one
