"""A fetcher's process: its log, its garbage, its event loop, and what shows how it goes."""

import asyncio
import gc
import sys
from contextlib import AbstractContextManager, nullcontext

from mailbox_operator.cli.fetch_command import FetchCommand, Shown
from mailbox_operator.fetcher.log import set_up_logging
from mailbox_operator.fetcher.options import Options
from mailbox_operator.fetcher.process import Observe, run_fetcher
from mailbox_operator.mail.head_start import HeadStart


def run_process(command: FetchCommand, options: Options, *, head_start: HeadStart | None) -> int:
    """Fetch; return the exit code."""
    shown = _shown(command.progress, once=command.once)
    set_up_logging(command.log_level or ("info" if shown is None else "warning"))
    gc.freeze()
    gc.set_threshold(20_000)  # messages leave no cycles behind; looking for some took 4 % of the time under load
    gc.enable()
    with shown or nullcontext() as observe:
        return asyncio.run(run_fetcher(options, observe=observe, head_start=head_start))


def _shown(progress: Shown, *, once: bool) -> AbstractContextManager[Observe] | None:
    """Return what shows the progress, None: nothing does."""
    if progress == "none" or (progress == "auto" and not once):
        return None
    if progress == "bar" or (progress == "auto" and sys.stderr.isatty()):
        from mailbox_operator.cli.fetch_bar import shown_as_bar  # noqa: PLC0415 - rich: a pod does without

        return shown_as_bar()
    from mailbox_operator.cli.fetch_count import shown_as_json  # noqa: PLC0415 - a pod shows nothing

    return shown_as_json()
