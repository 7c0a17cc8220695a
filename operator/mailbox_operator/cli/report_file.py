"""A verification's report for programs: JSON, and the JUnit XML that pipelines show."""

import json
import re
from dataclasses import asdict
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mailbox_operator.verification.model import Report, Verdict

UNWRITTEN: Final = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_json(address: str, report: Report) -> str:
    """Return the whole report as one line."""
    return json.dumps({"address": address, **asdict(report)}, ensure_ascii=False)


def as_junit(address: str, report: Report) -> str:
    """Return the report as a test suite: a step is a test, one not tried is skipped, cautions are its output."""
    failures = sum(one.verdict is Verdict.FALSE for one in report.results)
    skipped = sum(one.verdict is Verdict.UNKNOWN for one in report.results)
    seconds = sum(one.milliseconds for one in report.results) / 1000
    numbers = {"tests": len(report.results), "failures": failures, "errors": 0}
    counts = {name: str(value) for name, value in numbers.items()} | {"time": f"{seconds:.3f}"}
    top = Element("testsuites", counts)  # which counts none as skipped, says Jenkins
    suite = SubElement(top, "testsuite", {"name": written(address), "skipped": str(skipped)} | counts)
    for one in report.results:
        case = SubElement(
            suite,
            "testcase",
            {"classname": "mailbox", "name": str(one.step), "time": f"{one.milliseconds / 1000:.3f}"},
        )
        if one.verdict is Verdict.FALSE:
            SubElement(case, "failure", {"type": one.reason, "message": written(one.message)})
        elif one.verdict is Verdict.UNKNOWN:
            SubElement(case, "skipped", {"message": written(one.message)})
        else:
            SubElement(case, "system-out").text = written(one.message)
    if report.cautions:
        lines = (f"{one.type}: {one.message}" for one in report.cautions)
        SubElement(suite, "system-out").text = written("\n".join(lines))
    indent(top)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(top, encoding="unicode")


def written(text: str) -> str:
    """Return a text without what XML 1.0 cannot hold (section 2.2)."""
    return UNWRITTEN.sub("", text)
