from pathlib import Path
from typing import Final

import pytest

from support.kube import Kube

pytestmark = pytest.mark.apiserver

EXAMPLES: Final = sorted(path for path in (Path(__file__).resolve().parents[2] / "examples").iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_applied_and_deleted(folder: Path, kube: Kube) -> None:
    with kube.temporary_namespace(f"example-{folder.name}") as team:
        applied = team.run("apply", "-f", str(folder))
        assert all(line.endswith(" created") for line in applied.strip().split("\n")), applied
        team.run("delete", "-f", str(folder), "--wait=false")


def test_each_example_says_what_it_is_for() -> None:
    files = [file for folder in EXAMPLES for file in folder.iterdir()]
    assert all(file.read_text().startswith("# ") for file in files)
    assert len(EXAMPLES) >= 18
