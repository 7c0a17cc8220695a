"""The ids of fetching. A UID and a sequence number are both ints, and mixing them loses mail."""

from typing import NewType

Uid = NewType("Uid", int)
"""Names a message within a folder and its UIDVALIDITY (RFC 9051 section 2.3.1.1)."""
UidValidity = NewType("UidValidity", int)
"""Changes when a folder's UIDs mean something else."""
