"""`mailbox-operator fetch`: fetch one mailbox. What a fetcher pod runs, by a plan; works from a terminal too."""

import sys
from pathlib import Path
from typing import Any

import click

from mailbox_operator.cli.fetch_command import (
    LOG_LEVELS,
    PROGRESS,
    SHORTEST_SILENCE,
    USUAL_SILENCE,
    FetchCommand,
    parse_listen,
)
from mailbox_operator.cli.fetch_run import run_command


def _listen(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int] | None:
    try:
        return parse_listen(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command
@click.option("-f", "files", multiple=True, metavar="FILE", help="Manifests: a file, a folder, or -.")
@click.option("--name", help="Which Mailbox, if the manifests hold several.")
@click.option(
    "--to",
    metavar="maildir:PATH|lmtp:HOST:PORT|URL",
    help="Deliver messages there instead of where the Mailbox says.",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--secrets-from",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Read Secrets and ConfigMaps from the files DIR/NAME/KEY.",
)
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Trust these authorities (PEM) for the mail server, instead of what spec.tls names.",
)
@click.option(
    "--plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead of -f: the operator's plan (JSON), as a pod has it. Read again when it changes.",
)
@click.option(
    "--checkpoint",
    metavar="file:PATH|configmap:NAME",
    required=True,
    help="Where to record what is delivered; a ConfigMap only from within a pod, in the plan's namespace.",
)
@click.option("--once", is_flag=True, help="Fetch what is there, deliver it and end.")
@click.option(
    "--progress",
    type=click.Choice(PROGRESS),
    default="auto",
    show_default=True,
    help="auto: with --once a bar on a terminal, otherwise a line of JSON each second and a summary; without --once nothing.",
)
@click.option(
    "--listen",
    metavar="[ADDRESS]:PORT|none",
    default="none",
    show_default=True,
    callback=_listen,
    help="Serve /healthz, /readyz and /metrics there; without an ADDRESS on all.",
)
@click.option(
    "--silence",
    type=click.FloatRange(min=SHORTEST_SILENCE),
    default=USUAL_SILENCE,
    show_default=True,
    metavar="SECONDS",
    help="Give up on a mail server that owes an answer and has been silent for so long. One that owes none is asked for a sign of life after 2.5 times as long.",
)
@click.option("--allow-loopback", is_flag=True, help="With --plan: allow a mail server and a sink on this machine.")
@click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS),
    help="Default: info; warning while progress is shown.",
)
def fetch(**options: Any) -> None:
    """Fetch one mailbox and deliver each message to a webhook, an LMTP server or a Maildir.

    This is the program of the fetcher pods, run from here and without a cluster. Give it a Mailbox (-f) or a plan
    (--plan). It continues where the checkpoint says it stopped. A message counts as delivered when the receiver has it,
    and only then is that recorded: stop it at any moment and start it again, and nothing is lost.

    \b
    A mailbox into a Maildir; you are asked for the password:
        mailbox-operator fetch -f mailbox.yaml --to maildir:mail --checkpoint file:state.json --once
    To where the Mailbox says, with secrets as files secrets/NAME/KEY:
        mailbox-operator fetch -f mailbox.yaml --secrets-from secrets/ --checkpoint file:state.json
    With the cluster's Secret, into a local LMTP server, with progress as JSON:
        kubectl get mailbox/support secret/support-mail -o yaml | mailbox-operator fetch -f - \\
            --to lmtp:127.0.0.1:24 --checkpoint file:state.json --once --progress json
    As a pod does it:
        mailbox-operator fetch --plan plan.json --checkpoint file:state.json --listen 127.0.0.1:8080

    \b
    Exit codes: 0 stopped as asked, or with --once everything was delivered
                1 with --once: not everything was; otherwise: no checkpoint
                2 the manifests, the plan or the command line cannot be used
                3 another fetcher holds the checkpoint
    """  # noqa: D301 - click's mark for "do not wrap" is the character itself
    if bool(options["files"]) == bool(options["plan"]):
        raise click.UsageError("exactly one of -f and --plan is needed")
    sys.exit(run_command(FetchCommand(**options)))
