"""The knowledge base judged as data: each rule can be reached, and each text can be read."""

import re
from dataclasses import replace

import pytest

from mailbox_operator.diagnosis.cleaning import LIMIT
from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.matcher import diagnose
from mailbox_operator.diagnosis.reasons import reasons
from mailbox_operator.diagnosis.rules import Rule, rules

SAMPLES = [(rule, sample) for rule in rules() for sample in rule.samples]
WRAPPINGS = ("{}", "{}\r\n", "  {}", "b{!r}")


def label(value: object) -> str:
    if isinstance(value, Rule):
        return f"{value.areas[0]}-{value.reason.name}"
    return value.text[:32] if isinstance(value, Evidence) else str(value)


@pytest.mark.parametrize(("rule", "sample"), SAMPLES, ids=label)
def test_each_sample_leads_to_its_own_rule(rule: Rule, sample: Evidence) -> None:
    found = diagnose(sample)
    assert (found.reason, found.meaning, found.action) == (rule.reason.name, rule.reason.meaning, rule.reason.action)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_librarys_wrapping_changes_nothing(wrapping: str) -> None:
    for rule, sample in SAMPLES:
        found = diagnose(replace(sample, text=wrapping.format(sample.text)))
        assert found.reason == rule.reason.name, wrapping.format(sample.text)


@pytest.mark.parametrize("rule", rules(), ids=label)
def test_a_rule_can_be_shown(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Za-z](?:[A-Za-z0-9_,:]*[A-Za-z0-9_])?", rule.reason.name)  # what Kubernetes takes
    assert rule.samples or rule.verify
    assert len(rule.reason.meaning) + len(rule.reason.action) + LIMIT + len(": ") * 2 <= 1024


def test_cause_and_remedy_are_sentences() -> None:
    for reason in reasons().values():
        for text in (reason.meaning, reason.action):
            assert len(text.split()) >= 3, text
            assert text[0].isupper() or text.startswith("spec."), text
            assert not re.search(r"\s\s|\n|\.$", text), text


def test_each_reason_is_given_by_some_rule() -> None:
    given = {name for rule in rules() for name in reasons() if name in rule.reason.name}
    assert given == set(reasons())
