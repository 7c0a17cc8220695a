"""The types of a Mailbox's conditions, in the order in which they stand in its status."""

from enum import StrEnum
from typing import Final


class ConditionType(StrEnum):
    """Every condition there can be. Positive ones first, in the order of the steps."""

    SPEC_VALID = "SpecValid"
    REFERENCES_RESOLVED = "ReferencesResolved"
    ENDPOINTS_RESOLVED = "EndpointsResolved"
    TOKEN_ACQUIRED = "TokenAcquired"  # noqa: S105 - the name of a step
    INCOMING_REACHABLE = "IncomingReachable"
    INCOMING_SECURED = "IncomingSecured"
    INCOMING_AUTHENTICATED = "IncomingAuthenticated"
    FOLDERS_ACCESSIBLE = "FoldersAccessible"
    OUTGOING_REACHABLE = "OutgoingReachable"
    OUTGOING_SECURED = "OutgoingSecured"
    OUTGOING_AUTHENTICATED = "OutgoingAuthenticated"
    TEST_MESSAGE_DELIVERED = "TestMessageDelivered"
    CONTACTS_ACCESSIBLE = "ContactsAccessible"
    CALENDAR_ACCESSIBLE = "CalendarAccessible"
    FETCHER_AVAILABLE = "FetcherAvailable"
    DELIVERING = "Delivering"
    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    EWS_RETIREMENT = "EWSRetirement"
    BASIC_SMTP_RETIREMENT = "BasicSmtpRetirement"
    PROTOCOL_RETIREMENT = "ProtocolRetirement"
    CERTIFICATE_EXPIRES_SOON = "CertificateExpiresSoon"
    CLIENT_SECRET_EXPIRES_SOON = "ClientSecretExpiresSoon"  # noqa: S105 - the name of a warning
    PLAINTEXT_TRANSPORT = "PlaintextTransport"
    CHECKPOINT_LOST = "CheckpointLost"
    FOLDER_RESET = "FolderReset"


ALWAYS_PRESENT: Final = (
    ConditionType.SPEC_VALID,
    ConditionType.REFERENCES_RESOLVED,
    ConditionType.ENDPOINTS_RESOLVED,
    ConditionType.TOKEN_ACQUIRED,
    ConditionType.INCOMING_REACHABLE,
    ConditionType.INCOMING_SECURED,
    ConditionType.INCOMING_AUTHENTICATED,
    ConditionType.FOLDERS_ACCESSIBLE,
    ConditionType.OUTGOING_REACHABLE,
    ConditionType.OUTGOING_SECURED,
    ConditionType.OUTGOING_AUTHENTICATED,
    ConditionType.TEST_MESSAGE_DELIVERED,
    ConditionType.FETCHER_AVAILABLE,
    ConditionType.DELIVERING,
    ConditionType.READY,
)
"""Present from the first visit; the last is the summary of those before it."""

PRESENT_WHILE_TRUE: Final = (
    ConditionType.RECONCILING,
    ConditionType.STALLED,
    ConditionType.EWS_RETIREMENT,
    ConditionType.BASIC_SMTP_RETIREMENT,
    ConditionType.PROTOCOL_RETIREMENT,
    ConditionType.CERTIFICATE_EXPIRES_SOON,
    ConditionType.CLIENT_SECRET_EXPIRES_SOON,
    ConditionType.PLAINTEXT_TRANSPORT,
    ConditionType.CHECKPOINT_LOST,
    ConditionType.FOLDER_RESET,
)
"""Present only while True (kstatus; warnings)."""
