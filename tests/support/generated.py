"""Everything that is generated, in one list: `python -m support.generated` writes it, `--check` says what has drifted."""

from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[2]
