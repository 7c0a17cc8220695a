"""Values of the Secrets and ConfigMaps that a Mailbox refers to: read when they are needed, and not kept."""

import base64
import binascii
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from mailbox_operator.api.reasons import Reason
from mailbox_operator.api.references import SecretKey
from mailbox_operator.api.tls import Tls
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.errors import ApiError
from mailbox_operator.controller.kinds import CONFIG_MAP, SECRET, Key, Kind
from mailbox_operator.mail.secret import Secret

Object = dict[str, Any]

RESERVED_TYPES: Final = ("kubernetes.io/", "bootstrap.kubernetes.io/", "helm.sh/")
"""How the types of Secrets begin that hold something else than a password."""
PASSWORD_TYPES: Final = ("Opaque", "kubernetes.io/basic-auth")
KEPT_SECONDS: Final = 60.0
MOST_KEPT: Final = 256
NAMED: Final = 10
"""Keys of an object that are told where the wanted one is missing."""


class UnusableError(Exception):
    """A reference leads nowhere, or to what is no such value.

    Attributes:
        reason: a condition's.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(slots=True)
class Bundles:
    """CA bundles in ConfigMaps, which are public: kept for a minute, since thousands of mailboxes may share one."""

    clock: Callable[[], float] = time.monotonic
    _kept: dict[tuple[str, str], tuple[float, Object]] = field(default_factory=dict)

    def get(self, namespace: str, name: str) -> Object | None:
        """Return a ConfigMap that was read within the last minute."""
        found = self._kept.get((namespace, name))
        return found[1] if found and found[0] > self.clock() else None

    def put(self, namespace: str, name: str, found: Object) -> None:
        """Keep one."""
        now = self.clock()
        if len(self._kept) >= MOST_KEPT:
            self._kept = {key: kept for key, kept in self._kept.items() if kept[0] > now}
        if len(self._kept) < MOST_KEPT:
            self._kept[namespace, name] = (now + KEPT_SECONDS, found)


@dataclass(slots=True, kw_only=True)
class Referenced:
    """What one run reads; each object once. All methods raise UnusableError and ApiError."""

    client: Client
    namespace: str
    bundles: Bundles
    seen: Callable[[Key], str | None]
    """The resourceVersion in which the watch has shown a Secret."""
    fresh: bool
    """Whether all must be read anew: somebody waits for what has changed."""
    _objects: dict[tuple[str, str], Object] = field(default_factory=dict)

    async def password(self, reference: SecretKey) -> Secret:
        """Return a password.

        Whoever writes a Mailbox may not be allowed to read every Secret of the namespace: the token of a
        ServiceAccount, or the key of a certificate, is shown to no mail server.
        """
        found = await self._object(SECRET, reference.name)
        kind = found.get("type") or "Opaque"
        if kind.startswith(RESERVED_TYPES) and kind not in PASSWORD_TYPES:
            raise UnusableError(
                Reason.SECRET_TYPE_WRONG,
                f"Secret {reference.name} is of type {kind}, which holds no password for a mail server: "
                f"put the password into a Secret of type {PASSWORD_TYPES[0]} or {PASSWORD_TYPES[1]}",
            )
        return Secret(_text(found, SECRET, reference.name, reference.key))

    async def ca(self, tls: Tls) -> str | None:
        """Return the CA bundle, or None: the system's authorities are to judge."""
        for kind, reference in ((SECRET, tls.ca_secret_ref), (CONFIG_MAP, tls.ca_config_map_ref)):
            if reference:
                found = await self._object(kind, reference.name)
                return _text(found, kind, reference.name, reference.key)
        return None

    async def _object(self, kind: Kind, name: str) -> Object:
        if (found := self._objects.get((kind.name, name))) is not None:
            return found
        if kind is CONFIG_MAP and not self.fresh and (found := self.bundles.get(self.namespace, name)):
            return found
        try:
            found = await self.client.get(
                kind, namespace=self.namespace, name=name, at_least=self._at_least(kind, name)
            )
        except ApiError as error:
            if not error.gone:
                raise
            reason = Reason.SECRET_NOT_FOUND if kind is SECRET else Reason.CONFIG_MAP_NOT_FOUND
            raise UnusableError(
                reason, f"There is no {kind.name} {name} in namespace {self.namespace}: create it"
            ) from error
        self._objects[kind.name, name] = found
        if kind is CONFIG_MAP:
            self.bundles.put(self.namespace, name, found)
        return found

    def _at_least(self, kind: Kind, name: str) -> str | None:
        """Return the version that will do; None: only the newest."""
        return None if self.fresh or kind is not SECRET else self.seen(Key(kind.name, self.namespace, name))


def _text(found: Object, kind: Kind, name: str, key: str) -> str:
    data: dict[str, Any] = found.get("data") or {}
    secret = kind is SECRET
    if key not in data:
        reason = Reason.SECRET_KEY_NOT_FOUND if secret else Reason.CONFIG_MAP_KEY_NOT_FOUND
        there = ", ".join(sorted(data)[:NAMED]) or "nothing"
        raise UnusableError(reason, f"{kind.name} {name} has no key {key}: it holds {there}; add the key {key}")
    if not secret:
        return str(data[key])
    try:
        return base64.b64decode(data[key]).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise UnusableError(
            Reason.SECRET_KEY_NOT_FOUND, f"The key {key} of Secret {name} is no UTF-8 text: store it as text"
        ) from None
