"""docs/decisions/: each has a number of its own, and links lead somewhere."""

import re
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parents[3] / "docs"
DECISIONS: Final = sorted((DOCS / "decisions").glob("0*.md"))


def test_they_are_numbered_one_by_one_in_their_titles_too() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    assert all(path.read_text().startswith(f"# {int(path.name[:4])}. ") for path in DECISIONS)


def test_each_link_of_the_pages_leads_to_a_file() -> None:
    pages = [DOCS.parent / "README.md", *DOCS.rglob("*.md")]
    dead = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert dead == []
