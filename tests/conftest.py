"""For all tests: no verdict depends on how busy the machine is."""

import pytest
from hypothesis import settings

from support.patience import PATIENCE

settings.register_profile("patient", deadline=None)  # pytest's time-out is enough
settings.load_profile("patient")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Stretch each test's time-out as its waits are stretched."""
    usual = float(config.getini("timeout"))
    for item in items:
        marker = item.get_closest_marker("timeout")
        seconds = marker.args[0] if marker else usual
        item.add_marker(pytest.mark.timeout(seconds * PATIENCE), append=False)
