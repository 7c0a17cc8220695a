"""What a Mailbox fetches, and what becomes of a message on the server afterwards."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mailbox_operator.api.model import Model
from mailbox_operator.api.rules import AS_ONE, at_most_one, rules_at_once
from mailbox_operator.api.syntax import ONE_LINE, Address, Quantity, Since, Text, between, matching

FolderGlob = Annotated[str, Field(min_length=1, max_length=512, json_schema_extra=ONE_LINE)]
HeaderName = Annotated[
    str,
    Field(
        max_length=128,
        json_schema_extra=matching("[!-9;-~]+", "must be a header's name, without colon: write X-Spam-Flag"),
    ),
]
"""RFC 5322 section 2.2."""


class Folders(Model):
    """Which folders, by name, glob or special use (RFC 6154)."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    include: list[FolderGlob] = Field(
        default=["INBOX"],
        min_length=1,
        max_length=64,
        description=r"Names, globs (`Projects/*`) or special uses (`\Inbox`, `\Junk`, `\All`).",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    exclude: list[FolderGlob] = Field(
        default_factory=list,
        max_length=64,
        description="Of these, which not.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class HeaderMatch(Model):
    """A header that a message must carry."""

    name: HeaderName = Field(description="Name of the header; upper and lower case are the same.")
    value: Text | None = Field(default=None, description="Its whole value, case-sensitive; absent: any value.")


class Filter(Model):
    """Which messages are handed over. All of it must hold."""

    model_config = ConfigDict(json_schema_extra=AS_ONE)

    unseen_only: bool = Field(default=False, description="Only messages not marked as seen.")
    headers: list[HeaderMatch] = Field(
        default_factory=list,
        max_length=16,
        description="Headers that a message must carry.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    from_: list[Address] = Field(
        default_factory=list,
        alias="from",
        max_length=64,
        description="Senders; a message must be from one of them.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    max_message_size: Quantity = Field(default="25Mi", description="Largest message that is handed over whole.")
    oversize: Literal["HeadersOnly", "Skip"] = Field(
        default="HeadersOnly", description="What becomes of a larger one: its headers are handed over, or nothing."
    )


class AfterFetch(Model):
    """What becomes of a message on the server once the application has it."""

    model_config = ConfigDict(
        json_schema_extra=rules_at_once(
            (
                "!has(self.moveTo) || !self.delete",
                "a message cannot be moved and deleted: set moveTo or delete, not both",
            ),
            at_most_one("deleteAfter", "moveTo", what="a moved message is no longer ours to delete"),
        )
        | AS_ONE
    )

    mark_seen: bool = Field(default=True, description="Mark it as seen.")
    move_to: FolderGlob | None = Field(default=None, description="Move it to this folder.")
    delete: bool = Field(default=False, description="Delete it.")
    delete_after: Since | None = Field(
        default=None, description="Delete it this long after it was handed over (`30d`)."
    )
    leave_on_server: bool = Field(
        default=True,
        description="POP3: leave it on the server; false: delete it as soon as, or `deleteAfter`, it was handed over.",
    )


class Fetch(Model):
    """What to fetch, when, and how far back."""

    folders: Folders = Field(default_factory=Folders, description="Which folders.")
    mode: Literal["Push", "Poll"] = Field(
        default="Push",
        description="Push: the server tells of new mail where it can (IMAP IDLE). Poll: ask at the interval.",
    )
    interval: Annotated[str, Field(max_length=32, json_schema_extra=between("10s", "24h"))] = Field(
        default="5m", description="How often to ask; with Push, the safety net. A Go duration from 10s to 24h."
    )
    since: Since = Field(
        default="7d",
        description="How far back the first sync reaches: a Go duration or days (`30d`); `0`: only new mail.",
    )
    filter: Filter = Field(default_factory=Filter, description="Which messages.")
    deduplicate: bool = Field(
        default=True, description="Hand a message over once by its Message-ID, also when it is copied or marked unread."
    )
    after_fetch: AfterFetch = Field(default_factory=AfterFetch, description="What becomes of a message afterwards.")
