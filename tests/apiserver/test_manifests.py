import os
import random
from pathlib import Path
from typing import Any, Final

import pytest

from apiserver.judge import Judge
from apiserver.mutation import mutated
from mailbox_operator.api.validation import is_ours, violations
from mailbox_operator.cli.manifest_files import manifest_files, read_documents

pytestmark = pytest.mark.apiserver

TOP: Final = Path(__file__).resolve().parents[2]
INVALID: Final = sorted((TOP / "tests/data/manifests/invalid").glob("*.yaml"))
EXAMPLES: Final = [
    document.value
    for file in manifest_files((str(TOP / "examples"),))
    for document in read_documents(file)
    if is_ours(document.value)
]


def manifest_of(path: Path) -> dict[str, Any]:
    (document,) = read_documents(str(path))
    value: dict[str, Any] = document.value
    return value


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_a_bad_manifest_is_refused_with_the_golden_words(path: Path, judge: Judge) -> None:
    said = "\n".join(judge.complaints(manifest_of(path))) + "\n"
    golden = path.with_suffix(".txt")
    if os.environ.get("GOLDEN"):
        golden.write_text(said)
    assert said.strip(), "the API server accepts it"
    assert said == golden.read_text()


@pytest.mark.parametrize("manifest", EXAMPLES, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_an_example_is_accepted(manifest: dict[str, Any], judge: Judge) -> None:
    assert judge.complaints(manifest) == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", [1, 2])
def test_validate_says_the_same_as_the_server_to_anything(seed: int, judge: Judge) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same manifests in every run
    starts = [*EXAMPLES, *(manifest_of(path) for path in INVALID)]
    refused = 0
    for _ in range(250):
        manifest = mutated(dice.choice(starts), donor=dice.choice(starts), dice=dice)
        said = judge.complaints(manifest)
        assert sorted(violation.text for violation in violations(manifest)) == said, manifest
        refused += bool(said)
    assert refused > 100
