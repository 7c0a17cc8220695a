"""The command line as a whole: what each command says of itself, and what it says without a cluster."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailbox_operator.cli.main import COMMANDS, main


def run(*args: str, **environment: str) -> Result:
    return CliRunner().invoke(main, args, env=environment)


@pytest.mark.parametrize("command", [*COMMANDS, "version", "completion"])
def test_a_command_explains_itself_as_it_was_written(command: str) -> None:
    """Click keeps the lines of a paragraph that begins with its mark; a raw docstring would print the mark instead."""
    said = run(command, "--help")
    assert said.exit_code == 0
    assert "\\b" not in said.output
    assert "\b" not in said.output


def test_the_version_is_told_both_ways() -> None:
    assert run("--version").output == run("version").output
    assert run("--version").output.startswith("mailbox-operator ")


@pytest.mark.parametrize(
    ("command", "code"), [(("run", "--listen-port", "0"), 2), (("quarantine", "list", "support"), 1)]
)
def test_without_a_cluster_a_sentence_is_said(tmp_path: Path, command: tuple[str, ...], code: int) -> None:
    said = run(*command, KUBECONFIG=str(tmp_path / "nothing"))
    assert said.exit_code == code
    assert "no cluster is configured" in said.output
    assert "set KUBECONFIG" in said.output
