"""Log lines: JSON in a pod, for people on a terminal. Constant text, values in fields."""

import json
import logging
import sys
from typing import Final

PLAIN_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TerminalFormatter(logging.Formatter):
    """`12:30:01 warning  session failed  reason=ConnectionRefused failures=2`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        fields = " ".join(f"{name}={value}" for name, value in vars(record).items() if name not in PLAIN_FIELDS)
        when = self.formatTime(record, "%H:%M:%S")
        text = f"{when} {record.levelname.lower():8} {record.getMessage()}{'  ' if fields else ''}{fields}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonFormatter(logging.Formatter):
    """`{"time": "2026-11-25T12:30:01+0000", "level": "WARNING", "logger": …, "message": "session failed", "failures": 2}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in PLAIN_FIELDS}
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up_logging(level: str) -> None:
    """Write log lines to standard error, from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TerminalFormatter() if sys.stderr.isatty() else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
