"""How `mailbox-operator fetch` begins what it is asked for."""

import os
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from mailbox_operator.cli.fetch_command import FetchCommand
from mailbox_operator.fetcher.begin import begin
from mailbox_operator.fetcher.options import Options


def run_command(command: FetchCommand) -> int:
    """Fetch; return the exit code."""
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
        head_start = begin(options)
        # From here on the mail server is waited for while modules are imported.
        from mailbox_operator.cli.fetch_process import run_process  # noqa: PLC0415 - as said

        return run_process(command, options, head_start=head_start)


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
