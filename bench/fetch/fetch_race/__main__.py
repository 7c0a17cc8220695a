"""Race our fetcher against its peers: the same mailboxes, interleaved rounds, each message's arrival checked.

python -m fetch_race                                  everything, some 12 minutes
python -m fetch_race --only mixed-imap,wan-full,idle  parts of it
python -m fetch_race --share 0.1 --rounds 1           a quick look: a tenth of each mailbox
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Final

from fetch_race.contestants import CONTESTANTS, program
from fetch_race.gauges import measure
from fetch_race.heats import HEATS
from fetch_race.packages import install
from fetch_race.race import course, race, sink, warm_up
from fetch_race.report import Result, gauge_table, numbers, table
from fetch_race.servers import servers

GAUGES: Final = {
    "idle": "memory and CPU of an idle fetcher, delay of new mail",
    "memory": "a message of 200 MB",
    "million": "a mailbox with a million messages",
    "exchange": "Exchange Web Services, of the tests' simulator",
}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [heat.name for heat in HEATS] + list(GAUGES)
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--only", metavar="NAME,…", help=f"of {', '.join(known)}")
    parser.add_argument("--share", type=float, default=1.0, help="of each mailbox; goals are meant for 1")
    parser.add_argument(
        "--nice",
        type=int,
        default=0,
        help="say -15: above what else runs on the machine (root), which then disturbs less",
    )
    parser.add_argument("--retries", type=int, default=2, help="of a run that others disturbed; default 2")
    found = parser.parse_args()
    found.only = set(found.only.split(",")) if found.only else set(known)
    if strange := found.only - set(known):
        parser.error(f"no such part: {', '.join(sorted(strange))}")
    return found


def take_precedence(nice: int) -> None:
    """Raise this process and all that it starts; a session's group of its own, where the kernel has that, too."""
    if nice:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        group = Path("/proc/self/autogroup")
        if group.exists():
            group.write_text(str(nice))


def main() -> None:
    """Run the race."""
    chosen = arguments()
    take_precedence(chosen.nice)
    heats = [heat for heat in HEATS if heat.name in chosen.only]
    install({package for heat in heats for name in heat.contestants if (package := CONTESTANTS[name].package)})
    root = Path(tempfile.mkdtemp(prefix="fetch-race-"))
    root.chmod(0o755)  # Dovecot runs as users of its own
    results = []
    with servers(root, share=chosen.share) as running, sink() as webhook:
        warm_up([program(), "fetch", "--help"])
        for heat in heats:
            with course(heat, running, webhook) as made:
                print(heat.title, flush=True)
                runs = race(heat, made, rounds=chosen.rounds, retries=chosen.retries)
                results.append(Result(heat=heat, messages=made.server.messages, runs=runs))
        gauges = measure(chosen.only & set(GAUGES), root, webhook, pki=running.pki)
    for result in results:
        print(table(result))
    if gauges:
        print(gauge_table(gauges))
    print(
        "\nratio: the peer's time over ours in the same round, median of the rounds; above 1 is faster than the peer\n"
    )
    print(json.dumps(numbers(results, gauges, rounds=chosen.rounds)))


if __name__ == "__main__":
    main()
