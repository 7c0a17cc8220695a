"""docs/operating.md and docs/verifying.md name what there is."""

import re
from pathlib import Path
from typing import Final

import pytest
from prometheus_client import REGISTRY

import mailbox_operator.controller.metrics  # noqa: F401 - registers what the operator counts
from mailbox_operator.api.conditions import PRESENT_WHILE_TRUE, ConditionType
from mailbox_operator.api.reasons import Reason
from mailbox_operator.cli.kubectl_mailbox import verify as ask
from mailbox_operator.cli.run import run
from mailbox_operator.cli.verify import verify

DOCS: Final = Path(__file__).resolve().parents[3] / "docs"
OPERATING: Final = (DOCS / "operating.md").read_text(encoding="utf-8")
VERIFYING: Final = (DOCS / "verifying.md").read_text(encoding="utf-8")
SHORT: Final = {"--file": "-f", "--output": "-o", "--namespace": "-n"}


@pytest.mark.parametrize("option", [opt for one in run.params for opt in one.opts])
def test_each_flag_of_the_operator_is_explained(option: str) -> None:
    assert f"`{option}" in OPERATING


@pytest.mark.parametrize(
    "option", sorted({one.opts[0] for command in (verify, ask) for one in command.params} - {"name"})
)
def test_each_option_of_both_commands_is_explained(option: str) -> None:
    assert f"`{SHORT.get(option, option)}" in VERIFYING


def test_each_metric_is_explained() -> None:
    ours = {one.name for one in REGISTRY.collect() if one.name.startswith("mailbox_operator_")}
    told = {name.removesuffix("_total") for name in re.findall(r"mailbox_operator_\w+", OPERATING)}
    assert told == ours


def test_each_warning_is_explained() -> None:
    for kind in PRESENT_WHILE_TRUE:
        if kind is not ConditionType.CLIENT_SECRET_EXPIRES_SOON:  # of OAuth, which comes later
            assert f"`{kind}`" in OPERATING


@pytest.mark.parametrize("reason", [*Reason, "SinkMisconfigured", "CheckpointUnavailable", "ProgressDeadlineExceeded"])
def test_each_reason_of_its_own_is_explained(reason: str) -> None:
    assert f"`{reason}`" in OPERATING
