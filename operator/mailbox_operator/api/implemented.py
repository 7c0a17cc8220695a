"""What this version does not do yet. A Mailbox that asks for it is told so, field by field."""

from typing import Final

from mailbox_operator.api.mailbox import MailboxSpec

INCOMING: Final = frozenset({None, "IMAP"})
OUTGOING: Final = frozenset({None, "SMTP", "None"})
MECHANISMS: Final = frozenset({None, "Plain", "Login"})


def not_implemented(spec: MailboxSpec) -> list[str]:
    """Return the fields, with their values, that ask for something which this version does not do yet."""
    incoming, outgoing, fetch, webhook = (
        spec.incoming,
        spec.outgoing,
        spec.fetch,
        spec.delivery and spec.delivery.webhook,
    )
    after, chosen, folders = fetch.after_fetch, fetch.filter, fetch.folders
    credentials = [("spec.credentials", spec.credentials)]
    if outgoing and outgoing.credentials:
        credentials.append(("spec.outgoing.credentials", outgoing.credentials))
    asked = [
        (
            bool(incoming and incoming.protocol not in INCOMING),
            f"spec.incoming.protocol: {incoming and incoming.protocol}",
        ),
        (bool(incoming and incoming.url), "spec.incoming.url"),
        (
            bool(outgoing and outgoing.protocol not in OUTGOING),
            f"spec.outgoing.protocol: {outgoing and outgoing.protocol}",
        ),
        (bool(outgoing and outgoing.url), "spec.outgoing.url"),
        *((bool(one.oauth), f"{path}.oauth") for path, one in credentials),
        *((one.mechanism not in MECHANISMS, f"{path}.mechanism: {one.mechanism}") for path, one in credentials),
        (spec.shared_mailbox, "spec.sharedMailbox"),
        (bool(spec.from_addresses), "spec.fromAddresses"),
        (bool({"Contacts", "Calendar"} & set(spec.capabilities)), "spec.capabilities: Contacts, Calendar"),
        ([name.upper() for name in folders.include] not in (["INBOX"], [r"\INBOX"]), "spec.fetch.folders.include"),
        (bool(folders.exclude), "spec.fetch.folders.exclude"),
        (chosen.unseen_only, "spec.fetch.filter.unseenOnly"),
        (bool(chosen.headers), "spec.fetch.filter.headers"),
        (bool(chosen.from_), "spec.fetch.filter.from"),
        (bool(after.move_to), "spec.fetch.afterFetch.moveTo"),
        (after.delete, "spec.fetch.afterFetch.delete"),
        (bool(after.delete_after), "spec.fetch.afterFetch.deleteAfter"),
        (bool(spec.delivery and spec.delivery.lmtp), "spec.delivery.lmtp"),
        (bool(spec.delivery and spec.delivery.maildir), "spec.delivery.maildir"),
        (bool(webhook and webhook.format != "Raw"), "spec.delivery.webhook.format: Parsed"),
        (bool(webhook and webhook.signing_secret_ref), "spec.delivery.webhook.signingSecretRef"),
        (bool(webhook and webhook.headers_secret_ref), "spec.delivery.webhook.headersSecretRef"),
        (
            spec.provider_ref is None and not (incoming and (incoming.host or incoming.url)),
            "discovery of the servers from the address (for now, set spec.incoming.host or spec.providerRef)",
        ),
    ]
    return [field for wanted, field in asked if wanted]
