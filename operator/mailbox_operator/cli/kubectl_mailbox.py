"""`kubectl mailbox`: what one asks of the operator about a Mailbox in a cluster."""

import asyncio
import json
import secrets
import sys
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final, Literal

import click
from rich.console import Console
from rich.text import Text

from mailbox_operator.api.conditions import PRESENT_WHILE_TRUE, ConditionType
from mailbox_operator.api.meta import GROUP, RECONCILE_ANNOTATION
from mailbox_operator.cli.kubectl import Kubectl, KubectlError

Object = dict[str, Any]

FAILED: Final = 1
UNUSABLE: Final = 2
RESOURCE: Final = f"mailboxes.{GROUP}"
MARKS: Final = {"True": ("✓", "green"), "False": ("✗", "red"), "Unknown": ("·", "bright_black")}
WARNING: Final = ("!", "yellow")
WIDTH: Final = max(len(kind) for kind in ConditionType)
RETRYING: Final = "ProgressingWithRetry"
"""The reason of Reconciling while a fault is not believed yet."""
NOT_PROVEN: Final = frozenset({ConditionType.FETCHER_AVAILABLE, ConditionType.DELIVERING, ConditionType.READY})
"""What is not of verification."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Ask the operator about a Mailbox.

    A plugin of kubectl, which it calls for whatever it asks of the cluster.
    """


@main.command
@click.argument("name")
@click.option("-n", "--namespace", help="Its namespace; default: that of the kubeconfig's context.")
@click.option("--context", help="The kubeconfig's context.")
@click.option("--kubeconfig", help="The kubeconfig file.")
@click.option(
    "--timeout", type=click.IntRange(1), default=150, show_default=True, help="How many seconds to wait at most."
)
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="How to print the result.")
def verify(  # noqa: PLR0913 - a command's options are its arguments
    *,
    name: str,
    namespace: str | None,
    context: str | None,
    kubeconfig: str | None,
    timeout: int,
    output: Literal["text", "json"],
) -> None:
    """Have the operator verify the Mailbox NAME again, wait for it, and print its conditions.

    It sets the annotation mailbox-operator.io/reconcile-at. That also ends the wait after a refused login and sends
    another test message. You need the right to annotate Mailboxes.

    Exit code: 0 proven, 1 a step failed or was not tried, 2 the operator could not be asked or did not answer in time.
    """
    given = {"--namespace": namespace, "--context": context, "--kubeconfig": kubeconfig}
    kubectl = Kubectl(options=tuple(f"{option}={value}" for option, value in given.items() if value))
    token = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}-{secrets.token_hex(4)}"
    console = Console(highlight=False)
    try:
        with console.status(f"The operator proves {name}"):
            status = asyncio.run(ask(kubectl, name, token=token, seconds=timeout))
    except (KubectlError, TimeoutError) as error:
        said = str(error) or f"no answer within {timeout} s: see whether the operator runs"
        click.echo(f"{click.style('error', fg='red')}: {said}", err=True)
        sys.exit(UNUSABLE)
    unproven = first_unproven(status["conditions"])
    if output == "json":
        click.echo(json.dumps({"name": name, "proven": unproven is None, "conditions": status["conditions"]}))
    else:
        show(console, status["conditions"], unproven=unproven)
    sys.exit(FAILED if unproven else 0)


async def ask(kubectl: Kubectl, name: str, *, token: str, seconds: float) -> Object:
    """Return the Mailbox's status once the operator has handled `token`. Raises KubectlError, TimeoutError."""
    async with asyncio.timeout(seconds):
        await kubectl.run("annotate", RESOURCE, name, f"{RECONCILE_ANNOTATION}={token}", "--overwrite")
        # By its name alone kubectl would get it, and hold back what it was when the watch began: an answer in between
        async with aclosing(kubectl.watch(RESOURCE, f"--field-selector=metadata.name={name}")) as watching:
            async for found in watching:
                status: Object = found.get("status") or {}
                if status.get("lastHandledReconcileAt") == token:
                    return status
    raise KubectlError("the Mailbox is gone")


def first_unproven(conditions: list[Object]) -> Object | None:
    """Return the condition of the first step that failed, also where the operator does not believe it yet.

    Where none failed: of the first one that was not tried, as with a suspended Mailbox.
    """
    steps = [one for one in conditions if one["type"] not in NOT_PROVEN]
    for one in steps:
        if one["status"] == "False" or (one["type"] == ConditionType.RECONCILING and one["reason"] == RETRYING):
            return one
    return next((one for one in steps if one["status"] == "Unknown"), None)


def show(console: Console, conditions: list[Object], *, unproven: Object | None) -> None:
    """Print the conditions as a person reads them, and the verdict."""
    for one in conditions:
        warns = one["type"] in PRESENT_WHILE_TRUE
        mark, style = WARNING if warns else MARKS[one["status"]]
        reason = f"{one['reason']}: " if one["status"] == "False" or warns else ""
        line = Text.assemble((mark, style), f" {one['type']:{WIDTH}}  ", (reason, "bold"), one["message"])
        console.print(line, soft_wrap=True)
    if unproven:
        console.print(Text(f"Not proven: {unproven['type']} ({unproven['reason']})", style="bold red"), soft_wrap=True)
    else:
        console.print(Text("Proven", style="bold green"))
