"""The bar of a fetch on a terminal: what its columns say, by a clock of the test's own."""

import pytest
from rich.console import Console
from rich.progress import Progress as Bar

from mailbox_operator.cli.fetch_bar import make_bar, move, render_sentence
from mailbox_operator.cli.fetch_count import Count
from mailbox_operator.fetcher.progress import State


def drawn(bar: Bar) -> str:
    """Return what a person sees now, without its colours."""
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(bar.get_renderable())
    return captured.get()


def test_it_tells_how_far_how_fast_and_how_much_longer() -> None:
    now = 100.0
    bar = make_bar(Console(quiet=True), clock=lambda: now)
    assert "signing in" in drawn(bar)
    for second in range(11):
        now = 100.0 + second
        done = 50 * second
        move(
            bar,
            Count(
                seconds=float(second),
                delivered=done,
                octets=done * 20_000,
                skipped=2 * second,
                pending=5_200 - done - 2 * second,
                state=State.DELIVERING,
            ),
        )
    shown = drawn(bar)
    assert "delivering" in shown
    assert "520/5200" in shown, "what was skipped is done with, too"
    assert "50/s  1.0 MB/s" in shown, "what was handed over"
    assert "01:30" in shown, "4,680 more, 52 a second"


def test_it_tells_what_is_wrong_and_no_time_where_nothing_moves() -> None:
    bar = make_bar(Console(quiet=True), clock=lambda: 100.0)
    move(
        bar,
        Count(seconds=0.0, pending=7, state=State.SINK_FAILING, reason="SinkUnavailable", message="503"),
    )
    shown = drawn(bar)
    assert "SinkUnavailable" in shown
    assert "0/7" in shown
    assert "0/s  0.0 MB/s" in shown
    assert "--:--" in shown


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (Count(seconds=2.0, delivered=1_500, octets=3_000_000), "1,500 messages, 3.0 MB in 2.0 s (750/s)"),
        (
            Count(seconds=1.0, skipped=1, quarantined=2, pending=3, state=State.SINK_GONE, reason="R", message="m"),
            "0 messages, 0.0 MB in 1.0 s (0/s), 1 skipped, 2 quarantined, 3 still wait\nR: m",
        ),
    ],
)
def test_a_sentence_at_the_end_says_what_became_of_it(count: Count, sentence: str) -> None:
    assert render_sentence(count).plain == sentence
