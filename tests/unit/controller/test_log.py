"""The operator's log lines, as a program reads them."""

import json
import re
import subprocess
import sys

PROGRAM = """
import logging
from mailbox_operator.controller.log import set_up_logging

set_up_logging(json_lines=True, level="info")
logging.getLogger("some.part").warning("a visit failed", extra={"object": "Mailbox a/b"})
logging.getLogger("kopf").info("each step")
"""


def test_a_line_has_the_form_of_a_fetchers_with_a_time_that_names_its_zone() -> None:
    """In a process of its own: logging is set up for all of one."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    [line] = done.stderr.splitlines()
    found = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", found.pop("time"))
    assert found == {
        "level": "WARNING",
        "logger": "some.part",
        "message": "a visit failed",
        "object": "Mailbox a/b",
    }
