"""Everything that is generated, in one list: `python -m support.generated` writes it, `--check` says what has drifted."""

import sys
from pathlib import Path
from typing import Final

from mailbox_operator.api import crd, reference
from mailbox_operator.diagnosis import likelihood, page
from support import learning

TOP: Final = Path(__file__).resolve().parents[2]


def files() -> dict[Path, str]:
    """Return the text of each generated file."""
    found: dict[Path, str] = {}
    for name, text in crd.documents().items():
        found[TOP / "crds" / name] = text
        found[TOP / "charts/mailbox-operator/files/crds" / name] = text
    for name, text in reference.pages().items():
        found[TOP / "docs/reference" / name] = text
    found[TOP / "docs/troubleshooting.md"] = page.render_page()
    found[likelihood.WEIGHTS] = learning.render_weights()
    return found


def drifted() -> list[Path]:
    """Return the files that are not what would be generated."""
    return [path for path, text in files().items() if not path.exists() or path.read_text() != text]


def main() -> int:
    """Write what has drifted or, with `--check`, name it and fail."""
    stale = drifted()
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(TOP)} is not fresh: make generate", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files()[path])
        print(f"wrote {path.relative_to(TOP)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
