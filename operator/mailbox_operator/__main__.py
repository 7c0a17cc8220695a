"""`python -m mailbox_operator`, and what the command `mailbox-operator` calls."""

import gc
import os
import sys


def run() -> None:
    """Run the command line, and end at once: to take the interpreter down in order takes 20 ms.

    A fetcher starts for every visit to a mailbox where it runs from a timer, so it imports what it needs and no more.
    """
    gc.disable()  # imports leave no garbage behind; looking for some takes 4 ms
    try:
        dispatch(sys.argv[1:])
    except SystemExit as ended:
        if not isinstance(ended.code, int):
            raise
        _end(ended.code)


def dispatch(words: list[str]) -> None:
    """Do what the command line asks for; ends in SystemExit."""
    if words[:1] == ["fetch"]:
        from mailbox_operator.cli.fetch_arguments import read_arguments  # noqa: PLC0415 - a fetcher's alone

        command = read_arguments(words[1:])
        if command:
            from mailbox_operator.cli.fetch_run import run_command  # noqa: PLC0415 - the same

            sys.exit(run_command(command))
    from mailbox_operator.cli.main import main  # noqa: PLC0415 - a fetcher does without

    main()


def _end(code: int) -> None:
    import logging  # noqa: PLC0415 - most have loaded it by now

    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
