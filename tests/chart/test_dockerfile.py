"""The image's first stage, run in a plain folder: there is no container engine here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PREFIX = "/opt/mailbox-operator"


def first_stage() -> list[str]:
    """Return its instructions, continued lines joined."""
    text = (TOP / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    ends = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    return lines[ends[0] + 1 : ends[1]]


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_the_first_stage_makes_a_program_that_runs(tmp_path: Path) -> None:
    source, prefix = tmp_path / "src", tmp_path / "opt"
    source.mkdir()
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "UV_LINK_MODE": "copy"}
    for line in first_stage():
        instruction, _, rest = line.partition(" ")
        if instruction == "COPY":
            *sources, target = rest.split()
            for name in sources:
                copy(TOP / name, source / target / (Path(name).name if target.endswith(("/", ".")) else ""))
        elif instruction == "RUN" and not rest.startswith("pip install"):  # `uv` is in the project's own environment
            command = rest.replace(PREFIX, str(prefix)).replace("--python python3", f"--python {sys.executable}")
            subprocess.run(["sh", "-ec", command], cwd=source, env=environment, check=True, capture_output=True)
    done = subprocess.run([prefix / "bin/mailbox-operator", "version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"mailbox-operator \d+\.\d+\.\d+\n", done.stdout)


def copy(source: Path, target: Path) -> None:
    """Copy as COPY does: a folder's content, or a file."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert "USER 65532:65532" in (TOP / "Dockerfile").read_text()
