"""What the demo tells the person who watches it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string, policy
from typing import Any

from rich.console import Console
from rich.syntax import Syntax

from mailbox_operator.api.conditions import PRESENT_WHILE_TRUE

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 140)
MARKS = {"True": "[green]✓[/]", "False": "[red]✗[/]", "Unknown": "[dim]·[/]"}
WARNING = "[yellow]![/]"
"""Of what is there only while something is wrong."""
WAITING = "[dim]…[/]"


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step; when it is done, say how long it took."""
    console.print(f"[bold]▸ {title}[/]")
    began = time.monotonic()
    yield
    console.print(f"  [dim]{time.monotonic() - began:.1f} s[/]")


def condition(one: dict[str, Any]) -> None:
    """Print a condition as it turned."""
    mark = MARKS[one["status"]]
    if one["type"] in PRESENT_WHILE_TRUE:
        mark = WARNING
    elif one["reason"] == "FetcherStarting":
        mark = WAITING
    console.print(f"  {mark} {one['type']:24}", f"[bold]{one['reason']}[/]", "", sep="", end="  ")
    console.print(one["message"], markup=False, style="" if one["status"] == "False" else "dim")


def manifest(text: str) -> None:
    """Print YAML."""
    console.print(Syntax(text.rstrip(), "yaml", background_color="default", padding=(0, 2), code_width=110), width=114)


def event(one: dict[str, Any], body: str) -> None:
    """Print a CloudEvent as the receiver got it, and what a person sees of the message in it."""
    shown = {key: value for key, value in one.items() if key.startswith("ce-") or key == "content-type"}
    for key, value in sorted(shown.items()):
        console.print(f"    [cyan]{key}[/]: ", end="")
        console.print(str(value), markup=False)
    message = message_from_string(body, policy=policy.default)
    attached = "".join(f", with {part.get_filename()}" for part in message.iter_attachments())
    console.print("    [bold]Subject[/]: ", end="")
    console.print(f"{message['Subject']}{attached}", markup=False)
    console.print(f"    [dim]{one['octets']:,} octets, sha256 {one['sha256'][:16]}…[/]\n")
