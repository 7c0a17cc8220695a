"""What a program gets of a verification."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from lxml import etree

from mailbox_operator.cli.report_file import as_json, as_junit
from mailbox_operator.verification.judging import blocked
from mailbox_operator.verification.model import Report, Step, StepResult, Verdict
from unit.cli.test_step_display import BAD, CAUTION, GOOD

TOP: Final = Path(__file__).resolve().parents[3]
JUNIT: Final = etree.XMLSchema(etree.parse(TOP / "tests/data/cli/junit.xsd"))
JSON: Final = Draft202012Validator(json.loads((TOP / "docs/verify-report.schema.json").read_text()))


def read(text: str) -> ET.Element:
    JUNIT.assertValid(etree.fromstring(text.encode()))
    return ET.fromstring(text)[0]  # noqa: S314 - our own


REPORT = Report(results=(GOOD, BAD, blocked(Step.FOLDERS_ACCESSIBLE)), cautions=(CAUTION,))


def test_json_holds_all_of_it() -> None:
    found = json.loads(as_json("support@example.com", REPORT))
    assert found["address"] == "support@example.com"
    assert [one["verdict"] for one in found["results"]] == ["True", "False", "Unknown"]
    assert found["results"][1]["reason"] == "CredentialsInvalid"
    assert found["cautions"][0]["type"] == "PlaintextTransport"


def test_json_is_what_its_schema_says() -> None:
    results = tuple(
        replace(BAD if step is Step.INCOMING_AUTHENTICATED else GOOD, step=step, retry_after_seconds=1.5)
        for step in Step
    )
    JSON.validate(json.loads(as_json("support@example.com", Report(results=results, cautions=(CAUTION,)))))


def test_junit_makes_each_step_a_test() -> None:
    suite = read(as_junit("support@example.com", REPORT))
    assert suite.get("name") == "support@example.com"
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped"), suite.get("time")) == (
        "3",
        "1",
        "1",
        "0.020",
    )
    good, bad, untried = suite.findall("testcase")
    assert good.find("failure") is None
    failure = bad.find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == (BAD.reason, BAD.message)
    assert untried.find("skipped") is not None
    assert suite.findtext("system-out") == "PlaintextTransport: set security: TLS"


@given(st.text())
def test_whatever_a_server_said_it_is_xml(message: str) -> None:
    result = StepResult(step=Step.INCOMING_REACHABLE, verdict=Verdict.FALSE, reason="Unrecognised", message=message)
    read(as_junit("a@b.test", Report(results=(result,))))
