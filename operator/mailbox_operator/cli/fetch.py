"""`mailbox-operator fetch`: fetch one mailbox by a plan. What a fetcher pod runs; works without a cluster too."""

import asyncio
import gc
import os
import sys
from pathlib import Path

import click

from mailbox_operator.fetcher.log import set_up_logging
from mailbox_operator.fetcher.process import Options, run_fetcher


def parse_listen(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int] | None:
    """Read `ADDRESS:PORT` or `none`."""
    if value == "none":
        return None
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal():
        raise click.BadParameter("ADDRESS:PORT or none is needed")
    return host.strip("[]"), int(port)


@click.command
@click.option(
    "--plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="What to fetch, from where, to whom (JSON). Read again when it changes.",
)
@click.option(
    "--checkpoint",
    metavar="file:PATH|configmap:NAME",
    required=True,
    help="Where it is written down what is delivered; a ConfigMap only from within a pod, in the plan's namespace.",
)
@click.option("--once", is_flag=True, help="Fetch what is there, deliver it and end.")
@click.option(
    "--listen",
    metavar="ADDRESS:PORT|none",
    default="none",
    show_default=True,
    callback=parse_listen,
    help="Serve /healthz, /readyz and /metrics there.",
)
@click.option("--allow-loopback", is_flag=True, help="Let mail server and webhook be on this machine.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def fetch(  # noqa: PLR0913 - the options are what they are
    *,
    plan: Path,
    checkpoint: str,
    once: bool,
    listen: tuple[str, int] | None,
    allow_loopback: bool,
    log_level: str,
) -> None:
    r"""Fetch one mailbox by a plan and hand each message to its webhook.

    \b
    Exit codes: 0 asked to leave, or with --once everything was delivered
                1 with --once: not everything was; else: no checkpoint
                2 the plan or the command line cannot be used
                3 another fetcher holds the checkpoint

    \b
    Once, without a cluster:
        mailbox-operator fetch --plan plan.json --checkpoint file:state.json --once
    """
    set_up_logging(log_level)
    gc.freeze()
    gc.set_threshold(20_000)  # messages leave no cycles behind; looking for some took 4 % of the time under load
    options = Options(
        plan=plan,
        checkpoint=checkpoint,
        once=once,
        listen=listen,
        allow_loopback=allow_loopback,
        spool_folder=Path(os.environ.get("TMPDIR", "/tmp")),  # noqa: S108 - the pod's own emptyDir
    )
    sys.exit(asyncio.run(run_fetcher(options)))
