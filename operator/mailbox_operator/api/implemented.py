"""What this version does not do yet. An object that asks for it is told so, field by field."""

from collections.abc import Iterator
from typing import Final

from mailbox_operator.api.credentials import Credentials
from mailbox_operator.api.mailbox import MailboxSpec
from mailbox_operator.api.servers import Incoming, Outgoing

LATER: Final = frozenset({"Graph", "Gmail"})
"""Protocols."""


def not_implemented(spec: MailboxSpec) -> list[str]:
    """Return the fields of a Mailbox, most with their values, that ask for what this version does not do yet."""
    return [
        *_identity(spec),
        *_servers(spec),
        *_sign_in("spec.credentials", spec.credentials),
        *(_sign_in("spec.outgoing.credentials", spec.outgoing.credentials) if spec.outgoing else ()),
    ]


def _identity(spec: MailboxSpec) -> Iterator[str]:
    if spec.shared_mailbox and not uses_ews(spec.incoming):
        yield "spec.sharedMailbox: true"
    if further := [name for name in spec.capabilities if name != "Mail"]:
        yield f"spec.capabilities: {', '.join(further)}"


def _servers(spec: MailboxSpec) -> Iterator[str]:
    incoming, outgoing = spec.incoming, spec.outgoing
    if incoming and incoming.protocol in LATER:
        yield f"spec.incoming.protocol: {incoming.protocol}"
    elif not (spec.provider_ref or (incoming and (incoming.host or uses_ews(incoming)))):
        yield "discovery of the incoming server (set spec.incoming.host or spec.providerRef)"
    if outgoing and outgoing.protocol in LATER:
        yield f"spec.outgoing.protocol: {outgoing.protocol}"
    elif outgoing and not (spec.provider_ref or outgoing.protocol == "None" or outgoing.host or uses_ews(outgoing)):
        yield "discovery of the outgoing server (set spec.outgoing.host or spec.providerRef)"


def uses_ews(side: Incoming | Outgoing | None) -> bool:
    """Whether a side is Exchange Web Services: by its protocol, or by a URL, which only they have."""
    return side is not None and (side.protocol == "EWS" or bool(side.url))


def _sign_in(path: str, credentials: Credentials | None) -> Iterator[str]:
    if credentials and credentials.oauth:
        yield f"{path}.oauth"
