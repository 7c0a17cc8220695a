"""The kind Mailbox."""

from typing import Final, Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.credentials import Credentials
from mailbox_operator.api.delivery import Delivery
from mailbox_operator.api.fetch import Fetch
from mailbox_operator.api.fetcher import FetcherOptions
from mailbox_operator.api.model import Model
from mailbox_operator.api.object_meta import ObjectMeta
from mailbox_operator.api.references import NameOnly
from mailbox_operator.api.rules import Rule, rules, rules_at_once
from mailbox_operator.api.servers import Incoming, Outgoing
from mailbox_operator.api.status import MailboxStatus
from mailbox_operator.api.syntax import Address, OneLine, Text
from mailbox_operator.api.tls import Tls
from mailbox_operator.api.verification import Verification

OPERANDS: Final = {
    "incoming": "has(self.incoming) && has(self.incoming.protocol) ? self.incoming.protocol : ''",
    "outgoing": "has(self.outgoing) && has(self.outgoing.protocol) ? self.outgoing.protocol : ''",
    "credentials": "self.credentials",
    "afterFetch": "self.fetch.afterFetch",
}
"""The protocols, '' where they are found out later, and what else is looked at in every Mailbox."""

POP3_RULES: Final[tuple[Rule, ...]] = (
    (
        "incoming in ['', 'POP3'] || afterFetch.leaveOnServer",
        "fetch.afterFetch.leaveOnServer is for POP3: otherwise set fetch.afterFetch.delete",
    ),
    (
        "incoming != 'POP3' || !afterFetch.delete",
        "POP3 deletes by fetch.afterFetch.leaveOnServer: false, or later by deleteAfter: remove fetch.afterFetch.delete",
    ),
    (
        "incoming == 'POP3' || !has(afterFetch.deleteAfter) || afterFetch.delete",
        "fetch.afterFetch.deleteAfter needs fetch.afterFetch.delete: true",
    ),
    (
        "incoming != 'POP3' || !has(afterFetch.moveTo)",
        "POP3 knows no folders: remove fetch.afterFetch.moveTo, or use IMAP",
    ),
    (
        "incoming != 'POP3' || (self.fetch.folders.include == ['INBOX'] && !has(self.fetch.folders.exclude))",
        "POP3 knows no folders: remove fetch.folders, or use IMAP",
    ),
    (
        "incoming != 'POP3' || !self.fetch.filter.unseenOnly",
        "POP3 knows no seen messages: remove fetch.filter.unseenOnly, or use IMAP",
    ),
    ("incoming != 'POP3' || !self.sharedMailbox", "POP3 opens no shared mailbox: use IMAP, EWS or Graph"),
)
CREDENTIAL_RULES: Final[tuple[Rule, ...]] = (
    (
        "has(credentials.username) || !self.sharedMailbox",
        "sharedMailbox needs credentials.username: the delegate who signs in to open the address",
    ),
    (
        "!has(credentials.username) || !self.sharedMailbox || credentials.username != self.address",
        "credentials.username of a sharedMailbox is the delegate who signs in, not the shared address",
    ),
    (
        "!(incoming in ['Graph', 'Gmail']) || has(credentials.oauth)",
        "protocol Graph or Gmail needs a token: use credentials.oauth",
    ),
    (
        (
            "!(outgoing in ['Graph', 'Gmail']) || "
            "(has(self.outgoing.credentials) ? has(self.outgoing.credentials.oauth) : has(credentials.oauth))"
        ),
        "outgoing protocol Graph or Gmail needs a token: use oauth in credentials or outgoing.credentials",
    ),
    (
        "!has(credentials.mechanism) || !(credentials.mechanism in ['NTLM', 'Basic']) || incoming in ['', 'EWS']",
        "mechanism NTLM or Basic is for EWS: for IMAP and POP3 use Plain or Login, or leave it out",
    ),
    (
        (
            "incoming != 'EWS' || !has(credentials.mechanism) || "
            "!(credentials.mechanism in ['Plain', 'Login', 'CRAMMD5', 'SCRAM'])"
        ),
        "mechanisms of EWS are NTLM and Basic: use one of these, or leave it out",
    ),
)
OUTGOING_RULES: Final[tuple[Rule, ...]] = (
    (
        "outgoing != 'None' || !has(self.verification.testMessage) || self.verification.testMessage == 'Never'",
        "a test message needs an outgoing side: remove verification.testMessage, or give outgoing a server",
    ),
    (
        "outgoing != 'None' || !has(self.fromAddresses)",
        "fromAddresses need an outgoing side: remove them, or give outgoing a server",
    ),
    (
        "!(incoming in ['IMAP', 'POP3']) || self.capabilities.all(one, one == 'Mail')",
        "capabilities Contacts and Calendar need protocol EWS, Graph or Gmail",
    ),
)


