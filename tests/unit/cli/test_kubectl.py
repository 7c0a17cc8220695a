"""A kubectl of canned output in place of the real one, which tests/apiserver calls."""

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.cli.kubectl import Kubectl, KubectlError, cut_objects
from mailbox_operator.cli.kubectl_mailbox import ask, first_unproven


def kubectl(folder: Path, script: str) -> Kubectl:
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Kubectl(options=("--context=dev",), program=str(program))


def condition(kind: str, status: str, reason: str = "R") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": "m"}


@given(st.lists(st.dictionaries(st.text(), st.text(), max_size=3), max_size=4), st.integers(0, 400))
def test_objects_are_cut_wherever_a_pipe_cuts_them(objects: list[dict[str, str]], at: int) -> None:
    text = "\n".join(json.dumps(one, indent=1) for one in objects)
    first, left = cut_objects(text[:at])
    rest, nothing = cut_objects(left + text[at:])
    assert first + rest == objects
    assert nothing == ""


async def test_the_options_stand_in_front(tmp_path: Path) -> None:
    assert await kubectl(tmp_path, 'echo "$@"').run("get", "x") == "--context=dev get x\n"


async def test_what_kubectl_says_is_the_error(tmp_path: Path) -> None:
    with pytest.raises(KubectlError, match=r"^mailboxes \"a\" not found$"):
        await kubectl(tmp_path, 'echo "error: mailboxes \\"a\\" not found" >&2; exit 1').run("get", "x")
    with pytest.raises(KubectlError, match="No such file"):
        await Kubectl(program=str(tmp_path / "nothing")).run("get", "x")
    with pytest.raises(KubectlError, match="gone away"):
        async with aclosing(kubectl(tmp_path, 'echo "{}"; echo "gone away" >&2').watch("x")) as watching:
            assert [one async for one in watching] == [{}]


async def test_the_answer_is_the_status_with_our_token(tmp_path: Path) -> None:
    statuses = [{}, {"status": {"lastHandledReconcileAt": "old"}}, {"status": {"lastHandledReconcileAt": "t", "x": 1}}]
    printed = "\n".join(f"echo '{json.dumps(one)}'" for one in statuses)
    program = kubectl(tmp_path, f'case "$2" in get) {printed}\nexec sleep 60;; esac')
    assert await ask(program, "support", token="t", seconds=10) == {"lastHandledReconcileAt": "t", "x": 1}


async def test_no_answer_ends_at_the_deadline(tmp_path: Path) -> None:
    program = kubectl(tmp_path, 'case "$2" in get) exec sleep 60;; esac')
    with pytest.raises(TimeoutError):
        await ask(program, "support", token="t", seconds=0.3)
    assert not [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]


@pytest.mark.parametrize(
    ("conditions", "unproven"),
    [
        ([condition("IncomingReachable", "True"), condition("Ready", "True")], None),
        ([condition("IncomingReachable", "True"), condition("FetcherAvailable", "False")], None),
        ([condition("IncomingAuthenticated", "False"), condition("Ready", "False")], "IncomingAuthenticated"),
        ([condition("Ready", "True"), condition("Reconciling", "True", "ProgressingWithRetry")], "Reconciling"),
        ([condition("Ready", "False"), condition("Reconciling", "True", "Progressing")], None),
        ([condition("SpecValid", "True"), condition("IncomingReachable", "Unknown", "Suspended")], "IncomingReachable"),
        ([condition("IncomingSecured", "Unknown"), condition("OutgoingReachable", "False")], "OutgoingReachable"),
        ([condition("IncomingReachable", "True"), condition("Delivering", "Unknown")], None),
    ],
)
def test_what_is_not_proven_is_a_step_that_failed_or_else_one_that_was_not_tried(
    conditions: list[dict[str, Any]], unproven: str | None
) -> None:
    found = first_unproven(conditions)
    assert (found and found["type"]) == unproven
