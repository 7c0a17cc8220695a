"""Everything that is generated, in one list: `python -m support.generated` writes it, `--check` says what has drifted."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[2]
