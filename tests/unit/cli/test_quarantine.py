"""What the quarantine's commands say where there is nothing to read."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailbox_operator.cli.quarantine import quarantine


def run(*args: str, **environment: str) -> Result:
    return CliRunner().invoke(quarantine, args, env=environment)


@pytest.mark.parametrize("command", [("list",), ("retry", "--all"), ("drop", "--all")])
def test_a_checkpoint_that_is_not_there_is_told_in_a_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    said = run(*command, "--checkpoint", f"file:{tmp_path / 'missing.json'}")
    assert isinstance(said.exception, SystemExit)
    assert said.exit_code == 1
    assert "missing.json" in said.output


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{}", b"no JSON"])
def test_what_is_no_checkpoint_is_told_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "state.json"
    file.write_bytes(content)
    said = run("list", "--checkpoint", f"file:{file}")
    assert isinstance(said.exception, SystemExit)
    assert said.exit_code == 1


def test_without_a_name_the_command_line_is_wrong_whether_or_not_there_is_a_cluster(tmp_path: Path) -> None:
    said = run("list", KUBECONFIG=str(tmp_path / "nothing"))
    assert said.exit_code == 2
    assert "NAME of a Mailbox, or --checkpoint, is needed" in said.output
