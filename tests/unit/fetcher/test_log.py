"""Log lines: for a program one JSON object each, for a person a line of words."""

import json
import logging

from mailbox_operator.fetcher.log import JsonFormatter, TerminalFormatter


def record(**fields: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "a.b", "levelname": "WARNING", "msg": "session %s", "args": ("failed",)})
    vars(made).update(fields)
    return made


def test_a_program_gets_an_object_a_line() -> None:
    line = JsonFormatter().format(record(failures=2, said="a\nb", where=ValueError("x")))
    told = json.loads(line)
    assert "\n" not in line
    assert told.pop("time")[10] == "T"
    assert told == {
        "level": "WARNING",
        "logger": "a.b",
        "message": "session failed",
        "failures": 2,
        "said": "a\nb",
        "where": "x",
    }


def test_what_was_raised_is_told_to_both() -> None:
    error = ValueError("out of range")
    raised = record(exc_info=(ValueError, error, None))
    assert json.loads(JsonFormatter().format(raised))["exc_info"] == "ValueError: out of range"
    assert TerminalFormatter().format(raised).endswith("\nValueError: out of range")


def test_a_person_gets_words() -> None:
    assert TerminalFormatter().format(record(failures=2)).endswith("warning  session failed  failures=2")
