"""What the watches have shown: the operator's picture of the cluster."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from mailbox_operator.controller.kinds import CLAIM, CONFIG_MAP, SECRET, Key
from mailbox_operator.controller.secret_content import Content, judge_content

Object = dict[str, Any]

PROGRESS: Final = "progress.json"
REMEMBERED: Final = 4096
"""Objects that are no more; an answer is late by seconds."""
WATCHED_METADATA: Final = ("uid", "generation", "annotations", "deletionTimestamp")


def key_of(kind: str, obj: Object) -> Key:
    """Return an object's key."""
    metadata = obj["metadata"]
    return Key(kind, metadata.get("namespace") or "", metadata["name"])


def version(obj: Object) -> int:
    """Return an object's resourceVersion as a number, for telling older from newer (KEP-5504)."""
    text = obj.get("metadata", {}).get("resourceVersion", "0")
    return int(text) if text.isdecimal() else 0


class Store:
    """Objects by key, each in its newest version seen. Of Secrets and claims nothing but the version is kept."""

    def __init__(self) -> None:
        self._objects: dict[Key, Object] = {}
        self._contents: dict[Key, Content] = {}
        """Of Secrets."""
        self._writing: dict[Key, Object] = {}
        self._gone: dict[Key, tuple[str, int]] = {}
        """Of objects that are no more, the youngest last: uid, and the version of the end."""

    def put(self, kind: str, obj: Object) -> bool:
        """Keep an object unless a newer version is here, or it is known to be no more. Returns whether it was news.

        Of a Secret, news is only what it holds: some have labels or annotations stamped on them every minute.
        The answer to a write can come after the watch has told that the object was deleted.
        """
        key = key_of(kind, obj)
        uid, end = self._gone.get(key, ("", 0))
        if uid == _uid(obj) and end >= version(obj) > 0:
            return False
        before = self._objects.get(key)
        same = before is not None and _uid(before) == _uid(obj)
        if before is not None and same and version(before) > version(obj):
            return False
        news = before is None or not same or version(before) != version(obj)
        if kind == SECRET.name and news:
            known = self._contents.get(key) if same else None
            self._contents[key] = judge_content(obj, before=known)
            news = self._contents[key] is not known
        self._objects[key] = slim(kind, obj)
        return news

    @contextmanager
    def writing(self, key: Key, status: Object) -> Iterator[None]:
        """Hold a status that is on its way to the API server: the watch often shows it before the answer comes."""
        self._writing[key] = status
        try:
            yield
        finally:
            del self._writing[key]

    def is_own_write(self, key: Key, *, before: Object | None, after: Object) -> bool:
        """Whether an object differs from what it was by nothing but the status that is being written."""
        return before is not None and after.get("status") == self._writing.get(key, ()) and not differs(before, after)

    def remove(self, key: Key, *, last: Object | None = None) -> None:
        """Drop an object that is no more; `last` is what the watch showed at its end."""
        known = self._objects.pop(key, None)
        self._contents.pop(key, None)
        found = last or known
        if found is None:
            return
        self._gone.pop(key, None)
        self._gone[key] = (_uid(found), max(version(found), version(known or {})))
        if len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]

    def get(self, key: Key) -> Object | None:
        """Return an object, not to be changed."""
        return self._objects.get(key)

    def resource_version(self, key: Key) -> str | None:
        """Return the version in which an object was last seen. None: it is not there."""
        found = self._objects.get(key)
        return found["metadata"]["resourceVersion"] if found else None

    def seen_version(self, key: Key) -> str | None:
        """Return what changes with what verification sees of an object: a status is none of that. None: it is not there."""
        if content := self._contents.get(key):
            return content.version
        found = self._objects.get(key)
        if found is None:
            return None
        metadata: Object = found["metadata"]
        if "generation" in metadata:
            return f"{metadata['uid']}/{metadata['generation']}"
        return str(metadata["resourceVersion"])

    def keys(self, kind: str) -> list[Key]:
        """Return the keys of a kind's objects."""
        return [key for key in self._objects if key.kind == kind]

    def objects(self, kind: str) -> Iterable[Object]:
        """Return a kind's objects."""
        return [obj for key, obj in self._objects.items() if key.kind == kind]


def differs(one: Object, other: Object) -> bool:
    """Whether two versions of an object differ by anything but status, labels and what the API server keeps."""
    return any(one["metadata"].get(name) != other["metadata"].get(name) for name in WATCHED_METADATA)


def slim(kind: str, obj: Object) -> Object:
    """Take out of an object, in place, what nobody asks for."""
    obj["metadata"].pop("managedFields", None)
    if kind == SECRET.name:
        obj.pop("data", None)
        obj["metadata"].pop("annotations", None)
    elif kind == CLAIM.name:
        obj["metadata"].pop("annotations", None)
        obj.pop("spec", None)
        obj.pop("status", None)
    elif kind == CONFIG_MAP.name and (data := obj.get("data")):
        data.pop("checkpoint.json", None)
    for condition in (obj.get("status") or {}).get("conditions") or ():
        for name, value in condition.items():
            if type(value) is str:  # what thousands of objects say in the same words is kept once
                condition[name] = sys.intern(value)
    return obj


def _uid(obj: Object) -> str:
    return str(obj["metadata"].get("uid", ""))
