from typing import Any

import pytest

from mailbox_operator.api.selectors import LabelSelector

LABELS = {"team": "helpdesk", "stage": "prod"}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"team": "helpdesk"}}, True),
        ({"matchLabels": {"team": "sales"}}, False),
        ({"matchLabels": {"team": "helpdesk", "region": "eu"}}, False),
        ({"matchExpressions": [{"key": "stage", "operator": "In", "values": ["prod", "test"]}]}, True),
        ({"matchExpressions": [{"key": "region", "operator": "In", "values": ["eu"]}]}, False),
        ({"matchExpressions": [{"key": "stage", "operator": "NotIn", "values": ["prod"]}]}, False),
        ({"matchExpressions": [{"key": "region", "operator": "NotIn", "values": ["eu"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "region", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "region", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, False),
        (
            {"matchLabels": {"team": "helpdesk"}, "matchExpressions": [{"key": "stage", "operator": "DoesNotExist"}]},
            False,
        ),
    ],
)
def test_a_selector_selects_as_kubernetes_does(selector: dict[str, Any], selected: bool) -> None:  # noqa: FBT001
    assert LabelSelector.model_validate(selector).selects(LABELS) is selected
