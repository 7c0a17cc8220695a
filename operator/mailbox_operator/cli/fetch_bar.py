"""How a fetch goes, for a person on a terminal: a bar with rate and remaining time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from mailbox_operator.cli.fetch_count import Count, Counter
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.process import Observe
from mailbox_operator.fetcher.progress import Progress, State

FAILING: Final = frozenset({State.LOGIN_REFUSED, State.SOURCE_FAILING, State.SINK_FAILING, State.SINK_GONE})


@contextmanager
def shown_as_bar() -> Iterator[Observe]:
    """Draw a bar, and at the end say in a sentence what became of it; what is yielded takes the counts."""
    counter = Counter()
    with make_bar(Console(stderr=True)) as bar:

        def take(progress: Progress, meter: Meter) -> None:
            move(bar, counter.take(progress, meter))

        yield take
    Console(highlight=False, stderr=True).print(render_sentence(counter.latest))


def make_bar(console: Console, *, clock: Callable[[], float] = time.monotonic) -> Bar:
    """Return the bar, before anything is known."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    bar = Bar(*columns, console=console, transient=True, get_time=clock)
    bar.add_task("signing in", total=None, rate="")
    return bar


def move(bar: Bar, count: Count) -> None:
    """Have the bar show a count."""
    known = count.done + count.quarantined + count.pending
    bar.update(
        bar.task_ids[0],
        completed=count.done + count.quarantined,
        total=known or None,
        description=count.reason or count.state.value.lower(),
        rate=f"{count.rate:,.0f}/s  {count.octets / 1e6 / max(count.seconds, 0.001):,.1f} MB/s",
    )


def render_sentence(count: Count) -> Text:
    """Write it for a person."""
    parts = [
        f"{count.delivered:,} messages, {count.octets / 1e6:,.1f} MB in {count.seconds:.1f} s ({count.rate:,.0f}/s)"
    ]
    parts += [f"{count.skipped:,} skipped"] if count.skipped else []
    parts += [f"{count.quarantined:,} quarantined"] if count.quarantined else []
    parts += [f"{count.pending:,} still wait"] if count.pending else []
    text = Text(", ".join(parts), style="" if count.state not in FAILING else "red")
    if count.reason:
        text.append(f"\n{count.reason}: {count.message}", style="bold red")
    return text
