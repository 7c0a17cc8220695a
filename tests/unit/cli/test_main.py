"""The command line as a whole: what each command says of itself, and what it says without a cluster."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailbox_operator.cli.main import COMMANDS, main
from testbed.mailserver import free_ports


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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_completes_it_is_printed_for_each_shell(shell: str) -> None:
    said = run("completion", shell)
    assert said.exit_code == 0
    assert f"_MAILBOX_OPERATOR_COMPLETE={shell}_complete" in said.output


def test_commands_and_options_are_completed() -> None:
    asked = {"_MAILBOX_OPERATOR_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    said = CliRunner(env=asked | {"COMP_WORDS": "mailbox-operator ver"}).invoke(main, prog_name="mailbox-operator")
    assert said.output.split() == ["plain,verify", "plain,version"]


@pytest.mark.parametrize(
    ("command", "code"), [(("run", "--listen-port", "0"), 2), (("quarantine", "list", "support"), 1)]
)
def test_without_a_cluster_a_sentence_is_said(tmp_path: Path, command: tuple[str, ...], code: int) -> None:
    said = run(*command, KUBECONFIG=str(tmp_path / "nothing"))
    assert said.exit_code == code
    assert "no cluster is configured" in said.output
    assert "set KUBECONFIG" in said.output


@pytest.mark.parametrize(
    "options",
    [
        ("--listen-port", "70000"),
        ("--network-allowed", "10.0.0.0/33"),
        ("--network-allowed", "10.0.0"),
        ("--network-allowed", "*.example.com"),
        ("--network-allowed", "https://mail.example.com"),
        ("--network-denied", "mail.example.com"),
    ],
)
def test_what_would_do_nothing_is_refused(options: tuple[str, ...]) -> None:
    said = run("run", *options)
    assert said.exit_code == 2
    assert options[0] in said.output


def test_a_kubeconfig_with_a_broken_authority_is_told_in_a_sentence(tmp_path: Path) -> None:
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": b64encode(b"no PEM").decode()}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config))
    for command, code in ((("quarantine", "list", "support"), 1), (("run", "--listen-port", "0"), 2)):
        said = run_as_user(*command, code=code, KUBECONFIG=str(file))
        assert "mend the kubeconfig" in said
        assert "Traceback" not in said


def test_the_quarantine_is_looked_for_in_the_namespace_of_the_context(tmp_path: Path) -> None:
    [nobody] = free_ports(1)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "helpdesk"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{nobody}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config))
    said = run_as_user("quarantine", "list", "support", KUBECONFIG=str(file))
    assert "the checkpoint of helpdesk/support cannot be read" in said
    said = run_as_user("quarantine", "list", "support", "-n", "sales", KUBECONFIG=str(file))
    assert "the checkpoint of sales/support cannot be read" in said


def run_as_user(*args: str, code: int = 1, **environment: str) -> str:
    """Return what a process of its own says: the library reads KUBECONFIG when it is imported."""
    command = [sys.executable, "-m", "mailbox_operator", *args]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code
    return done.stderr
