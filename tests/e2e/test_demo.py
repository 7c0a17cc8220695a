"""The README's first command, as a newcomer gives it. It takes the place of a demo that runs here already."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TOP: Final = Path(__file__).resolve().parents[2]


def make(target: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the Makefile."""
    return subprocess.run(["make", target], cwd=TOP, capture_output=True, text=True, check=False, timeout=500)


@pytest.fixture
def shown() -> Iterator[str]:
    """What `make demo` prints; what it leaves running is removed."""
    try:
        ended = make("demo")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        yield ended.stdout
    finally:
        make("demo-down")


def test_the_demo_shows_a_mailbox_come_alive_break_and_recover_and_goes_away_again(shown: str) -> None:
    told = [
        "kind: Mailbox",
        "✓ IncomingAuthenticated",
        "✓ TestMessageDelivered",
        "✓ Ready",
        "My order has not arrived",
        "Invoice 2026-1107, with invoice.pdf",
        "納期のお問い合わせ",
        "somebody puts a wrong password",
        "✗ IncomingAuthenticated   CredentialsInvalid",
        "and the right one again",
        "three more mails arrived",
        "All of it happened",
        "make demo-down",
    ]
    places = [shown.find(words) for words in told]
    assert -1 not in places, dict(zip(told, places, strict=True))
    assert places == sorted(places), "in that order"
    assert (TOP / ".dev/demo/kubeconfig").exists(), "it goes on running"
    assert make("demo-down").returncode == 0
    assert not (TOP / ".dev/demo").exists()
