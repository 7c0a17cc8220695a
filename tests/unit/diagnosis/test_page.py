"""The page is fresh, and each reason can be linked to."""

import re
from pathlib import Path

from mailbox_operator.diagnosis.page import SPOKEN, render_page
from mailbox_operator.diagnosis.rules import rules

PAGE = Path(__file__).resolve().parents[3] / "docs/troubleshooting.md"


def test_the_page_is_what_the_knowledge_base_says() -> None:
    assert PAGE.read_text() == render_page(), "run `make generate`"


def test_each_reason_has_one_anchor_and_each_link_leads_to_one() -> None:
    page = render_page()
    anchors = re.findall(r'<a id="([^"]+)">', page)
    assert len(anchors) == len(set(anchors))
    met = [rule for rule in rules() if not SPOKEN.keys().isdisjoint(rule.areas)]
    assert set(anchors) == {name.lower() for rule in met for name in (rule.reason.name, *rule.causes)}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) == set(anchors)
