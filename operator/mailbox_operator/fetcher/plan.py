"""The contract between operator and fetcher: what to fetch, from where, to whom. Frozen, with JSON in and out.

The controller renders it into the ConfigMap `mbx-<name>`, key `plan.json`; the fetcher reads it. Secrets are not in it:
it names the files that hold them, which are re-read while the fetcher runs.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from mailbox_operator.mail.endpoint import Protocol, Security

PLAN_VERSION: Final = 1


class PlanError(Exception):
    """The plan cannot be read: which field, and why."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """What to fetch, and what to do with it on the server afterwards."""

    folders: tuple[str, ...] = ("INBOX",)
    push: bool = True
    """IDLE where the server offers it; False: poll only."""
    interval_seconds: float = 300.0
    since_seconds: float | None = 7 * 86400.0
    """How far back the first sync reaches; 0: only new mail; None: everything."""
    max_message_size: int = 25 * 1024 * 1024
    """Octets; a larger message is handled as `oversize` says."""
    oversize: str = "HeadersOnly"
    """`HeadersOnly` or `Skip`."""
    deduplicate: bool = True
    mark_seen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One POST a message, CloudEvents 1.0 in binary mode."""

    url: str
    timeout_seconds: float = 30.0
    concurrency: int = 8
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One fetcher's whole work."""

    mailbox: Identity
    source: Source
    fetch: Fetch
    webhook: Webhook
    log_level: str = "info"
    version: int = PLAN_VERSION

    def to_json(self) -> str:
        """Write it: sorted keys, so that equal plans are equal octets."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` wrote. Raises PlanError that names the field."""
        try:
            data: Any = json.loads(text)
        except ValueError as error:
            raise PlanError(f"plan.json is not JSON: {error}") from error
        if not isinstance(data, dict) or data.get("version") != PLAN_VERSION:
            raise PlanError(f"version: this fetcher reads plans of version {PLAN_VERSION}")
        try:
            source, fetch = dict(data["source"]), dict(data["fetch"])
            return cls(
                mailbox=Identity(**data["mailbox"]),
                source=Source(
                    **source | {"protocol": Protocol(source["protocol"]), "security": Security(source["security"])}
                ),
                fetch=Fetch(**fetch | {"folders": tuple(fetch["folders"])}),
                webhook=Webhook(**data["webhook"]),
                log_level=data["log_level"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PlanError(f"plan.json: {error}") from error
