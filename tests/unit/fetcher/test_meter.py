"""What `/metrics` serves, and that the page says so."""

import re
from pathlib import Path
from typing import Final

from mailbox_operator.fetcher.meter import FolderGauge, Meter, render_metrics

PAGE: Final = Path(__file__).resolve().parents[3] / "docs/fetching.md"


def served() -> str:
    meter = Meter()
    meter.folders = lambda: {
        "INBOX": FolderGauge(pending=3, lag_seconds=1.5),
        'A "b"': FolderGauge(pending=1, lag_seconds=0.0),
    }
    meter.delivery_seconds.observe(0.2)
    return render_metrics(meter).decode()


def test_folders_are_told_apart_and_summed_up() -> None:
    text = served()
    assert 'mailbox_fetcher_folder_pending{folder="INBOX"} 3.0' in text
    assert 'mailbox_fetcher_folder_lag_seconds{folder="INBOX"} 1.5' in text
    assert 'mailbox_fetcher_folder_pending{folder="A \\"b\\""} 1.0' in text
    assert "mailbox_fetcher_pending 4.0" in text
    assert 'mailbox_fetcher_delivery_seconds_bucket{le="0.25"} 1.0' in text


def test_the_page_lists_each_metric_with_its_kind() -> None:
    kinds = dict(re.findall(r"^# TYPE (mailbox_fetcher_\w+) (\w+)$", served(), re.MULTILINE))
    told = dict(re.findall(r"^\| `(mailbox_fetcher_\w+)(?:\{\w+\})?` \| (\w+) \|", PAGE.read_text(), re.MULTILINE))
    assert told == kinds
