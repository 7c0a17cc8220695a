"""What people read, and the one line that programs read."""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from operator_race.contestants import CONTESTANTS
from operator_race.results import Trial, writes

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A number of a trial."""

    title: str
    digits: int
    value: Callable[[Trial], float]


COLUMNS: Final = (
    Column(title="objects/s", digits=0, value=lambda t: t.load.objects_per_second),
    Column(title="first status p50 s", digits=2, value=lambda t: t.load.median_seconds),
    Column(title="p99 s", digits=2, value=lambda t: t.load.p99_seconds),
    Column(title="requests an object", digits=2, value=lambda t: t.load.requests.total() / t.load.objects),
    Column(title="writes", digits=2, value=lambda t: writes(t.load.requests) / t.load.objects),
    Column(title="CPU ms an object", digits=2, value=lambda t: t.load.cpu_seconds * 1000 / t.load.objects),
    Column(title="RSS MiB", digits=0, value=lambda t: t.load.rss_after / MIB),
    Column(
        title="kB an object", digits=1, value=lambda t: (t.load.rss_after - t.load.rss_before) / t.load.objects / 1e3
    ),
    Column(title="restart: requests", digits=0, value=lambda t: t.restart.requests.total()),
    Column(title="writes", digits=0, value=lambda t: writes(t.restart.requests)),
    Column(title="busy s", digits=1, value=lambda t: t.restart.busy_seconds),
    Column(title="refresh of all s", digits=1, value=lambda t: t.refresh.seconds),
    Column(title="new ones meanwhile p99 s", digits=2, value=lambda t: t.refresh.new_p99_seconds),
)


def print_table(trials: Sequence[Trial], *, console: Console) -> None:
    """Print a column for each contestant: medians, and the range where there are several rounds."""
    names = [name for name in CONTESTANTS if any(trial.contestant == name for trial in trials)]
    objects = max((trial.load.objects for trial in trials), default=0)
    table = Table(box=box.SIMPLE, title=f"{objects:,} objects at once; median (range) of the rounds")
    table.add_column("")
    for name in names:
        table.add_column(CONTESTANTS[name].title, justify="right")
    for column in COLUMNS:
        cells = [_cell([column.value(t) for t in trials if t.contestant == name], column.digits) for name in names]
        table.add_row(column.title, *cells)
    console.print(table)
    for trial in trials:
        if not trial.complete:
            console.print(
                f"[red]{trial.contestant}, round {trial.round}: not every object was handled:[/] "
                f"{trial.load.handled} at once, {trial.refresh.handled} again, {trial.refresh.new_handled} new ones"
            )


def _cell(values: Sequence[float], digits: int) -> str:
    middle, least, most = (f"{v:,.{digits}f}" for v in (statistics.median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({least} to {most})"


def summary(trials: Sequence[Trial]) -> dict[str, object]:
    """Return this project's numbers (medians), and those of the others beside them."""
    ours = [trial for trial in trials if trial.contestant == "mailbox"]
    found: dict[str, object] = {
        "benchmark": "operator",
        "objects": max((trial.load.objects for trial in trials), default=0),
        "rounds": len({trial.round for trial in trials}),
        "complete": all(trial.complete for trial in trials),
    }
    if ours:
        found |= _numbers(ours) | {
            "ratio_to_go": _median(_ratios(trials, to="go")),
            "ratio_to_go_on_mailboxes": _median(_ratios(trials, to="go-mailbox")),
        }
    others = {t.contestant: None for t in trials if t.contestant != "mailbox"}
    return found | {name: _numbers([t for t in trials if t.contestant == name]) for name in others}


def _numbers(trials: Sequence[Trial]) -> dict[str, object]:
    return {
        "objects_per_second": _median(t.load.objects_per_second for t in trials),
        "status_writes_per_object": _median(writes(t.load.requests, only_status=True) / t.load.objects for t in trials),
        "writes_per_object": _median(writes(t.load.requests) / t.load.objects for t in trials),
        "writes_after_restart": max(writes(t.restart.requests) for t in trials),
        "cpu_ms_per_object": _median(t.load.cpu_seconds * 1000 / t.load.objects for t in trials),
        "rss_bytes_per_object": _median((t.load.rss_after - t.load.rss_before) / t.load.objects for t in trials),
        "operator_rss_bytes": max(t.load.rss_after for t in trials),
        "new_object_p99_seconds": _median(t.refresh.new_p99_seconds for t in trials),
    }


def _ratios(trials: Sequence[Trial], *, to: str) -> list[float]:
    """Return our rate by another's, round by round: the machine's mood is the same within one."""
    go = {t.round: t.load.objects_per_second for t in trials if t.contestant == to}
    return [t.load.objects_per_second / go[t.round] for t in trials if t.contestant == "mailbox" and t.round in go]


def _median(values: Iterable[float]) -> float | None:
    """Return the median to four digits, or None without values."""
    known = [value for value in values if value == value]  # noqa: PLR0124 - not a number differs from itself
    return float(f"{statistics.median(known):.4g}") if known else None


def json_line(trials: Sequence[Trial]) -> str:
    """Return the summary on one line."""
    return json.dumps(summary(trials))
