"""`python -m operator_race`: the race, from bringing up the control plane to the last line of JSON."""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from operator_race.access import as_service_account, read_access
from operator_race.contestants import CONTESTANTS, Contestant
from operator_race.process import EndedError
from operator_race.profile import NAMESPACE
from operator_race.report import json_line, print_table
from operator_race.results import Trial, writes
from operator_race.trial import Setting, run_trial
from support.kube import Kube

ATTEMPT_SECONDS: Final = 1200.0
RARE_COLLECTION: Final = "600"
"""The control plane's GOGC. It shares the processors with the contestants, all of whom wait for it: it takes memory (some
2.5 GiB) rather than time, a fifth of which it would spend looking for garbage."""


def main() -> int:
    """Run it and return 0 when every object was handled by everyone."""
    given = arguments()
    console = Console(stderr=True, highlight=False)
    chosen = [CONTESTANTS[name] for name in given.only]
    commands = {one.name: one.command() for one in chosen}
    trials: list[Trial] = []
    with control_plane(given.kubeconfig) as kubeconfig, tempfile.TemporaryDirectory(prefix="bench-operator-") as logs:
        prepare(Kube(kubeconfig=kubeconfig), chosen)
        setting = Setting(access=read_access(kubeconfig), objects=given.n, logs=Path(logs))
        for number in range(given.rounds):
            for one in chosen if number % 2 == 0 else reversed(chosen):
                trials.append(attempt(one, command=commands[one.name], number=number, setting=setting))
                console.print(progress(trials[-1]))
    print_table(trials, console=Console(highlight=False, width=None if sys.stdout.isatty() else 160))
    print(json_line(trials))
    return 0 if all(trial.complete for trial in trials) else 1


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="operator_race", description=__doc__)
    parser.add_argument(
        "--n", type=int, default=2000, help="objects at once (default: %(default)s; 200 for a quick look)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds, contestants in turn (default: %(default)s)")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(CONTESTANTS),
        help=f"contestants, separated by commas (default: {','.join(CONTESTANTS)})",
    )
    parser.add_argument("--kubeconfig", type=Path, help="a cluster in place of the one that is brought up for the race")
    given = parser.parse_args()
    if unknown := set(given.only) - set(CONTESTANTS):
        parser.error(f"no such contestant: {', '.join(sorted(unknown))}")
    return given


@contextmanager
def control_plane(kubeconfig: Path | None) -> Iterator[Path]:
    """Yield the given cluster's kubeconfig, or a service account's for a control plane (no node) for the race alone."""
    if kubeconfig is not None:
        yield kubeconfig
        return
    from devcluster import cluster  # noqa: PLC0415 - a cluster of one's own needs none

    cluster.stop("bench", delete=True)
    try:
        yield as_service_account(cluster.start("bench", node=False, environment={"GOGC": RARE_COLLECTION}).kubeconfig)
    finally:
        cluster.stop("bench", delete=True)


def prepare(kube: Kube, chosen: list[Contestant]) -> None:
    """Make the kinds of object and their namespace."""
    for path in sorted({path for one in chosen for path in one.profile.crds}):
        kube.run("apply", "--server-side", "--force-conflicts", "-f", str(path))
        kube.run("wait", "--for=condition=Established", "--timeout=30s", "-f", str(path))
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})


def attempt(contestant: Contestant, *, command: list[str], number: int, setting: Setting) -> Trial:
    """Run one trial within a deadline. Ends the program, with the operator's log, when the operator ended by itself."""

    async def within() -> Trial:
        async with asyncio.timeout(ATTEMPT_SECONDS):
            return await run_trial(contestant, command=command, number=number, setting=setting)

    try:
        return asyncio.run(within())
    except* EndedError as group:
        log = setting.logs / f"{contestant.name}.log"
        raise SystemExit(f"{contestant.name}: {group.exceptions[0]}\n{log.read_text()[-4000:]}") from group
    raise AssertionError("not reached")


def progress(trial: Trial) -> str:
    """Return a line for whoever waits."""
    return (
        f"round {trial.round + 1} {CONTESTANTS[trial.contestant].title}: {trial.load.objects_per_second:.0f} objects/s, "
        f"{trial.load.cpu_seconds * 1000 / trial.load.objects:.2f} ms CPU an object, "
        f"{writes(trial.restart.requests)} writes after the restart, new ones in {trial.refresh.new_p99_seconds:.2f} s"
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error.cmd[0]} failed") from error
