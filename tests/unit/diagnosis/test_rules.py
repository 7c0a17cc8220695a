"""The knowledge base judged as data: each rule can be reached, and each text can be read."""

import re

import pytest

from mailbox_operator.diagnosis.cleaning import LIMIT
from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.matcher import diagnose
from mailbox_operator.diagnosis.page import SPOKEN
from mailbox_operator.diagnosis.rules import Rule, rules


def label(rule: Rule) -> str:
    return f"{rule.area}-{rule.provider}-{rule.reason}-{rule.sample[:24]}"


@pytest.mark.parametrize("rule", rules(), ids=label)
def test_each_sample_leads_to_its_own_rule(rule: Rule) -> None:
    assert rule.pattern.search(rule.sample)
    found = diagnose(Evidence(area=rule.area, text=rule.sample, provider=rule.provider))
    assert (found.reason, found.retry) == (rule.reason, rule.retry)
    assert (found.meaning, found.action) == (rule.meaning, rule.action)


@pytest.mark.parametrize("rule", rules(), ids=label)
def test_a_reason_is_one_that_kubernetes_takes(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Za-z](?:[A-Za-z0-9_,:]*[A-Za-z0-9_])?", rule.reason)


@pytest.mark.parametrize("rule", rules(), ids=label)
def test_cause_and_remedy_leave_room_for_the_servers_words(rule: Rule) -> None:
    assert len(rule.meaning) + len(rule.action) + LIMIT + len(": ") * 2 <= 1024
    assert not re.search(r"\s\s|\n|\.$", rule.meaning + "|" + rule.action)


@pytest.mark.parametrize("rule", [rule for rule in rules() if rule.area in SPOKEN], ids=label)
def test_cause_and_remedy_are_sentences(rule: Rule) -> None:
    for text in (rule.meaning, rule.action):
        assert len(text.split()) >= 3
        assert text[0].isupper() or text.startswith("spec.")
