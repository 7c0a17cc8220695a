"""How long a dead connection can look like a quiet one."""

from mailbox_operator.cli.fetch import fetch
from mailbox_operator.fetcher.imap.patience import GLANCE, QUIET

FIVE_MINUTES = 300


def test_by_default_a_connection_without_an_other_end_is_noticed_within_five_minutes() -> None:
    """Quiet for so long it is asked; then it owes an answer. Pods are started without the option."""
    [silence] = [float(str(one.default)) for one in fetch.params if one.name == "silence"]
    assert QUIET * silence + silence + 2 * GLANCE < FIVE_MINUTES
