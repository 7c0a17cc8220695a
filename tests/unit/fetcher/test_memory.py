"""Freed memory is kept while messages come, and given back once they do not. Each case in a process of its own."""

import subprocess
import sys
import textwrap

HELPERS = """
import resource
from pathlib import Path
from mailbox_operator.fetcher.memory import MANY, Keeper, keep_freed

def churn():
    for _ in range(50):
        held = [bytes(60_000) for _ in range(100)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident_mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024
"""


def test_memory_that_is_freed_and_taken_again_stays() -> None:
    before, after = run(
        """
        start = churn()
        anew = churn() - start
        keep_freed()
        start = churn()
        print(anew, churn() - start)
        """
    )
    assert before > 10_000
    assert after < before / 100


def test_memory_goes_back_once_messages_have_stopped_coming() -> None:
    full, coming, resting = run(
        """
        keep_freed()
        keeper, held = Keeper(), [bytes(60_000) for _ in range(500)]
        full = resident_mib()
        keeper.look(MANY)
        del held
        keeper.look(MANY + 1)
        coming = resident_mib()
        keeper.look(MANY + 1)
        print(full, coming, resident_mib())
        """
    )
    assert coming > full - 5
    assert resting < full - 20


def test_little_is_not_worth_giving_back() -> None:
    kept, left = run(
        """
        keep_freed()
        keeper, held = Keeper(), [bytes(60_000) for _ in range(500)]
        del held
        kept = resident_mib()
        keeper.look(MANY - 1)
        keeper.look(MANY - 1)
        print(kept, resident_mib())
        """
    )
    assert left > kept - 5


def run(program: str) -> list[int]:
    whole = HELPERS + textwrap.dedent(program)
    ended = subprocess.run([sys.executable, "-c", whole], check=True, capture_output=True, text=True, timeout=60)
    return [int(word) for word in ended.stdout.split()]
