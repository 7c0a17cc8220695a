"""For all tests: no verdict depends on how busy the machine is, or on chance."""

from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from support.patience import PATIENCE

# pytest's time-out is deadline enough, and a commit passes or fails the same everywhere; `--hypothesis-profile=exploring`
# tries other examples at each run
BUSY: Final = [HealthCheck.too_slow]
"""What hypothesis would find fault with where the machine has something else to do."""
settings.register_profile("repeatable", deadline=None, suppress_health_check=BUSY, derandomize=True)
settings.register_profile("exploring", deadline=None, suppress_health_check=BUSY)
settings.load_profile("repeatable")

CLUSTERS: Final = ("apiserver", "e2e")
"""Folders whose tests share a cluster."""


class ByPeers(LoadScopeScheduling):
    """Gives tests that share a cluster to one process, and so those of one file, which often share a server."""

    def _split_scope(self, nodeid: str) -> str:
        folder = nodeid.split("/")[1]
        return folder if folder in CLUSTERS else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Say how tests are spread where several processes run them."""
    return ByPeers(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Stretch each test's time-out as its waits are stretched."""
    usual = float(config.getini("timeout"))
    for item in items:
        marker = item.get_closest_marker("timeout")
        seconds = marker.args[0] if marker else usual
        item.add_marker(pytest.mark.timeout(seconds * PATIENCE), append=False)
