"""`mailbox-operator verify`."""

import asyncio
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import click
from rich.console import Console

from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.cli.chosen_mailbox import (
    UNUSABLE_ERRORS,
    UnusableError,
    choose_mailbox,
    give_up,
    piped_password,
    read_manifests,
    resolve_mailbox,
    stored_or_asked,
)
from mailbox_operator.cli.local_values import LocalValues
from mailbox_operator.cli.report_file import as_json, as_junit
from mailbox_operator.cli.step_display import show_end, shown_steps
from mailbox_operator.controller.resolve import Resolution
from mailbox_operator.controller.target import render_target
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.secret import Secret
from mailbox_operator.verification.limits import Limits
from mailbox_operator.verification.model import LoopTest, Report, Target, Verdict
from mailbox_operator.verification.runner import verify as run_verification

FAILED: Final = 1

Output = Literal["text", "json", "junit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where passwords and CA bundles come from."""

    values: LocalValues
    password: Secret | None
    """For every login, where one was typed or piped in."""
    ca_pem: str | None


@click.command
@click.option("-f", "files", multiple=True, required=True, metavar="FILE", help="Manifests: a file, a folder, or -.")
@click.option("--name", help="Which Mailbox, if the manifests hold several.")
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
    help="Trust these authorities (PEM), instead of what spec.tls names.",
)
@click.option("--no-test-message", is_flag=True, help="Send no test message, whatever the Mailbox says.")
@click.option(
    "--output", "-o", type=click.Choice(["text", "json", "junit"]), default="text", help="How to print the result."
)
def verify(  # noqa: PLR0913 - a command's options are its arguments
    *,
    files: tuple[str, ...],
    name: str | None,
    password_stdin: bool,
    secrets_from: Path | None,
    ca_file: Path | None,
    no_test_message: bool,
    output: Output,
) -> None:
    """Verify a mailbox from this terminal, step by step, without a cluster.

    It takes the same steps as the operator, from where you are: connect to both servers, check their certificates, sign
    in, open the folders, and send a message from the mailbox to itself, which is removed again. The password comes from
    --secrets-from, from a Secret among the manifests or from standard input; otherwise you are asked for it.

    \b
    Asks for the password:     mailbox-operator verify -f mailbox.yaml
    From a password manager:   pass mail/support | mailbox-operator verify -f mailbox.yaml --password-stdin
    With the cluster's Secret: kubectl get mailbox,secret -o yaml | mailbox-operator verify -f - --name support
    For a program:             mailbox-operator verify -f mailbox.yaml --secrets-from secrets/ -o json
    For a pipeline's report:   mailbox-operator verify -f mailbox.yaml --secrets-from secrets/ -o junit > report.xml

    Exit code: 0 proven, 1 a step failed, 2 the manifests cannot be tried.
    """  # noqa: D301 - click's mark for "do not wrap" is the character itself
    try:
        manifests = read_manifests(files)
        mailbox = choose_mailbox(manifests, name)
        chosen = resolve_mailbox(mailbox, manifests)
        sources = Sources(
            values=LocalValues(manifests=tuple(manifests), folder=secrets_from),
            password=_password(chosen, stdin=password_stdin, files=files),
            ca_pem=ca_file.read_text(encoding="utf-8") if ca_file else None,
        )
        target = _target(mailbox, chosen, sources, test_message=not no_test_message)
    except UNUSABLE_ERRORS as error:
        give_up(str(error))
    report = _prove(target, output)
    sys.exit(FAILED if any(result.verdict is Verdict.FALSE for result in report.results) else 0)


def _password(chosen: Resolution, *, stdin: bool, files: tuple[str, ...]) -> Secret | None:
    """Return what was piped in, without the line break that every tool adds."""
    if not stdin:
        return None
    if chosen.outgoing_login.password != chosen.login.password:
        raise UnusableError("incoming and outgoing side have passwords of their own: use --secrets-from")
    return piped_password(files)


def _target(mailbox: Mailbox, chosen: Resolution, sources: Sources, *, test_message: bool) -> Target:
    wants_test = test_message and mailbox.spec.wants_test_message
    logins = {"login": chosen.login.password, "outgoing_login": chosen.outgoing_login.password}
    known: dict[tuple[str, str], Secret] = {}
    for reference in logins.values():
        place = (reference.name, reference.key)
        if place not in known:
            known[place] = sources.password or stored_or_asked(place, sources.values)
    return render_target(
        mailbox,
        chosen,
        passwords={login: known[reference.name, reference.key] for login, reference in logins.items()},
        ca_pem=sources.ca_pem or _ca_pem(chosen, sources.values),
        test=LoopTest(token=secrets.token_hex(16), is_sent=False) if wants_test else None,
    )


def _ca_pem(chosen: Resolution, values: LocalValues) -> str | None:
    tls = chosen.tls
    if tls.ca_secret_ref:
        return values.value("Secret", tls.ca_secret_ref.name, tls.ca_secret_ref.key)
    if tls.ca_config_map_ref:
        return values.value("ConfigMap", tls.ca_config_map_ref.name, tls.ca_config_map_ref.key)
    return None


def _prove(target: Target, output: Output) -> Report:
    if output != "text":
        report = asyncio.run(run_verification(target, policy=ANYTHING, limits=Limits()))
        click.echo(as_json(target.address, report) if output == "json" else as_junit(target.address, report))
        return report
    console = Console(highlight=False)
    with shown_steps(console) as listener:
        report = asyncio.run(run_verification(target, policy=ANYTHING, limits=Limits(), listener=listener))
    show_end(console, report)
    return report
