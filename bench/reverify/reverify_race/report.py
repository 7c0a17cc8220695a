"""What the rounds came to, for people and for machines."""

import json
from dataclasses import asdict
from statistics import median

from rich.console import Console
from rich.table import Table

from reverify_race.wave import Wave


def print_table(bare: list[float], waves: list[Wave], *, console: Console) -> None:
    """Print a row a round."""
    table = Table(title=f"{waves[0].mailboxes} healthy mailboxes looked into, all due at once")
    for name in (
        "round",
        "imaplib s",
        "operator s",
        "ratio",
        "CPU ms each",
        "status writes",
        "new: conditions p99 s",
        "new: Ready p99 s",
    ):
        table.add_column(name, justify="right")
    for number, (loop, wave) in enumerate(zip(bare, waves, strict=True), 1):
        table.add_row(
            str(number),
            f"{loop:.2f}",
            f"{wave.seconds:.2f}",
            f"{wave.seconds / loop:.2f}",
            f"{wave.cpu_seconds * 1000 / wave.mailboxes:.2f}",
            str(wave.status_writes),
            f"{wave.told_p99:.2f}",
            f"{wave.proven_p99:.2f}",
        )
    console.print(table)


def json_line(bare: list[float], waves: list[Wave]) -> str:
    """Return one line; `ratio` is the operator's time over the loop's, the median of the rounds."""
    ratio = median(wave.seconds / loop for loop, wave in zip(bare, waves, strict=True))
    rounds = [{"bare_seconds": round(loop, 3)} | _rounded(wave) for loop, wave in zip(bare, waves, strict=True)]
    told = max(wave.told_p99 for wave in waves)
    writes = max(wave.status_writes for wave in waves)
    summary = {"ratio": round(ratio, 3), "status_writes": writes, "new_conditions_p99_seconds": round(told, 3)}
    return json.dumps({"benchmark": "reverify", **summary, "rounds": rounds})


def _rounded(wave: Wave) -> dict[str, float]:
    return {name: round(value, 3) for name, value in asdict(wave).items()}
