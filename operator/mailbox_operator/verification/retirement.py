"""What a vendor switches off: told of a mailbox that still works by it. Pure."""

from typing import Final

from mailbox_operator.mail.credential import CredentialKind
from mailbox_operator.mail.endpoint import Protocol
from mailbox_operator.verification.model import Caution, Side

EXCHANGE_ONLINE: Final = ("outlook.com", "office365.com", "office365.us", "outlook.cn")
"""Domains of the vendor's cloud; Exchange on premises keeps what it has."""
SUBMISSION: Final = ("smtp.office365.com", "smtp-legacy.office365.com")
"""Where the cloud takes mail from its own users."""
EWS_BLOCKED: Final = "2026-10-01"
"""Since then a tenant must have EWSEnabled set and the application on its list."""
EWS_REMOVED: Final = "2027-04-01"
BASIC_SMTP_OFF: Final = "2026-12-31"
"""From then on an administrator must switch it on; the vendor's timeline of 2026-01-27."""


def judge_retirement(side: Side) -> Caution | None:
    """Return the caution about how a side works, or None: nothing is known to end."""
    endpoint = side.endpoint
    if endpoint.protocol is Protocol.EWS and is_exchange_online(endpoint.host):
        return Caution(
            type="EWSRetirement",
            reason="EWSRetirement",
            message=(
                f"Exchange Online blocks Exchange Web Services since {EWS_BLOCKED} unless the tenant allows this "
                f"application (EWSEnabled and its list), and removes them on {EWS_REMOVED}: "
                "move to incoming.protocol Graph or IMAP"
            ),
        )
    if (
        endpoint.protocol is Protocol.SMTP
        and side.credential.kind is CredentialKind.PASSWORD
        and _plain(endpoint.host) in SUBMISSION
    ):
        return Caution(
            type="BasicSmtpRetirement",
            reason="BasicSmtpRetirement",
            message=(
                f"Exchange Online takes passwords for sending by SMTP until {BASIC_SMTP_OFF}, then only where an "
                "administrator switches that on again, and says in 2027 when it ends for good: use credentials.oauth"
            ),
        )
    return None


def is_exchange_online(host: str) -> bool:
    """Whether a host is one of the vendor's cloud."""
    name = _plain(host)
    return any(name == domain or name.endswith(f".{domain}") for domain in EXCHANGE_ONLINE)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
