"""What a process has open: so a test sees that a connection is gone."""

from pathlib import Path


def open_files() -> int:
    """Return how many descriptors this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
