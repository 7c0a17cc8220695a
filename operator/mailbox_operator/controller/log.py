"""The operator's log: JSON lines in a pod, readable lines on a terminal."""

import logging
from typing import Final

from mailbox_operator.fetcher.log import JsonFormatter, TerminalFormatter

QUIET: Final = ("kopf", "aiohttp.access", "asyncio")
"""Libraries that tell each step, or, at debug, what they send."""


def set_up_logging(*, json_lines: bool, level: str) -> None:
    """Set up the root logger."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if json_lines else TerminalFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
