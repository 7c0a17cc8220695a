"""What the operator's administrator decides, by flags and environment."""

from dataclasses import dataclass, field

from mailbox_operator.mail.guard import AddressPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Made once at start from the command line."""

    fetcher_image: str
    fetcher_pull_secrets: tuple[str, ...] = ()
    """Names of Secrets, to be in each Mailbox's namespace, by which that image is pulled."""
    namespaces: tuple[str, ...] = ()
    """Namespaces to serve; empty: all."""
    address_policy: AddressPolicy = field(default_factory=AddressPolicy)
    """Without the cluster's ranges, which are found out while it runs."""
    allow_insecure_skip_verify: bool = False
    workers: int = 8
    verifications: int = 32
    """Mailboxes proven at once, in all."""
    verifications_per_host: int = 8
    listen_host: str = ""
    """For probes and metrics; "": every address, of IPv4 and of IPv6."""
    listen_port: int = 8080
    pod: str = "mailbox-operator"
    """Told in events as the reporting instance."""
