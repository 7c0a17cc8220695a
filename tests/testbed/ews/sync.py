"""SyncFolderItems: first the folder as it is, newest first, then what has changed; the sync state is opaque and may expire."""

import secrets

from testbed.ews.call import Call
from testbed.ews.rendering import item_element, wanted
from testbed.ews.soap import NAMES, Element, M, RefusalError, T, answer, refusal, success
from testbed.ews.state import State, SyncPoint, changes_since
from testbed.ews.world import Account, Folder


def sync_folder_items(call: Call) -> Element:
    """Tell the next page of changes."""
    operation = call.request.operation
    reference = operation.find("m:SyncFolderId/*", NAMES)
    assert reference is not None
    try:
        account, folder = call.folder(reference)
        with account.lock:
            point = _point(call.state, account, folder, operation.findtext("m:SyncState", namespaces=NAMES))
            most = min(int(operation.findtext("m:MaxChangesReturned", namespaces=NAMES) or "100"), call.state.page, 512)
            fields = wanted(operation.find("m:ItemShape", NAMES), "item") - {"item:MimeContent", "item:Body"}
            changes, after = _page(account, folder, point, most)
            token = secrets.token_urlsafe(48)
            with call.state.lock:
                call.state.sync_points[token] = after
            last = not after.pending and not changes_since(account, folder.id, after.through)
            shown = [one for kind, item in changes if (one := _change(account, kind, item, fields)) is not None]
    except RefusalError as error:
        return answer(call.request.name, [refusal(call.request.name, error)])
    content = M.SyncState(token), M.IncludesLastItemInRange(str(last).lower()), M.Changes(*shown)
    return answer(call.request.name, [success(call.request.name, *content)])


def _point(state: State, account: Account, folder: Folder, token: str | None) -> SyncPoint:
    if token:
        with state.lock:
            found = state.sync_points.get(token)
        if found is not None and found.folder == folder.id:
            return found
        if state.stale_sync == "error":
            raise RefusalError("ErrorInvalidSyncStateData", "Sync state data is corrupted or otherwise invalid.")
    newest_first = sorted(folder.items.values(), key=lambda one: one.received, reverse=True)
    return SyncPoint(folder.id, [one.id for one in newest_first], len(account.journal))


def _page(account: Account, folder: Folder, point: SyncPoint, most: int) -> tuple[list[tuple[str, str]], SyncPoint]:
    if point.pending:
        shown = [("Create", one) for one in point.pending[:most]]
        return shown, SyncPoint(point.folder, point.pending[most:], point.through)
    news = changes_since(account, folder.id, point.through)[:most]
    through = news[-1].number if news else point.through
    return [(one.kind, one.item) for one in news], SyncPoint(point.folder, [], through)


def _change(account: Account, kind: str, identity: str, fields: frozenset[str]) -> Element | None:
    item = account.item(identity)
    if kind == "Delete":
        return T.Delete(T.ItemId(Id=identity, ChangeKey="CQAAAA=="))
    if item is None:  # gone by now: its own line of the journal will say so
        return None
    if kind == "ReadFlagChange":
        return T.ReadFlagChange(T.ItemId(Id=item.id, ChangeKey=item.change_key), T.IsRead(str(item.is_read).lower()))
    return T.named(kind)(item_element(item, fields))
