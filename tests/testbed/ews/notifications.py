"""Subscribe, GetStreamingEvents, Unsubscribe: news over an answer that does not end."""

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from testbed.ews.call import Call
from testbed.ews.soap import NAMES, Element, M, RefusalError, T, answer, refusal, success, to_octets
from testbed.ews.state import Subscription, changes_since
from testbed.ews.world import Change

EVENTS: Final = {
    "Create": "CreatedEvent",
    "Update": "ModifiedEvent",
    "ReadFlagChange": "ModifiedEvent",
    "Delete": "DeletedEvent",
}
HEARTBEAT: Final = 5.0
"""Seconds; a real server sends a status event at least every 45."""


def subscribe(call: Call) -> Element:
    """Make a streaming subscription; the others are refused."""
    streaming = call.request.operation.find("m:StreamingSubscriptionRequest", NAMES)
    if streaming is None:
        raise_refusal = RefusalError("ErrorInvalidSubscriptionRequest", "only streaming subscriptions are made here")
        return answer(call.request.name, [refusal(call.request.name, raise_refusal)])
    try:
        folders = [call.folder(one) for one in streaming.iterfind("t:FolderIds/*", NAMES)]
    except RefusalError as error:
        return answer(call.request.name, [refusal(call.request.name, error)])
    account = folders[0][0] if folders else call.account
    name = secrets.token_urlsafe(24)
    chosen = frozenset(folder.id for _, folder in folders) or frozenset(account.folders)
    call.state.subscriptions[name] = Subscription(account, chosen, len(account.journal))
    return answer(call.request.name, [success(call.request.name, M.SubscriptionId(name))])


def unsubscribe(call: Call) -> Element:
    """End a subscription."""
    name = call.request.operation.findtext("m:SubscriptionId", namespaces=NAMES) or ""
    found = call.state.subscriptions.pop(name, None)
    if found is None:
        error = RefusalError("ErrorSubscriptionNotFound", "The specified subscription was not found.")
        return answer(call.request.name, [refusal(call.request.name, error)])
    with found.account.changed:
        found.closed = True
        found.account.changed.notify_all()
    return answer(call.request.name, [success(call.request.name)])


def stream(call: Call) -> Iterator[bytes]:
    """Yield envelope after envelope: first the connection's status, then news as they come, until the time is over."""
    operation = call.request.operation
    names = [str(one.text) for one in operation.iterfind("m:SubscriptionIds/t:SubscriptionId", NAMES)]
    seconds = 60 * int(operation.findtext("m:ConnectionTimeout", namespaces=NAMES) or "1")
    found = call.state.subscriptions.get(names[0])
    if found is None:
        error = RefusalError("ErrorSubscriptionNotFound", "The specified subscription was not found.")
        bad = M.ErrorSubscriptionIds(*(M.SubscriptionId(one) for one in names))
        yield to_octets(answer(call.request.name, [refusal(call.request.name, error, bad)]))
        return
    until = time.monotonic() + seconds
    yield _status(call, "OK")
    while not call.state.stopping.is_set() and time.monotonic() < until:
        with found.account.changed:
            news = _news(found)
            if not news and not found.closed:
                found.account.changed.wait(min(HEARTBEAT, max(0.0, until - time.monotonic())))
                news = _news(found)
            if found.closed:
                break
        yield _notify(call, names[0], news)
    yield _status(call, "Closed")


def _news(subscription: Subscription) -> list[Change]:
    found = [
        one
        for folder in subscription.folders
        for one in changes_since(subscription.account, folder, subscription.through)
    ]
    found.sort(key=lambda one: one.number)
    if found:
        subscription.through = found[-1].number
    return found


def _status(call: Call, word: str) -> bytes:
    return to_octets(answer(call.request.name, [success(call.request.name, M.ConnectionStatus(word))]))


def _notify(call: Call, name: str, news: list[Change]) -> bytes:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    events: list[Element] = []
    for one in news:
        if one.kind == "Create":
            events.append(_event("NewMailEvent", one, now))
        events.append(_event(EVENTS[one.kind], one, now))
    body = M.Notifications(M.Notification(T.SubscriptionId(name), *(events or [T.StatusEvent()])))
    return to_octets(answer(call.request.name, [success(call.request.name, body)]))


def _event(name: str, change: Change, now: str) -> Element:
    return T.named(name)(
        T.TimeStamp(now),
        T.ItemId(Id=change.item, ChangeKey="CQAAAA=="),
        T.ParentFolderId(Id=change.folder, ChangeKey="AQAAAA=="),
    )
