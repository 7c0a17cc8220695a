"""How long tests wait: deadlines are written for an idle machine, and a test that passes ends no later for patience."""

from typing import Final

PATIENCE: Final = 3
"""So many times as long does a test wait before it gives up: a continuous integration's machine is shared and slow."""
