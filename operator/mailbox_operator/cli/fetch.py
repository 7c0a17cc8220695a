"""`mailbox-operator fetch`: fetch one mailbox. What a fetcher pod runs, by a plan; works from a terminal too."""

import asyncio
import gc
import os
import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mailbox_operator.fetcher.log import set_up_logging
from mailbox_operator.fetcher.process import Options, run_fetcher

if TYPE_CHECKING:
    from mailbox_operator.cli.local_plan import Wanted
    from mailbox_operator.fetcher.process import Observe


def parse_listen(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int] | None:
    """Read `ADDRESS:PORT`, `:PORT` or `none`."""
    if value == "none":
        return None
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal():
        raise click.BadParameter("ADDRESS:PORT, :PORT or none is needed")
    return host.strip("[]"), int(port)


@click.command
@click.option("-f", "files", multiple=True, metavar="FILE", help="Manifests: a file, a folder, or -.")
@click.option("--name", help="Which Mailbox, where the manifests hold several.")
@click.option(
    "--to",
    metavar="maildir:PATH|lmtp:HOST:PORT|URL",
    help="Hand messages over there, not where the Mailbox says.",
)
@click.option("--password-stdin", is_flag=True, help="Take the password from standard input.")
@click.option(
    "--secrets-from",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Take Secrets and ConfigMaps from the files DIR/NAME/KEY.",
)
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Trust these authorities (PEM) for the mail server, in place of what spec.tls names.",
)
@click.option(
    "--plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="In place of -f: the operator's plan (JSON), as a pod has it. Read again when it changes.",
)
@click.option(
    "--checkpoint",
    metavar="file:PATH|configmap:NAME",
    required=True,
    help="Where it is written down what is delivered; a ConfigMap only from within a pod, in the plan's namespace.",
)
@click.option("--once", is_flag=True, help="Fetch what is there, deliver it and end.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "bar", "json", "none"]),
    default="auto",
    show_default=True,
    help="auto: with --once a bar on a terminal, else a line of JSON each second and a summary; without --once none.",
)
@click.option(
    "--listen",
    metavar="[ADDRESS]:PORT|none",
    default="none",
    show_default=True,
    callback=parse_listen,
    help="Serve /healthz, /readyz and /metrics there; without an ADDRESS on every one.",
)
@click.option(
    "--silence",
    type=click.FloatRange(min=1),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="A mail server that owes an answer and says nothing for so long is gone; one that owes none is asked after 2.5 times as long.",
)
@click.option("--allow-loopback", is_flag=True, help="With --plan: let mail server and sink be on this machine.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="Default: info; warning while progress is shown.",
)
def fetch(  # noqa: PLR0913 - the options are what they are
    *,
    files: tuple[str, ...],
    name: str | None,
    to: str | None,
    password_stdin: bool,
    secrets_from: Path | None,
    ca_file: Path | None,
    plan: Path | None,
    checkpoint: str,
    once: bool,
    progress: Literal["auto", "bar", "json", "none"],
    listen: tuple[str, int] | None,
    silence: float,
    allow_loopback: bool,
    log_level: str | None,
) -> None:
    """Fetch one mailbox and hand each message over: to a webhook, an LMTP server or into a Maildir.

    The program of the fetcher pods, from where you are and without a cluster. Give it a Mailbox (-f) or a plan (--plan).
    It begins where the checkpoint says it ended; a message counts as delivered when the receiver has it, and only then
    is that written down: end it at any moment and start it again, nothing is lost.

    \b
    A mailbox into a Maildir, asked for the password:
        mailbox-operator fetch -f mailbox.yaml --to maildir:mail --checkpoint file:state.json --once
    To where the Mailbox says, with secrets as files secrets/NAME/KEY:
        mailbox-operator fetch -f mailbox.yaml --secrets-from secrets/ --checkpoint file:state.json
    With the cluster's Secret, into a local LMTP server, for a program:
        kubectl get mailbox/support secret/support-mail -o yaml | mailbox-operator fetch -f - \\
            --to lmtp:127.0.0.1:24 --checkpoint file:state.json --once --progress json
    As a pod does it:
        mailbox-operator fetch --plan plan.json --checkpoint file:state.json --listen 127.0.0.1:8080

    \b
    Exit codes: 0 asked to leave, or with --once everything was delivered
                1 with --once: not everything was; else: no checkpoint
                2 the manifests, the plan or the command line cannot be used
                3 another fetcher holds the checkpoint
    """  # noqa: D301 - click's mark for "do not wrap" is the character itself
    if bool(files) == bool(plan):
        raise click.UsageError("exactly one of -f and --plan is needed")
    shown = _shown(progress, once=once)
    set_up_logging(log_level or ("info" if shown is None else "warning"))
    gc.freeze()
    gc.set_threshold(20_000)  # messages leave no cycles behind; looking for some took 4 % of the time under load
    with ExitStack() as stack:
        if plan is None:
            from mailbox_operator.cli.local_plan import Wanted  # noqa: PLC0415 - 60 MiB that a pod does not pay for

            wanted = Wanted(
                files=files,
                name=name,
                to=to,
                password_stdin=password_stdin,
                secrets_from=secrets_from,
                ca_file=ca_file,
            )
            plan = stack.enter_context(_plan_file(wanted))
        options = Options(
            plan=plan,
            checkpoint=checkpoint,
            once=once,
            listen=listen,
            silence=silence,
            allow_loopback=allow_loopback or bool(files),
            spool_folder=Path(os.environ.get("TMPDIR", "/tmp")),  # noqa: S108 - the pod's own emptyDir
        )
        observe = stack.enter_context(shown) if shown else None
        code = asyncio.run(run_fetcher(options, observe=observe))
    sys.exit(code)


def _shown(progress: Literal["auto", "bar", "json", "none"], *, once: bool) -> "AbstractContextManager[Observe] | None":
    """Return what shows the progress, None: nothing does."""
    if progress == "none" or (progress == "auto" and not once):
        return None
    if progress == "bar" or (progress == "auto" and sys.stderr.isatty()):
        from mailbox_operator.cli.fetch_bar import shown_as_bar  # noqa: PLC0415 - rich: a pod does without

        return shown_as_bar()
    from mailbox_operator.cli.fetch_count import shown_as_json  # noqa: PLC0415 - a pod shows nothing

    return shown_as_json()


def _plan_file(wanted: "Wanted") -> AbstractContextManager[Path]:
    from mailbox_operator.cli.local_plan import plan_file  # noqa: PLC0415 - as above

    return plan_file(wanted)
