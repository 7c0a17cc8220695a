"""What a failed call on the volume means."""

import errno

import pytest

from mailbox_operator.fetcher.maildir.fault import judge_os_error


@pytest.mark.parametrize(
    ("number", "reason", "is_lasting"),
    [
        (errno.ENOSPC, "SinkFull", True),
        (errno.EDQUOT, "SinkFull", True),
        (errno.EROFS, "SinkNotWritable", True),
        (errno.EACCES, "SinkNotWritable", True),
        (errno.EIO, "SinkFailing", False),
    ],
)
def test_the_reason_is_told_and_no_path(number: int, reason: str, is_lasting: bool) -> None:  # noqa: FBT001
    fault = judge_os_error(OSError(number, "words of the system", "/var/mail/secret-path"))
    assert (fault.reason, fault.is_lasting) == (reason, is_lasting)
    assert "words of the system" in fault.said
    assert "secret-path" not in fault.said
