"""What a fetcher costs: its imports, and its memory while it idles. A golden file, rewritten by `make golden`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[3]
GOLDEN: Final = TOP / "tests/data/fetcher/modules.txt"
FORBIDDEN: Final = frozenset(
    {"aiohttp", "jsonschema", "kopf", "kubernetes", "prometheus_client", "pydantic", "rich", "yaml"}
)


def modules_of_a_whole_run(tmp_path: Path) -> set[str]:
    """Return the packages outside the standard library that fetching and delivering one message has loaded."""
    done = subprocess.run(
        [sys.executable, "-I", str(Path(__file__).with_name("whole_run.py")), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    assert found["delivered"] == ["<1@x>"]
    return set(found["modules"])


def test_fetching_and_delivering_loads_what_is_written_down_and_nothing_else(tmp_path: Path) -> None:
    loaded = modules_of_a_whole_run(tmp_path)
    if os.environ.get("GOLDEN"):
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text("".join(f"{name}\n" for name in sorted(loaded)))
    assert sorted(loaded) == GOLDEN.read_text().split()
    assert not loaded & FORBIDDEN
