"""Who runs, and how each is started."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailbox_operator.api.conditions import ALWAYS_PRESENT
from operator_race.profile import BOX, FOLDER, MAILBOX, NAMESPACE, TOP, Profile

WORKERS: Final = 8
"""Of the Go controller; the operator's own default is the same."""
FEW: Final = ("Ready", "SpecValid", "ReferencesResolved", "Reachable", "Authenticated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """An operator that runs on this machine as the kubeconfig's user."""

    name: str
    title: str
    profile: Profile
    command: Callable[[], list[str]]
    """Makes what is missing and returns the command line."""


def go_command(profile: Profile, conditions: Sequence[str]) -> list[str]:
    """Compile the Go controller (minutes the first time, then Go's cache) and return how to start it for a kind."""
    binary = TOP / ".dev/bench/gobox"
    binary.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-o", binary, "."], cwd=FOLDER / "gobox", check=True)
    return [str(binary), str(WORKERS), "-1", profile.group, profile.version, profile.kind, *conditions]


def kopf_command() -> list[str]:
    """Return how to start the operator of kopf's handlers."""
    program = Path(__file__).with_name("kopf_handlers.py")
    return [sys.executable, "-m", "kopf", "run", "--namespace", NAMESPACE, "--quiet", str(program)]


def mailbox_command() -> list[str]:
    """Return how to start this project's operator, for all namespaces as in its chart."""
    return [sys.executable, "-m", "mailbox_operator", "run", "--listen-port=0", "--log-level=warning"]


CONTESTANTS: Final = {
    one.name: one
    for one in (
        Contestant(name="go", title="Go, controller-runtime", profile=BOX, command=lambda: go_command(BOX, FEW)),
        Contestant(
            name="go-mailbox",
            title="Go, on Mailboxes",
            profile=MAILBOX,
            command=lambda: go_command(MAILBOX, ALWAYS_PRESENT),
        ),
        Contestant(name="kopf", title="kopf's handlers", profile=BOX, command=kopf_command),
        Contestant(name="mailbox", title="mailbox-operator", profile=MAILBOX, command=mailbox_command),
    )
}
