"""The chart, rendered without a cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python import Chart

CHART = Path(__file__).resolve().parents[2] / "charts/mailbox-operator"
Objects = list[dict[str, Any]]
Render = Callable[..., Objects]


@pytest.fixture(scope="session")
def render() -> Render:
    """Return the objects of the chart for some values."""

    def rendered(**values: Any) -> Objects:
        with Chart.load(CHART) as chart:
            files = chart.render(values, name="mailbox-operator", namespace="mailbox-system")
        texts = [text for name, text in sorted(files.items()) if name.endswith(".yaml")]
        return [obj for text in texts for obj in yaml.safe_load_all(text) if obj]

    return rendered
