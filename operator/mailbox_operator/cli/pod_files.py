"""The files that a fetcher's pod is given, Secrets and ConfigMaps, laid out in a folder of this machine."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

from mailbox_operator.cli.local_values import Kind, LocalValues
from mailbox_operator.mail.secret import Secret

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder in it is made by tempfile, for its owner only
"""Where there is such a place, secrets lie there while the command runs, and on no disk."""

Object = dict[str, Any]
Ask = Callable[[str, str], Secret]
"""Gets the value of a Secret's key that is nowhere (name, key)."""


@contextmanager
def pod_files(pod: Object, values: LocalValues, *, ask: Ask) -> Iterator[Mapping[str, str]]:
    """Lay out the volumes of a pod's spec and yield where each of its mounts is; all of it goes at the end.

    The credential is what `ask` returns, all else comes from `values`. A file of `values.folder` is linked, not copied,
    so that a change of it is seen. Raises MissingValueError.
    """
    with _ended_by_exceptions(), _private_folder() as root:
        places = dict[str, str]()
        mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
        for volume in pod["volumes"]:
            folder = root / volume["name"]
            if _lay_out(volume, folder, values, ask=ask if volume["name"] == "credentials" else None):
                places[mounts[volume["name"]]] = str(folder)
        yield places


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Yield a new folder for its owner only, named after this process, and remove it."""
    root = Path(tempfile.mkdtemp(prefix=f"mailbox-operator-{os.getpid()}-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield root
    finally:
        shutil.rmtree(root)


@contextmanager
def _ended_by_exceptions() -> Iterator[None]:
    """Let signals that would end the process at once end it in order: the terminal is closed, or somebody stops it."""
    before = {number: signal.signal(number, _leave) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)  # as a shell tells of it


def _lay_out(volume: Object, folder: Path, values: LocalValues, *, ask: Ask | None) -> bool:
    """Write a volume's files. False: it holds neither a Secret nor a ConfigMap of the user's."""
    kind: Kind
    if secret := volume.get("secret"):
        kind, name, items = "Secret", secret["secretName"], secret.get("items")
    elif (config_map := volume.get("configMap")) and volume["name"] != "plan":
        kind, name, items = "ConfigMap", config_map["name"], config_map.get("items")
    else:
        return False
    folder.mkdir()
    for item in items or [{"key": key, "path": key} for key in values.keys(kind, name)]:
        file = folder / item["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        there = values.folder / name / item["key"] if values.folder else None
        if there and there.is_file():
            file.symlink_to(there.resolve())
            continue
        value = ask(name, item["key"]).reveal() if ask else values.value(kind, name, item["key"])
        file.write_text(value, encoding="utf-8")
    return True


def localized(data: Any, places: Mapping[str, str]) -> Any:
    """Return JSON data in which each path below a mount is one of this machine."""
    if isinstance(data, dict):
        return {key: localized(value, places) for key, value in data.items()}
    if isinstance(data, list):
        return [localized(value, places) for value in data]
    if isinstance(data, str):
        for mount, folder in places.items():
            if data == mount or data.startswith(f"{mount}/"):
                return folder + data.removeprefix(mount)
    return data
