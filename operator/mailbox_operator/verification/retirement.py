"""What a vendor switches off: told of a mailbox that still works by it."""

from typing import Final

from mailbox_operator.mail.endpoint import Endpoint, Protocol
from mailbox_operator.verification.model import Caution

EXCHANGE_ONLINE: Final = ("outlook.com", "office365.com", "office365.us", "outlook.cn")
"""Domains of the vendor's cloud; Exchange on premises keeps its Web Services."""
EWS_BLOCKED: Final = "2026-10-01"
"""Since then a tenant must have EWSEnabled set and the application on its list."""
EWS_REMOVED: Final = "2027-04-01"


def judge_retirement(endpoint: Endpoint) -> Caution | None:
    """Return the caution about a server's protocol, or None: nothing is known to end."""
    if endpoint.protocol is not Protocol.EWS or not is_exchange_online(endpoint.host):
        return None
    return Caution(
        type="EWSRetirement",
        reason="EWSRetirement",
        message=(
            f"Exchange Online blocks Exchange Web Services since {EWS_BLOCKED} unless the tenant allows this application "
            f"(EWSEnabled and its list), and removes them on {EWS_REMOVED}: move to incoming.protocol Graph or IMAP"
        ),
    )


def is_exchange_online(host: str) -> bool:
    """Whether a host is one of the vendor's cloud."""
    name = host.lower().rstrip(".")
    return any(name == domain or name.endswith(f".{domain}") for domain in EXCHANGE_ONLINE)
