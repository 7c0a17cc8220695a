"""What a vendor switches off: told of a mailbox that still works by it. Pure."""

from typing import Final

from mailbox_operator.mail.credential import CredentialKind
from mailbox_operator.mail.endpoint import Protocol
from mailbox_operator.verification.model import Caution, Retirement, Side, Target

EXCHANGE_ONLINE: Final = ("outlook.com", "office365.com", "office365.us", "outlook.cn")
"""Domains of the vendor's cloud; Exchange on premises keeps what it has."""
SUBMISSION: Final = ("smtp.office365.com", "smtp-legacy.office365.com")
"""Where the cloud takes mail from its own users."""
EWS_BLOCKED: Final = "2026-10-01"
"""Since then a tenant must have EWSEnabled set and the application on its list."""
EWS_REMOVED: Final = "2027-04-01"
BASIC: Final = "Basic"
"""As a mechanism that ends: every sign-in by a password, whatever proves it."""
NAMED: Final = {(Protocol.EWS, ""): "EWSRetirement", (Protocol.SMTP, BASIC): "BasicSmtpRetirement"}
"""Conditions of their own: by protocol, and which mechanism ends there."""
BASIC_SMTP_OFF: Final = "2026-12-31"
"""From then on an administrator must switch it on; the vendor's timeline of 2026-01-27."""


def judge_retirement(side: Side, *, of: Target, mechanism: str) -> Caution | None:
    """Return the caution about how a side of a mailbox works, or None: nothing is known to end.

    What its provider names counts, the earliest first; where that names nothing, what is known of the vendor's cloud.

    Args:
        side: what is judged.
        of: whose side it is.
        mechanism: by which one has signed in; "": that is not known, and what was asked for counts.
    """
    if not of.retirements:
        return _judge_known(side)
    used = mechanism or side.credential.mechanism or ""
    ending = [one for one in of.retirements if _concerns(one, side, used=used)]
    return _announced(min(ending, key=lambda one: one.date), side, provider=of.provider) if ending else None


def _concerns(ending: Retirement, side: Side, *, used: str) -> bool:
    if ending.protocol not in (None, side.endpoint.protocol):
        return False
    if ending.mechanism == BASIC:
        return side.credential.kind is CredentialKind.PASSWORD
    return ending.mechanism in ("", used)


def _announced(ending: Retirement, side: Side, *, provider: str) -> Caution:
    protocol = side.endpoint.protocol
    what, instead = f"{protocol}", "another protocol that it offers"
    if ending.mechanism == BASIC:
        what, instead = f"the sign-in by password to {protocol}", "credentials.oauth"
    elif ending.mechanism:
        what, instead = (
            f"the sign-in by {ending.mechanism} to {protocol}",
            "another credentials.mechanism that it offers",
        )
    kind = NAMED.get((protocol, ending.mechanism), "ProtocolRetirement")
    return Caution(
        type=kind,
        reason=kind,
        message=f"MailProvider {provider} ends {what} on {ending.date}: {ending.note or f'move to {instead}'}",
    )


def _judge_known(side: Side) -> Caution | None:
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
