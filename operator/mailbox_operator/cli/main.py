"""The command `mailbox-operator`. A subcommand's module is imported when it is called: a fetcher pod pays for no other."""

import gc
from importlib import import_module
from typing import Final

import click
from click.shell_completion import get_completion_class

COMMANDS: Final = {
    "run": "Run the operator: watch Mailboxes, verify them, run their fetchers.",
    "fetch": "Fetch one mailbox and deliver its messages: what a fetcher pod does, from here.",
    "quarantine": "List messages that could not be delivered; retry or forget them.",
    "verify": "Verify a mailbox from this terminal, step by step, without a cluster.",
    "validate": "Check manifests without a cluster, with the API server's messages.",
    "crds": "Print or write the CustomResourceDefinitions.",
}
"""Each is a module of this package with a click command of the same name."""


class LazyGroup(click.Group):
    """A group that lists its subcommands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`, then those defined here."""
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one that is wanted. None: there is no such command."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        try:
            found = import_module(f"mailbox_operator.cli.{cmd_name}")
        finally:
            gc.enable()  # it was off for the sake of what is imported
        command = getattr(found, cmd_name)
        assert isinstance(command, click.Command), cmd_name  # noqa: S101 - a fault of this package, not of its user
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of subcommands."""
        own = {name: command.get_short_help_str(80) for name, command in self.commands.items()}
        with formatter.section("Commands"):
            formatter.write_dl(list((COMMANDS | own).items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mailbox-operator", prog_name="mailbox-operator", message="%(prog)s %(version)s")
def main() -> None:
    """Mailboxes as Kubernetes objects: declared, verified step by step, delivered without loss.

    \b
    Check manifests before you commit them:   mailbox-operator validate mailboxes/
    See from here why a mailbox fails:        mailbox-operator verify -f mailbox.yaml
    Fetch one into a Maildir:                 mailbox-operator fetch -f mailbox.yaml --to maildir:mail --checkpoint file:state.json --once
    Switch on completion (bash):              eval "$(mailbox-operator completion bash)"
    """  # noqa: D301 - click's mark for "do not wrap" is the character itself


@main.command
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed_version  # noqa: PLC0415 - brings email and zipfile along

    click.echo(f"mailbox-operator {installed_version('mailbox-operator')}")


@main.command
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands and options in SHELL."""
    found = get_completion_class(shell)
    assert found is not None, shell  # noqa: S101 - click has these three
    click.echo(found(main, {}, "mailbox-operator", "_MAILBOX_OPERATOR_COMPLETE").source())
