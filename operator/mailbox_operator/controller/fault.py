"""A fault of our own, told by its kind and its place: its words may hold what a server has said, or a Secret holds."""

import traceback
from typing import Final

PACKAGE: Final = "mailbox_operator/"


def describe(error: BaseException) -> str:
    """Return a few words: `KeyError in mail/ews/client.py line 230`."""
    root = _root(error)
    own = [one for one in traceback.extract_tb(root.__traceback__) if PACKAGE in one.filename]
    where = f" in {own[-1].filename.rpartition(PACKAGE)[2]} line {own[-1].lineno}" if own else ""
    return f"{type(root).__name__}{where}"


def trace(error: BaseException) -> list[str]:
    """Return where it went through, the outermost first."""
    return [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(_root(error).__traceback__)]


def _root(error: BaseException) -> BaseException:
    """Return the first of what a group of tasks has raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
