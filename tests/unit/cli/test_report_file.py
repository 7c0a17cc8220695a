"""What a program gets of a verification."""

import json
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.cli.report_file import as_json, as_junit
from mailbox_operator.verification.judging import blocked
from mailbox_operator.verification.model import Report, Step, StepResult, Verdict
from unit.cli.test_step_display import BAD, CAUTION, GOOD


def read(text: str) -> ET.Element:
    return ET.fromstring(text)[0]  # noqa: S314 - our own


REPORT = Report(results=(GOOD, BAD, blocked(Step.FOLDERS_ACCESSIBLE)), cautions=(CAUTION,))


def test_json_holds_all_of_it() -> None:
    found = json.loads(as_json("support@example.com", REPORT))
    assert found["address"] == "support@example.com"
    assert [one["verdict"] for one in found["results"]] == ["True", "False", "Unknown"]
    assert found["results"][1]["reason"] == "CredentialsInvalid"
    assert found["cautions"][0]["type"] == "PlaintextTransport"


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
