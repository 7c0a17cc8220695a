"""The bad manners of a webhook."""

from enum import Enum


class HangUp(Enum):
    """When a receiver closes the connection, without a word of warning."""

    NEVER = "never"
    UNREAD = "before it has read the request"
    UNANSWERED = "after it has taken the message, before it answers"
    ANSWERED = "after its answer"
