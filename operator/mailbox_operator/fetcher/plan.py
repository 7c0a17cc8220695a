"""The contract between operator and fetcher: what to fetch, from where, to whom. Frozen, with JSON in and out.

The controller renders it into the ConfigMap `mbx-<name>`, key `plan.json`; the fetcher reads it. Secrets are not in it:
it names the files that hold them, which are re-read while the fetcher runs.
"""

import json
from typing import Any, Final

from mailbox_operator.mail.endpoint import Protocol, Security
from mailbox_operator.values import dataclass

PLAN_VERSION: Final = 2


class PlanError(Exception):
    """The plan cannot be used: which field, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose plan this is; part of each delivery's id and of `ce-source`."""

    uid: str
    """The Mailbox's metadata.uid."""
    namespace: str
    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The incoming side."""

    protocol: Protocol
    host: str
    port: int
    security: Security
    username: str
    password_file: str
    mechanism: str | None = None
    ca_file: str | None = None
    server_name: str | None = None
    minimum_tls_version: str = "TLSv1.2"
    insecure_skip_verify: bool = False
    path: str = ""
    """Of the service's URL, for EWS; "": `host` is the domain that autodiscover is asked about."""
    address: str = ""
    """The mailbox to open, for EWS: the user's own, or one that is shared with that user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMatch:
    """A header field that a message must carry."""

    name: str
    """Upper and lower case are the same."""
    value: str | None = None
    """Its whole value, case-sensitive; None: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """What to fetch, and what to do with it on the server afterwards."""

    folders: tuple[str, ...] = ("INBOX",)
    r"""Names, globs and special uses (`\Junk`)."""
    exclude: tuple[str, ...] = ()
    """Of these, which not."""
    push: bool = True
    """IDLE where the server offers it; False: poll only."""
    interval_seconds: float = 300.0
    since_seconds: float | None = 7 * 86400.0
    """How far back the first sync reaches; 0: only new mail; None: everything."""
    unseen_only: bool = False
    headers: tuple[HeaderMatch, ...] = ()
    """All of them must match."""
    senders: tuple[str, ...] = ()
    """Addresses; a message must be from one of them, if there are any."""
    max_message_size: int = 25 * 1024 * 1024
    """Octets; a larger message is handled as `oversize` says."""
    oversize: str = "HeadersOnly"
    """`HeadersOnly` or `Skip`."""
    deduplicate: bool = True
    mark_seen: bool = True
    move_to: str | None = None
    delete: bool = False
    delete_after_seconds: float | None = None
    """Deleted so long after it was delivered."""
    leave_on_server: bool = True
    """POP3; False: deleted once it is delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One POST a message, a CloudEvent 1.0."""

    url: str
    format: str = "Raw"
    """`Raw`: binary mode, the message as it is; `Parsed`: structured mode, JSON."""
    timeout_seconds: float = 30.0
    concurrency: int = 8
    ca_file: str | None = None
    signing_key_file: str | None = None
    """Key, or keys, of Standard Webhooks."""
    headers_folder: str | None = None
    """Its files' names are names of header fields, their contents the values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lmtp:
    """One LMTP transaction a message (RFC 2033)."""

    host: str
    port: int
    recipient: str
    security: Security
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Maildir:
    """One file a message."""

    path: str
    """Absolute, in the fetcher's file system."""


Delivery = Webhook | Lmtp | Maildir


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One fetcher's whole work."""

    mailbox: Identity
    source: Source
    fetch: Fetch
    delivery: Delivery
    quarantine_request: str = ""
    """As `quarantine.py` reads it."""
    resumes: bool = False
    """Whether messages were delivered before: a checkpoint that is not there was lost then."""
    log_level: str = "info"
    admitted_at: str = ""
    """When the server took the operator's login after it had refused the fetcher's, RFC 3339; "": never.

    Another value makes this another plan, and so has a refused fetcher sign in once more.
    """

    def to_json(self) -> str:
        """Write it: sorted keys, so that equal plans are equal octets."""
        from dataclasses import asdict  # noqa: PLC0415 - the operator's side; a fetcher only reads

        data = asdict(self) | {"version": PLAN_VERSION, "delivery": {_kind(self.delivery): asdict(self.delivery)}}
        return json.dumps(data, sort_keys=True, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` wrote, of this version or the one before. Raises PlanError that names the field."""
        try:
            data: Any = json.loads(text)
        except ValueError as error:
            raise PlanError(f"plan.json is not JSON: {error}") from error
        version = data.get("version") if isinstance(data, dict) else None
        if version == 1:
            data["delivery"] = {"webhook": data.get("webhook")}
        elif version != PLAN_VERSION:
            raise PlanError(f"version: this fetcher reads plans of version {PLAN_VERSION}")
        try:
            return cls(
                mailbox=Identity(**data["mailbox"]),
                source=_read_source(data["source"]),
                fetch=_read_fetch(data["fetch"]),
                delivery=_read_delivery(data["delivery"]),
                quarantine_request=str(data.get("quarantine_request", "")),
                resumes=bool(data.get("resumes", False)),
                log_level=data["log_level"],
                admitted_at=str(data.get("admitted_at", "")),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise PlanError(f"plan.json: {error}") from error


def _kind(delivery: Delivery) -> str:
    return type(delivery).__name__.lower()


def _read_source(data: dict[str, Any]) -> Source:
    return Source(**data | {"protocol": Protocol(data["protocol"]), "security": Security(data["security"])})


def _read_fetch(data: dict[str, Any]) -> Fetch:
    lists: dict[str, Any] = {name: tuple(data[name]) for name in ("folders", "exclude", "senders") if name in data}
    headers = tuple(HeaderMatch(**one) for one in data.get("headers", ()))
    return Fetch(**data | lists | {"headers": headers})


def _read_delivery(data: dict[str, Any]) -> Delivery:
    match list(data.items()):
        case [("webhook", fields)]:
            return Webhook(**fields)
        case [("lmtp", fields)]:
            return Lmtp(**fields | {"security": Security(fields["security"])})
        case [("maildir", fields)]:
            return Maildir(**fields)
        case _:
            raise ValueError("delivery: exactly one of webhook, lmtp and maildir is needed")
