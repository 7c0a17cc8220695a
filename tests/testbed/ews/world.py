"""What the server holds: accounts with folders and items, the journal of changes that synchronisation reads."""

import base64
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import Message
from email.parser import BytesHeaderParser
from itertools import count
from typing import Final

DISTINGUISHED: Final = {  # name in the protocol: (display name, class)
    "msgfolderroot": ("Top of Information Store", ""),
    "inbox": ("Inbox", "IPF.Note"),
    "drafts": ("Drafts", "IPF.Note"),
    "outbox": ("Outbox", "IPF.Note"),
    "sentitems": ("Sent Items", "IPF.Note"),
    "deleteditems": ("Deleted Items", "IPF.Note"),
    "junkemail": ("Junk Email", "IPF.Note"),
    "calendar": ("Calendar", "IPF.Appointment"),
    "contacts": ("Contacts", "IPF.Contact"),
    "tasks": ("Tasks", "IPF.Task"),
}


@dataclass(slots=True)
class Item:
    """A message. Its change key is another after each change."""

    id: str
    folder: str
    mime: bytes
    received: datetime
    number: int
    """The article number, which IMAP calls UID."""
    is_read: bool = False
    is_draft: bool = False
    version: int = 1

    @property
    def change_key(self) -> str:
        return opaque("CQ", f"{self.id}:{self.version}")

    @property
    def headers(self) -> Message:
        return BytesHeaderParser().parsebytes(self.mime[:65536])


@dataclass(slots=True)
class Folder:
    """A folder; the root's parent is itself."""

    id: str
    name: str
    parent: str
    folder_class: str
    distinguished: str = ""
    items: dict[str, Item] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the journal."""

    number: int
    folder: str
    kind: str
    """`Create`, `Update`, `Delete` or `ReadFlagChange`."""
    item: str


@dataclass(slots=True)
class Account:
    """A mailbox and who may open it. `lock` guards all of it; `changed` wakes who waits for news."""

    address: str
    password: str
    sam: str
    """Signs in as this, as PEERS\\this, and by the address."""
    disabled: bool = False
    may_impersonate: bool = False
    may_be_sent_as: bool = True
    """By its delegates."""
    is_crowded: bool = False
    """Whether others hold every connection that it may have (EWSMaxConcurrency)."""
    is_full: bool = False
    """Whether it is over ProhibitSendQuota."""
    largest: int | None = None
    """Octets of a message that it may send (MaxSendSize)."""
    delegates: set[str] = field(default_factory=set)
    folders: dict[str, Folder] = field(default_factory=dict)
    journal: list[Change] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    changed: threading.Condition = field(init=False)

    def __post_init__(self) -> None:
        self.changed = threading.Condition(self.lock)
        root = self.add_folder("Root", parent=None)
        self.folders[root.id].distinguished = "root"
        top = self.add_folder("Top of Information Store", parent=root.id)
        top.distinguished = "msgfolderroot"
        for name, (title, folder_class) in DISTINGUISHED.items():
            if name != "msgfolderroot":
                self.add_folder(title, parent=top.id, folder_class=folder_class).distinguished = name

    def add_folder(self, name: str, *, parent: str | None, folder_class: str = "IPF.Note") -> Folder:
        """Make a folder."""
        identity = opaque("AQ", f"{self.address}/f{next(_numbers)}")
        made = Folder(id=identity, name=name, parent=parent or identity, folder_class=folder_class if parent else "")
        self.folders[identity] = made
        return made

    def named(self, distinguished: str) -> Folder | None:
        """Return a distinguished folder."""
        return next((one for one in self.folders.values() if one.distinguished == distinguished), None)

    def path(self, path: str) -> Folder:
        """Return the folder `A/B` below the top, made if need be."""
        top = self.named("msgfolderroot")
        assert top is not None
        found = top
        for name in path.split("/"):
            child = next((one for one in self.children(found) if one.name.lower() == name.lower()), None)
            found = child or self.add_folder(name, parent=found.id)
        return found

    def children(self, folder: Folder) -> Iterator[Folder]:
        """Yield the folders directly in one."""
        return (one for one in list(self.folders.values()) if one.parent == folder.id and one.id != folder.id)

    def item(self, identity: str) -> Item | None:
        """Return an item of any folder."""
        return next((f.items[identity] for f in self.folders.values() if identity in f.items), None)

    def deliver(
        self,
        mime: bytes,
        *,
        folder: str = "Inbox",
        received: datetime | None = None,
        is_read: bool = False,
        as_is: bool = False,
    ) -> Item:
        """Store a message as the server does: written anew, unless it is to stay `as_is`."""
        with self.lock:
            target = self.path(folder)
            made = Item(
                id=opaque("AAMk", f"{self.address}/i{next(_numbers)}"),
                folder=target.id,
                mime=mime if as_is else rendered_anew(mime),
                received=received or datetime.now(UTC),
                number=next(_numbers),
                is_read=is_read,
            )
            target.items[made.id] = made
            self.note(target.id, "Create", made.id)
            return made

    def note(self, folder: str, kind: str, item: str) -> None:
        """Write a change down and wake who waits."""
        with self.changed:
            self.journal.append(Change(len(self.journal) + 1, folder, kind, item))
            self.changed.notify_all()

    def move(self, item: Item, target: Folder) -> Item:
        """Move an item: it has a new id there."""
        with self.lock:
            self.remove(item)
            moved = Item(
                id=opaque("AAMk", f"{self.address}/i{next(_numbers)}"),
                folder=target.id,
                mime=item.mime,
                received=item.received,
                number=next(_numbers),
                is_read=item.is_read,
            )
            target.items[moved.id] = moved
            self.note(target.id, "Create", moved.id)
            return moved

    def remove(self, item: Item) -> None:
        """Remove an item for good."""
        with self.lock:
            del self.folders[item.folder].items[item.id]
            self.note(item.folder, "Delete", item.id)

    def touch(self, item: Item, *, is_read: bool) -> None:
        """Set the read flag."""
        with self.lock:
            if item.is_read != is_read:
                item.is_read = is_read
                item.version += 1
                self.note(item.folder, "ReadFlagChange", item.id)


_numbers = count(1)


def opaque(prefix: str, text: str) -> str:
    """Return an id as Exchange's: base64, case-sensitive, with characters that URLs and file names do not like."""
    noise = random.Random(text).randbytes(48)  # noqa: S311 - reproducible on purpose
    return prefix + base64.b64encode(text.encode() + b"\0" + noise).decode()


def rendered_anew(mime: bytes) -> bytes:
    """Return a message as the server gives it out again: other line ends and foldings, header fields of its own."""
    message = message_from_bytes(mime, policy=policy.compat32)
    message["X-MS-Exchange-Organization-AuthAs"] = "Internal"
    message["X-MS-Exchange-Transport-EndToEndLatency"] = "00:00:00.2"
    if "Message-ID" not in message:
        message["Message-ID"] = f"<{random.getrandbits(64):x}@exchange.peers.test>"
    return message.as_bytes(policy=policy.compat32.clone(linesep="\r\n", max_line_length=200))
