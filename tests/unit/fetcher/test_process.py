"""Exit codes of the program, where it does not come to fetching, and which plan it begins with."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailbox_operator.fetcher.checkpoint.store_file import FileStore
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.options import Options
from mailbox_operator.fetcher.plan import Fetch, Identity, Plan, Source, Webhook
from mailbox_operator.fetcher.process import ExitCode, FetcherProcess, read_plan
from mailbox_operator.fetcher.watched_file import WatchedFile
from mailbox_operator.mail.endpoint import Protocol, Security


def plan(**change: Any) -> str:
    """Return a plan as JSON, with parts replaced."""
    made = Plan(
        mailbox=Identity(uid="u", namespace="n", name="m", address="a@b"),
        source=Source(
            protocol=Protocol.IMAP,
            host="127.0.0.1",
            port=1,
            security=Security.TLS,
            username="a",
            password_file="/nonexistent",
        ),
        fetch=Fetch(),
        delivery=Webhook(url="http://127.0.0.1:1/"),
    )
    data: dict[str, Any] = json.loads(made.to_json())
    for part, values in change.items():
        data[part] = data[part] | values if isinstance(values, dict) else values
    return json.dumps(data)


def run(folder: Path, text: str, *, checkpoint: str, more: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run the program once; return its exit code and what it said."""
    (folder / "plan.json").write_text(text)
    command = [sys.executable, "-m", "mailbox_operator", "fetch", "--once", "--plan", str(folder / "plan.json")]
    done = subprocess.run(
        [*command, "--checkpoint", checkpoint, *more], capture_output=True, text=True, timeout=120, check=False, env={}
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "not JSON"),
        (plan(version=3), "version"),
        (plan(delivery={"webhook": {"url": "ftp://x"}}), "webhook.url"),
        (plan(delivery={"webhook": {"url": "https://[x/"}}), "webhook.url"),
        (plan(delivery={"webhook": {"colour": "red"}}), "colour"),
        (plan(delivery={"webhook": {"url": "https://x/", "ca_file": "/nonexistent"}}), "webhook.ca_file"),
        (plan(fetch={"folders": []}), "fetch.folders"),
        (plan(source={"protocol": "Gmail"}), "source.protocol"),
    ],
)
def test_a_plan_that_cannot_be_used_is_2_and_says_why(text: str, named: str, tmp_path: Path) -> None:
    code, said = run(tmp_path, text, checkpoint=f"file:{tmp_path}/state.json")
    assert code == 2
    assert named in said
    assert "Traceback" not in said


def test_a_checkpoint_of_no_known_kind_is_2(tmp_path: Path) -> None:
    code, said = run(tmp_path, plan(), checkpoint="s3:bucket")
    assert (code, "configmap:NAME" in said) == (2, True)


def test_a_configmap_outside_a_pod_is_1(tmp_path: Path) -> None:
    code, said = run(tmp_path, plan(), checkpoint="configmap:x")
    assert (code, "from a pod only" in said) == (1, True)


@pytest.mark.parametrize("content", ["", "{}", "[1"])
def test_a_damaged_checkpoint_is_1_and_is_not_overwritten(content: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(content or " ")
    code, said = run(tmp_path, plan(), checkpoint=f"file:{state}")
    assert (code, "cannot be read" in said) == (1, True)
    assert state.read_text() == (content or " ")


def test_a_missing_password_is_1_and_names_the_file(tmp_path: Path) -> None:
    code, said = run(tmp_path, plan(), checkpoint=f"file:{tmp_path}/state.json")
    assert (code, "/nonexistent" in said) == (1, True)


def test_an_address_that_cannot_be_listened_on_is_2_and_says_which(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = run(
            tmp_path, plan(), checkpoint=f"file:{tmp_path}/state.json", more=("--listen", f"127.0.0.1:{port}")
        )
    assert code == 2
    assert f"--listen 127.0.0.1:{port}" in said
    assert "Traceback" not in said


class SlowStore(FileStore):
    """The plan changes, and the clockwork sees it, while the checkpoint is waited for."""

    def __init__(self, path: Path, *, plan_file: WatchedFile, change: Callable[[], object]) -> None:
        super().__init__(path)
        self._plan_file = plan_file
        self._change = change

    async def open(self) -> str | None:
        self._change()
        assert self._plan_file.look()
        return await super().open()


async def test_a_plan_that_changes_before_the_first_engine_runs_is_the_one_that_runs(tmp_path: Path) -> None:
    file, said = tmp_path / "plan.json", list[str]()
    (tmp_path / "password").write_text("secret")
    source = {"password_file": str(tmp_path / "password")}
    file.write_text(plan(source=source | {"username": "before", "host": "before.invalid"}))
    plan_file = WatchedFile(str(file))
    changed = plan(source=source | {"username": "after"})
    store = SlowStore(tmp_path / "state.json", plan_file=plan_file, change=lambda: file.write_text(changed))
    options = Options(
        plan=file,
        checkpoint="",
        once=True,
        listen=None,
        allow_loopback=True,
        spool_folder=tmp_path,
        silence=60.0,
    )
    async with asyncio.TaskGroup() as tasks:
        process = FetcherProcess(options, plan_file=plan_file, store=store, meter=Meter(), head_start=None)
        code = await process.run(read_plan(plan_file), tasks, observe=lambda progress, _: said.append(progress.message))
    store.close()
    assert code == ExitCode.FAILED
    assert "127.0.0.1 port 1" in said[-1]