class FromAddress(Model):
    """A further identity to send as."""

    address: Address = Field(description="Address to send as.")
    display_name: OneLine | None = Field(default=None, description="Its From display name.")


class MailboxSpec(Model):
    """What the mailbox is."""

    model_config = ConfigDict(
        json_schema_extra=rules_at_once(*POP3_RULES, *CREDENTIAL_RULES, *OUTGOING_RULES, operands=OPERANDS)
    )

    address: Address = Field(description="The mailbox's address (RFC 5321; internationalised: RFC 6531).")
    display_name: OneLine | None = Field(default=None, description="Shown to people; the From display name.")
    description: Text | None = Field(default=None, description="For people.")
    from_addresses: list[FromAddress] = Field(
        default_factory=list,
        max_length=64,
        description="Further identities to send as; each is checked where the protocol can tell.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["address"]},
    )
    suspend: bool = Field(
        default=False, description="No probing, no fetching; the fetcher goes to 0 replicas, its state is kept."
    )
    deletion_protection: bool = Field(
        default=False, description="A DELETE is denied until suspend is true and this is false."
    )
    provider_ref: NameOnly | None = Field(
        default=None, description="A MailProvider with presets; absent: found by discovery."
    )
    incoming: Incoming | None = Field(default=None, description="Where mail comes in; absent: the provider's.")
    outgoing: Outgoing | None = Field(default=None, description="Where mail goes out; absent: the provider's.")
    tls: Tls | None = Field(default=None, description="How the servers' certificates are judged.")
    credentials: Credentials = Field(description="Who signs in, with what.")
    shared_mailbox: bool = Field(
        default=False, description="The address is opened through a delegate, who signs in by credentials.username."
    )
    capabilities: list[Literal["Mail", "Contacts", "Calendar"]] = Field(
        default=["Mail"],
        max_length=3,
        description="What must be reachable with this credential.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    fetch: Fetch = Field(default_factory=Fetch, description="What to fetch.")
    delivery: Delivery | None = Field(
        default=None, description="Where messages go; absent: the mailbox is verified and watched, and no fetcher runs."
    )
    verification: Verification = Field(default_factory=Verification, description="How the mailbox is proven.")
    fetcher: FetcherOptions = Field(default_factory=FetcherOptions, description="The fetcher's pod.")
    deletion_policy: Literal["Delete", "Orphan"] = Field(
        default="Delete", description="What happens to the checkpoint when the Mailbox is deleted."
    )

    @property
    def wants_test_message(self) -> bool:
        """Whether a test message is sent after a change: asked for, or left open while there may be an outgoing side."""
        sends = self.outgoing is None or self.outgoing.protocol != "None"
        return sends and self.verification.test_message != "Never"


class MailboxMeta(ObjectMeta):
    """What is read of a Mailbox's metadata."""

    name: str = Field(
        default="",
        json_schema_extra=rules(
            ("size(self) <= 50", "must have at most 50 characters: what belongs to a Mailbox is named after it"),
            (
                "!self.matches('-checkpoint$')",
                "must not end in -checkpoint: the ConfigMap of another Mailbox is named so",
            ),
        ),
    )


class Mailbox(Model):
    """A mailbox that is declared, proven step by step and fetched without a loss."""

    metadata: MailboxMeta = Field(default_factory=MailboxMeta)
    spec: MailboxSpec = Field(description="What the mailbox is.")
    status: MailboxStatus = Field(default_factory=MailboxStatus, description="What was found out about it.")
