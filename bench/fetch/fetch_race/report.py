"""Tables for people, and one line for programs."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fetch_race.contestants import OURS
from fetch_race.heats import Heat, Ratio
from fetch_race.measure import Run

HEADING: Final = """\
| | median s | messages/s | CPU s | RSS MiB | ratio | goal |
|---|--:|--:|--:|--:|--:|--:|"""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a heat gave."""

    heat: Heat
    messages: int
    runs: Mapping[str, list[Run]]
    """Of those who finished every round."""

    @property
    def ratios(self) -> list[Ratio]:
        """Return the heat's ratios that can be told."""
        return [one for one in self.heat.ratios if one.rival in self.runs]

    def ratio(self, ours: str, rival: str) -> float:
        """Return the median over the rounds of the rival's time over ours."""
        pairs = zip(self.runs[rival], self.runs[ours], strict=True)
        return statistics.median(theirs.seconds / mine.seconds for theirs, mine in pairs)


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """Something measured by itself."""

    key: str
    title: str
    value: float
    unit: str
    limit: float
    """It should not be above."""


def table(result: Result) -> str:
    """Write a heat's table in Markdown."""
    lines = [f"\n### {result.heat.title} (`{result.heat.name}`)\n", HEADING]
    for name, runs in result.runs.items():
        seconds = statistics.median(one.seconds for one in runs)
        rate = "" if result.heat.nothing_new else f"{result.messages / seconds:,.0f}"
        cells = [f"{seconds:.2f}", rate, f"{statistics.median(one.cpu_seconds for one in runs):.2f}"]
        cells.append(f"{max(one.rss_mib for one in runs):.0f}")
        shown = [ratio for ratio in result.ratios if name in (ratio.ours, ratio.rival)]
        against = len({ratio.rival for ratio in result.heat.ratios}) > 1
        mine = [ratio for ratio in shown if name == (ratio.rival if against else ratio.ours)]
        cells.append(" ".join(f"{result.ratio(ratio.ours, ratio.rival):.2f}" for ratio in mine))
        cells.append(" ".join(f"≥ {ratio.goal:g}" for ratio in mine))
        title = f"**mailbox-operator** to {OURS[name]}" if name in OURS else name
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def gauge_table(gauges: Iterable[Gauge]) -> str:
    """Write what was measured by itself in Markdown."""
    lines = ["\n| | measured | at most |", "|---|--:|--:|"]
    lines += [f"| {one.title} | {one.value:.4g} {one.unit} | {one.limit:g} {one.unit} |" for one in gauges]
    return "\n".join(lines)


def numbers(results: list[Result], gauges: list[Gauge], *, rounds: int) -> dict[str, Any]:
    """Return everything for programs."""
    ratios = {
        ratio.key: (round(result.ratio(ratio.ours, ratio.rival), 3), ratio.goal)
        for result in results
        for ratio in result.ratios
    }
    measured = {one.key: round(one.value, 3) for one in gauges}
    return {
        "benchmark": "fetch",
        "rounds": rounds,
        "ratios": {key: value for key, (value, _) in ratios.items()} | measured,
        "missed": [key for key, (value, goal) in ratios.items() if value < goal]
        + [one.key for one in gauges if one.value > one.limit],
        "unfinished": [name for result in results for name in result.heat.contestants if name not in result.runs],
        "seconds": {
            f"{result.heat.name}/{name}": round(statistics.median(one.seconds for one in runs), 3)
            for result in results
            for name, runs in result.runs.items()
        },
        "rss_mib": {
            f"{result.heat.name}/{name}": round(max(one.rss_mib for one in runs))
            for result in results
            for name, runs in result.runs.items()
        },
        "foreign": round(
            statistics.median([one.foreign for result in results for runs in result.runs.values() for one in runs]), 3
        )
        if results
        else None,
    }
