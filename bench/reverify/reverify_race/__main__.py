"""`python -m reverify_race`: rounds of the barest loop and of the operator, in turn, on a control plane of their own."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from operator_race.__main__ import control_plane
from operator_race.access import read_access
from rich.console import Console

from apiserver.controller.operator_process import Operator
from reverify_race.bare import run_bare
from reverify_race.mailboxes import NAMESPACE, opened
from reverify_race.report import json_line, print_table
from reverify_race.server import Server, running_server
from reverify_race.wave import Wave, run_wave, start_operator
from support.kube import Kube

CRDS: Final = Path(__file__).resolve().parents[3] / "crds"
NEW: Final = 20
"""Mailboxes created in the midst of a wave: the p99 of them is their maximum."""


def main() -> int:
    """Run it and return 0 when every mailbox was proven."""
    given = arguments()
    console = Console(stderr=True, highlight=False)
    with (
        running_server() as server,
        control_plane(given.kubeconfig) as kubeconfig,
        tempfile.TemporaryDirectory(prefix="bench-reverify-") as logs,
    ):
        kube = Kube(kubeconfig=kubeconfig)
        for path in sorted(CRDS.glob("*.yaml")):
            kube.run("apply", "--server-side", "-f", str(path))
            kube.run("wait", "--for=condition=Established", "--timeout=30s", "-f", str(path))
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        bare, waves = asyncio.run(rounds(given, server, kubeconfig, Path(logs) / "operator.log", console))
    print_table(bare, waves, console=Console(highlight=False, width=None if sys.stdout.isatty() else 160))
    print(json_line(bare, waves))
    return 0


async def rounds(
    given: argparse.Namespace, server: Server, kubeconfig: Path, log: Path, console: Console
) -> tuple[list[float], list[Wave]]:
    """Make the mailboxes, have them proven once, and then run the rounds."""
    names = [f"b{number}" for number in range(given.n)]
    for name in names:
        server.account(name)

    def start() -> Operator:
        return start_operator(kubeconfig, log, parallel=given.parallel)

    bare: list[float] = []
    waves: list[Wave] = []
    async with opened(read_access(kubeconfig), server=server) as mailboxes:
        operator = await asyncio.to_thread(start)
        await mailboxes.make(names)
        async with asyncio.timeout(600):
            await mailboxes.all_proven(len(names))
        await asyncio.to_thread(operator.wait_idle)
        await asyncio.to_thread(operator.stop)
        for number in range(given.rounds):
            bare.append(await asyncio.to_thread(run_bare, server, names, parallel=given.parallel))
            new = [f"n{number}-{count}" for count in range(NEW)]
            waves.append(await run_wave(mailboxes, server, names, new, start=start))
            console.print(f"round {number + 1}: imaplib {bare[-1]:.2f} s, operator {waves[-1].seconds:.2f} s")
    return bare, waves


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="reverify_race", description=__doc__)
    parser.add_argument("--n", type=int, default=2000, help="mailboxes (default: %(default)s; 200 for a quick look)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, both in turn (default: %(default)s)")
    parser.add_argument(
        "--parallel", type=int, default=8, help="mailboxes at once (default: %(default)s, the operator's own)"
    )
    parser.add_argument("--kubeconfig", type=Path, help="a cluster in place of the one that is brought up for the race")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
