"""A fetcher's command line is read without click, and never otherwise than click reads it."""

from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailbox_operator.cli.fetch import fetch
from mailbox_operator.cli.fetch_arguments import read_arguments
from mailbox_operator.cli.fetch_command import FetchCommand

PLAN = Path(__file__)
"""Any file there is."""
NEEDED = ["--plan", str(PLAN), "--checkpoint", "file:state.json"]
WORDS = [
    *("--plan", f"--plan={PLAN}", str(PLAN), "--plan=", "nowhere.json", str(PLAN.parent)),
    *("--checkpoint", "--checkpoint=file:a", "file:b", "--once", "--once=1", "--allow-loopback", "--no-once"),
    *(
        "--progress",
        "--progress=json",
        "none",
        "bar",
        "--progress=loud",
        "--listen=:8080",
        "--listen",
        "[::1]:80",
        "8080",
    ),
    *("--silence=5", "--silence", "0.5", "1", "nan", "inf", "--log-level", "--log-level=debug", "warning"),
    *("-f", "mailbox.yaml", "--to=maildir:mail", "--name", "--", "-", "", "--help", "--version", "--plan=a=b"),
]


def by_click(words: list[str]) -> FetchCommand | None:
    """Return what click makes of a command line. None: it complains, or explains."""
    try:
        return FetchCommand(**fetch.make_context("fetch", list(words)).params)
    except (click.ClickException, click.exceptions.Exit):
        return None


@given(st.lists(st.sampled_from(WORDS), max_size=6), st.booleans())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_what_is_read_is_what_click_reads(words: list[str], complete: bool) -> None:  # noqa: FBT001 - hypothesis's
    words = [*words, *NEEDED] if complete else words
    read = read_arguments(words)
    assert read is None or read == by_click(words)


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--once", "--progress", "none", "--allow-loopback"],
        ["--listen=:8080", "--silence=10", "--log-level=debug", "--progress=json"],
    ],
)
def test_what_pods_and_timers_ask_for_is_read(more: list[str]) -> None:
    read = read_arguments([*NEEDED, *more])
    assert read is not None
    assert read == by_click([*NEEDED, *more])


@pytest.mark.parametrize(
    "words",
    [
        ["-f", "mailbox.yaml", "--checkpoint", "file:a"],
        [*NEEDED, "--once", "--once"],
        [*NEEDED, "--help"],
        [*NEEDED, "--listen", "8080"],
        [*NEEDED, "--listen", ":70000"],
        [*NEEDED, "--silence", "0"],
        [*NEEDED, "--progress", "loud"],
        ["--plan", "nowhere.json", "--checkpoint", "file:a"],
        NEEDED[:2],
        NEEDED[:3],
        [],
    ],
)
def test_all_else_is_left_to_click(words: list[str]) -> None:
    assert read_arguments(words) is None
