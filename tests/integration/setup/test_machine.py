"""What is said on a machine where something cannot be done: at once, with the command that mends it, and what else can."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.integration

TOP: Final = Path(__file__).resolve().parents[3]
NOBODY: Final = 65534
BECOMING: Final = f"""
import os, sys
from devcluster import cluster
from devcluster.errors import ClusterError
from support import bootstrap
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
"""
"""As a user without rights, who may not even read the folder of the Python that runs here: all is imported before."""


def nobody(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code without root."""
    environment = os.environ | {"PYTHONPATH": str(TOP / "tests"), "CLUSTER": "dev"} | variables
    return subprocess.run(
        [sys.executable, "-c", BECOMING + code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def prerequisites(target: str, **variables: str) -> list[str]:
    """Return the commands that make would run for a target, in order."""
    environment = os.environ | {"CLUSTER": "dev", "MAKEFLAGS": "", "PYTHON": "python3"} | variables
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", target],
        cwd=TOP,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("target", ["demo", "test", "integration", "e2e", "cluster-up", "bench-fetch"])
def test_what_takes_root_says_so_before_anything_else(target: str) -> None:
    assert prerequisites(target)[0] == f"python3 tests/support/bootstrap.py machine {target}"
    refused = nobody(f"bootstrap.main('machine', {target!r})")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"`make {target}` takes root: ")
    assert f'\n    sudo env "PATH=$PATH" make {target}\n' in refused.stderr
    assert "Without root there are `make check`, `make unit`" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_cluster_in_place_is_kept_where_sudo_would_forget_it() -> None:
    refused = nobody("bootstrap.main('machine', 'demo')", CLUSTER="current")
    assert ' CLUSTER=current "KUBECONFIG=${KUBECONFIG:-$HOME/.kube/config}" make demo\n' in refused.stderr


def test_what_is_not_here_is_named_with_the_command_that_installs_it() -> None:
    lacking = "{'one': '/nonexistent', 'two': '/bin/sh', 'three': '/none|/neither'}"
    refused = nobody(f"bootstrap.install_packages({lacking})")
    assert refused.returncode == 1
    assert "As root, on Debian or Ubuntu:\n    apt-get install -y --no-install-recommends one three\n" in refused.stderr
    named = nobody(f"bootstrap.NODE_PACKAGES.update({lacking}); bootstrap.main('machine', 'demo')")
    assert "It installs what is not here, on Debian or Ubuntu: one, three." in named.stderr


def test_with_all_packages_there_setup_needs_no_root() -> None:
    assert nobody("bootstrap.install_packages({'there': '/bin/sh'})").returncode == 0
    assert not any("bootstrap.py machine" in command for command in prerequisites("setup"))


def test_a_cluster_without_root_says_what_it_lacks_and_what_else_there_is() -> None:
    refused = nobody("cluster.check_machine()")
    assert refused.returncode == 1
    assert "it lacks\n  - root" in refused.stderr
    assert "--no-node" in refused.stderr
    assert "CLUSTER=current" in refused.stderr


@pytest.mark.parametrize("target", ["test", "e2e"])
def test_end_to_end_tests_say_that_no_other_cluster_serves_them(target: str) -> None:
    environment = os.environ | {"CLUSTER": "current", "MAKEFLAGS": ""}
    refused = subprocess.run(
        ["make", "--no-print-directory", target],
        cwd=TOP,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode != 0
    assert "End-to-end tests have a cluster of their own" in refused.stderr
    assert "CLUSTER=current make demo" in refused.stderr
    assert refused.stdout == ""


def test_on_the_cluster_in_place_nothing_is_compiled_for_another() -> None:
    compiling = ".venv/bin/python tests/devcluster/cluster.py build"
    for target in ("demo", "cluster-up"):
        assert compiling in prerequisites(target)
        assert compiling not in prerequisites(target, CLUSTER="current")
