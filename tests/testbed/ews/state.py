"""All that the server remembers: accounts, sync states, subscriptions, what was said, what a test asked it to do wrong."""

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from testbed.ews.world import Account, Change


class Exchange(Protocol):
    """What a misbehaviour may look at and answer with."""

    path: str

    def reply(self, status: int, *, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Answer, whatever was asked."""


Misbehaviour = Callable[[Exchange, str], bool]
"""Given an exchange and the operation's name ("" before it is known), answer it and return True, or return False."""


@dataclass(slots=True)
class SyncPoint:
    """What a sync state stands for: what is still to be told of the first listing, and up to where the journal is told."""

    folder: str
    pending: list[str]
    through: int


@dataclass(slots=True)
class Subscription:
    """A streaming subscription."""

    account: Account
    folders: frozenset[str]
    through: int
    closed: bool = False


@dataclass(slots=True)
class State:
    """Shared by all connections."""

    seed: int = 0
    page: int = 100
    """At most so many items or changes in one answer, however many were asked for."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Ids of items whose content the server cannot make, and the code that it says so with."""
    stale_sync: str = "error"
    """A sync state that is not known: `error` (ErrorInvalidSyncStateData) or `fresh` (taken for none)."""
    domain: str = "PEERS"
    """Of the accounts, before the backslash."""
    schemes: tuple[str, ...] = ("Negotiate", "NTLM", "Basic")
    autodiscover_url: str = ""
    autodiscover_leads: dict[str, str] = field(default_factory=dict)
    """Of an address, another address or the URL of another server, by which or where it is to be asked for instead."""
    accounts: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    """Bearer tokens and whose they are."""
    sync_points: dict[str, SyncPoint] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    """Each one that was carried out, or refused for what it asked."""
    sign_ins: list[tuple[str, str, bool]] = field(default_factory=list)
    """Scheme, name, and whether it was accepted."""
    misbehaviours: deque[Misbehaviour] = field(default_factory=deque)
    mangle: Callable[[str, bytes], bytes] | None = None
    """Given an operation's name and its answer, return what is sent in its place; such an answer is not judged."""
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - reproducible on purpose

    def account(self, address: str) -> Account | None:
        """Return the mailbox of an address."""
        return self.accounts.get(address.lower())

    def signer(self, name: str) -> Account | None:
        r"""Return who signs in by a name: an address, `PEERS\sam`, or `sam`."""
        plain = name.rpartition("\\")[2].lower()
        return next((one for one in self.accounts.values() if plain in (one.address.lower(), one.sam.lower())), None)

    def misbehave(self, exchange: Exchange, operation: str) -> bool:
        """Let the first misbehaviour that wants to answer do so."""
        return any(one(exchange, operation) for one in list(self.misbehaviours))

    def expire_sync_states(self) -> None:
        """Forget all of them."""
        with self.lock:
            self.sync_points.clear()


def changes_since(account: Account, folder: str, number: int) -> list[Change]:
    """Return a folder's part of the journal after `number`."""
    return [one for one in account.journal if one.folder == folder and one.number > number]
