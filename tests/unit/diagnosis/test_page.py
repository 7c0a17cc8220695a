"""The page is fresh, and each reason can be linked to."""

import re
from pathlib import Path

from mailbox_operator.diagnosis.page import SPOKEN, render_page
from mailbox_operator.diagnosis.rules import rules

PAGE = Path(__file__).resolve().parents[3] / "docs/troubleshooting.md"


def test_the_page_is_what_the_rules_say() -> None:
    assert PAGE.read_text() == render_page(), "run `make generate`"


def test_each_reason_has_one_anchor_an_area_and_each_link_leads_to_one() -> None:
    page = render_page()
    anchors = re.findall(r'<a id="([^"]+)">', page)
    assert len(anchors) == len(set(anchors))
    assert set(anchors) == {f"{rule.reason}-{rule.area}".lower() for rule in rules() if rule.area in SPOKEN}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) == set(anchors)
