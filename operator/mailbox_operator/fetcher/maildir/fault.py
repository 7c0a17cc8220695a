"""What a failed call on the volume means. Pure."""

import errno
from typing import Final

from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.values import dataclass

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
CLOSED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFault:
    """Why messages are not made durable; `said` is one line."""

    reason: str
    said: str
    is_lasting: bool
    """Whether a person has to do something."""
    evidence: Evidence


def judge_os_error(error: OSError) -> DiskFault:
    """Judge a failure. Its words are the system's, not the file's name, which means nothing to anybody."""
    words = error.strerror or str(error)
    evidence = Evidence(text=f"[Errno {error.errno}] {words}", area="maildir")
    if error.errno in FULL:
        return DiskFault(reason="SinkFull", said=f"The volume is full: {words}", is_lasting=True, evidence=evidence)
    if error.errno in CLOSED:
        return DiskFault(
            reason="SinkNotWritable", said=f"The Maildir cannot be written: {words}", is_lasting=True, evidence=evidence
        )
    return DiskFault(reason="SinkFailing", said=f"The volume fails: {words}", is_lasting=False, evidence=evidence)
