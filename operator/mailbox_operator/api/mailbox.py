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
from mailbox_operator.api.rules import Rule, rules, rules_on
from mailbox_operator.api.servers import Incoming, Outgoing
from mailbox_operator.api.status import MailboxStatus
from mailbox_operator.api.syntax import Address, OneLine, Text
from mailbox_operator.api.tls import Tls
from mailbox_operator.api.verification import Verification

IN: Final = "has(self.incoming) && has(self.incoming.protocol) && self.incoming.protocol"
OUT: Final = "has(self.outgoing) && has(self.outgoing.protocol) && self.outgoing.protocol"

# Each `self.x` of so large an object costs the API server some 10 µs, at every write of the status too. What holds for
# nearly every Mailbox, and is told by one field, therefore stands first.
POP3_RULES: Final[tuple[Rule, ...]] = (
    (
        f"self.fetch.afterFetch.leaveOnServer || !({IN} != 'POP3')",
        "fetch.afterFetch.leaveOnServer is for POP3: otherwise set fetch.afterFetch.delete",
    ),
    (
        f"!self.fetch.afterFetch.delete || !({IN} == 'POP3')",
        "POP3 deletes by fetch.afterFetch.leaveOnServer: false, or later by deleteAfter: remove fetch.afterFetch.delete",
    ),
    (
        f"!has(self.fetch.afterFetch.deleteAfter) || self.fetch.afterFetch.delete || ({IN} == 'POP3')",
        "fetch.afterFetch.deleteAfter needs fetch.afterFetch.delete: true",
    ),
    (
        f"!has(self.fetch.afterFetch.moveTo) || !({IN} == 'POP3')",
        "POP3 knows no folders: remove fetch.afterFetch.moveTo, or use IMAP",
    ),
    (
        f"(self.fetch.folders.include == ['INBOX'] && !has(self.fetch.folders.exclude)) || !({IN} == 'POP3')",
        "POP3 knows no folders: remove fetch.folders, or use IMAP",
    ),
    (
        f"!self.fetch.filter.unseenOnly || !({IN} == 'POP3')",
        "POP3 knows no seen messages: remove fetch.filter.unseenOnly, or use IMAP",
    ),
    (f"!self.sharedMailbox || !({IN} == 'POP3')", "POP3 opens no shared mailbox: use IMAP, EWS or Graph"),
)
CREDENTIAL_RULES: Final[tuple[Rule, ...]] = (
    (
        "!self.sharedMailbox || has(self.credentials.username)",
        "sharedMailbox needs credentials.username: the delegate who signs in to open the address",
    ),
    (
        "!self.sharedMailbox || !has(self.credentials.username) || self.credentials.username != self.address",
        "credentials.username of a sharedMailbox is the delegate who signs in, not the shared address",
    ),
    (
        f"!({IN} in ['Graph', 'Gmail']) || has(self.credentials.oauth)",
        "protocol Graph or Gmail needs a token: use credentials.oauth",
    ),
    (
        (
            f"!({OUT} in ['Graph', 'Gmail']) || "
            "(has(self.outgoing.credentials) ? has(self.outgoing.credentials.oauth) : has(self.credentials.oauth))"
        ),
        "outgoing protocol Graph or Gmail needs a token: use oauth in credentials or outgoing.credentials",
    ),
    (
        f"!has(self.credentials.mechanism) || !(self.credentials.mechanism in ['NTLM', 'Basic']) || !({IN} != 'EWS')",
        "mechanism NTLM or Basic is for EWS: for IMAP and POP3 use Plain or Login, or leave it out",
    ),
    (
        (
            "!has(self.credentials.mechanism) || "
            f"!(self.credentials.mechanism in ['Plain', 'Login', 'CRAMMD5', 'SCRAM']) || !({IN} == 'EWS')"
        ),
        "mechanisms of EWS are NTLM and Basic: use one of these, or leave it out",
    ),
)
OUTGOING_RULES: Final[tuple[Rule, ...]] = (
    (
        f"!has(self.verification.testMessage) || self.verification.testMessage == 'Never' || !({OUT} == 'None')",
        "a test message needs an outgoing side: remove verification.testMessage, or give outgoing a server",
    ),
    (
        f"!has(self.fromAddresses) || !({OUT} == 'None')",
        "fromAddresses need an outgoing side: remove them, or give outgoing a server",
    ),
    (
        f"!('Contacts' in self.capabilities || 'Calendar' in self.capabilities) || !({IN} in ['IMAP', 'POP3'])",
        "capabilities Contacts and Calendar need protocol EWS, Graph or Gmail",
    ),
)


class FromAddress(Model):
    """A further identity to send as."""

    address: Address = Field(description="Address to send as.")
    display_name: OneLine | None = Field(default=None, description="Its From display name.")


class MailboxSpec(Model):
    """What the mailbox is."""

    model_config = ConfigDict(json_schema_extra=rules(*POP3_RULES, *CREDENTIAL_RULES, *OUTGOING_RULES))

    address: Address = Field(description="The mailbox's address (RFC 5321; internationalised: RFC 6531).")
    display_name: OneLine | None = Field(default=None, description="Shown to people; the From display name.")
    description: Text | None = Field(default=None, description="For people.")
    from_addresses: list[FromAddress] = Field(
        default=[],
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


class Mailbox(Model):
    """A mailbox that is declared, proven step by step and fetched without a loss."""

    model_config = ConfigDict(
        json_schema_extra=rules_on(
            ".metadata.name",
            (
                "size(self.metadata.name) <= 50",
                "must have at most 50 characters: what belongs to a Mailbox is named after it",
            ),
            (
                "!self.metadata.name.matches('-checkpoint$')",
                "must not end in -checkpoint: the ConfigMap of another Mailbox is named so",
            ),
        )
    )

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: MailboxSpec = Field(description="What the mailbox is.")
    status: MailboxStatus = Field(default_factory=MailboxStatus, description="What was found out about it.")
