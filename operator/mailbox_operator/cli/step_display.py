"""The steps of a verification as a person sees them: a live list on a terminal, a line for each anywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mailbox_operator.verification.model import Caution, Listener, Report, Step, StepResult, Verdict

MARKS: Final = {
    Verdict.TRUE: ("✓", "green"),
    Verdict.FALSE: ("✗", "red"),
    Verdict.UNKNOWN: ("·", "bright_black"),
}
WIDTH: Final = max(len(step) for step in Step)


@contextmanager
def shown_steps(console: Console) -> Iterator[Listener]:
    """Show results as they come; what is yielded takes them."""
    if not console.is_terminal:
        yield lambda result: console.print(_line(result), soft_wrap=True)
        return
    results: dict[Step, StepResult] = {}
    with Live(_table(results), console=console, refresh_per_second=12) as live:

        def take(result: StepResult) -> None:
            results[result.step] = result
            live.update(_table(results))

        yield take


def show_end(console: Console, report: Report) -> None:
    """Show the cautions and the verdict on the whole."""
    for caution in report.cautions:
        console.print(_caution(caution), soft_wrap=True)
    failed = [result for result in report.results if result.verdict is Verdict.FALSE]
    if failed:
        console.print(Text(f"Not proven: {failed[0].step} ({failed[0].reason})", style="bold red"), soft_wrap=True)
    else:
        console.print(Text("Proven", style="bold green"))


def _table(results: dict[Step, StepResult]) -> Table:
    table = Table.grid(padding=(0, 1))
    for step in Step:
        if result := results.get(step):
            mark, style = MARKS[result.verdict]
            table.add_row(Text(mark, style=style), step, _seconds(result), _message(result))
        else:
            table.add_row(Spinner("dots"), Text(step, style="bright_black"), "", "")
    return table


def _line(result: StepResult) -> Text:
    mark, style = MARKS[result.verdict]
    return Text.assemble((mark, style), f" {result.step:{WIDTH}} {_seconds(result):>8}  ", _message(result))


def _message(result: StepResult) -> Text:
    if result.verdict is Verdict.FALSE:
        return Text.assemble((result.reason, "bold red"), f"  {result.message}")
    return Text(result.message, style="" if result.verdict is Verdict.TRUE else "bright_black")


def _seconds(result: StepResult) -> str:
    return f"{result.milliseconds} ms" if result.milliseconds else ""


def _caution(caution: Caution) -> Text:
    return Text.assemble(("! ", "yellow"), f"{caution.type:{WIDTH}}           {caution.message}")
