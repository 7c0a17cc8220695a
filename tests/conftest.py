"""For all tests: no verdict depends on how busy the machine is, or on chance."""

import pytest
from hypothesis import settings

from support.patience import PATIENCE

# pytest's time-out is deadline enough, and a commit passes or fails the same everywhere; `--hypothesis-profile=exploring`
# tries other examples at each run
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("exploring", deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Stretch each test's time-out as its waits are stretched."""
    usual = float(config.getini("timeout"))
    for item in items:
        marker = item.get_closest_marker("timeout")
        seconds = marker.args[0] if marker else usual
        item.add_marker(pytest.mark.timeout(seconds * PATIENCE), append=False)
