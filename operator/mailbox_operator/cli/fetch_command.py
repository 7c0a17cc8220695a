"""What `mailbox-operator fetch` is asked for, and how it is done."""

import asyncio
import gc
import os
import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from mailbox_operator.fetcher.log import set_up_logging
from mailbox_operator.fetcher.process import Options, run_fetcher
from mailbox_operator.values import dataclass

if TYPE_CHECKING:
    from mailbox_operator.fetcher.process import Observe

Shown = Literal["auto", "bar", "json", "none"]

PROGRESS: Final = ("auto", "bar", "json", "none")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
SHORTEST_SILENCE: Final = 1.0
USUAL_SILENCE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchCommand:
    """The options, as `mailbox-operator fetch --help` explains them. Either `files` or `plan` is given."""

    files: tuple[str, ...] = ()
    name: str | None = None
    to: str | None = None
    password_stdin: bool = False
    secrets_from: Path | None = None
    ca_file: Path | None = None
    plan: Path | None = None
    checkpoint: str
    once: bool = False
    progress: Shown = "auto"
    listen: tuple[str, int] | None = None
    silence: float = USUAL_SILENCE
    allow_loopback: bool = False
    log_level: str | None = None


def parse_listen(value: str) -> tuple[str, int] | None:
    """Read `ADDRESS:PORT`, `:PORT` or `none`. Raises ValueError."""
    if value == "none":
        return None
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal():
        raise ValueError("ADDRESS:PORT, :PORT or none is needed")
    return host.strip("[]"), int(port)


def run_command(command: FetchCommand) -> int:
    """Fetch; return the exit code."""
    shown = _shown(command.progress, once=command.once)
    set_up_logging(command.log_level or ("info" if shown is None else "warning"))
    gc.freeze()
    gc.set_threshold(20_000)  # messages leave no cycles behind; looking for some took 4 % of the time under load
    gc.enable()
    with ExitStack() as stack:
        options = Options(
            plan=command.plan or stack.enter_context(_plan_file(command)),
            checkpoint=command.checkpoint,
            once=command.once,
            listen=command.listen,
            silence=command.silence,
            allow_loopback=command.allow_loopback or bool(command.files),
            spool_folder=Path(os.environ.get("TMPDIR", "/tmp")),  # noqa: S108 - the pod's own emptyDir
        )
        observe = stack.enter_context(shown) if shown else None
        return asyncio.run(run_fetcher(options, observe=observe))


def _shown(progress: Shown, *, once: bool) -> "AbstractContextManager[Observe] | None":
    """Return what shows the progress, None: nothing does."""
    if progress == "none" or (progress == "auto" and not once):
        return None
    if progress == "bar" or (progress == "auto" and sys.stderr.isatty()):
        from mailbox_operator.cli.fetch_bar import shown_as_bar  # noqa: PLC0415 - rich: a pod does without

        return shown_as_bar()
    from mailbox_operator.cli.fetch_count import shown_as_json  # noqa: PLC0415 - a pod shows nothing

    return shown_as_json()


def _plan_file(command: FetchCommand) -> AbstractContextManager[Path]:
    from mailbox_operator.cli.local_plan import Wanted, plan_file  # noqa: PLC0415 - 60 MiB that a pod does not pay for

    return plan_file(
        Wanted(
            files=command.files,
            name=command.name,
            to=command.to,
            password_stdin=command.password_stdin,
            secrets_from=command.secrets_from,
            ca_file=command.ca_file,
        )
    )
