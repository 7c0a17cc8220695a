from mailbox_operator.fetcher.ews.batches import BATCH_MESSAGES, BATCH_OCTETS, cut_batches, render_internaldate
from mailbox_operator.fetcher.imap.data import seconds_of_date


def test_small_messages_are_asked_for_together_and_a_large_one_alone() -> None:
    sizes = {"a": 10, "b": 20, "large": BATCH_OCTETS + 1, "c": 30}
    assert list(cut_batches(list(sizes), sizes)) == [["a", "b"], ["large"], ["c"]]
    many = {str(number): 1 for number in range(BATCH_MESSAGES + 1)}
    assert [len(part) for part in cut_batches(list(many), many)] == [BATCH_MESSAGES, 1]
    assert list(cut_batches([], {})) == []


def test_a_time_is_written_as_imap_writes_it() -> None:
    assert render_internaldate(837596665.7) == b"17-Jul-1996 09:44:25 +0000"
    assert seconds_of_date(render_internaldate(837596665.7)) == 837596665
