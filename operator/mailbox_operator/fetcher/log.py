"""Log lines: JSON in a pod, for people on a terminal. Constant text, values in fields."""

import logging
import sys

PLAIN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TerminalFormatter(logging.Formatter):
    """`12:30:01 warning  session failed  reason=ConnectionRefused failures=2`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        fields = " ".join(f"{name}={value}" for name, value in vars(record).items() if name not in PLAIN_FIELDS)
        when = self.formatTime(record, "%H:%M:%S")
        text = f"{when} {record.levelname.lower():8} {record.getMessage()}{'  ' if fields else ''}{fields}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def set_up_logging(level: str) -> None:
    """Write log lines to standard error, from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        handler.setFormatter(TerminalFormatter())
    else:
        from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 - a terminal does without

        handler.setFormatter(
            JsonFormatter(
                "{asctime}{levelname}{name}{message}",
                style="{",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
                datefmt="%Y-%m-%dT%H:%M:%S%z",
            )
        )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
