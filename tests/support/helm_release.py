"""The operator as a Helm release, by `helm` where it is installed, else by Helm's own library.

python tests/support/helm_release.py install --kubeconfig .dev/kubeconfig --namespace mailbox-system --set image.tag=dev
"""

import argparse
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from helm_python import Config, parse_set_string
from helm_python.errors import HelmError

CHART: Final = Path(__file__).resolve().parents[2] / "charts/mailbox-operator"
RELEASE: Final = "mailbox-operator"
SECONDS: Final = 120


class ReleaseError(AssertionError):
    """Helm said no; its words are the message."""


def install(kubeconfig: Path, namespace: str, values: dict[str, Any], *, release: str = RELEASE) -> None:
    """Install the chart, and the namespace where it is missing; do not wait for pods. Raises ReleaseError."""
    if shutil.which("helm"):
        _helm(kubeconfig, namespace, "install", release, str(CHART), "--create-namespace", values=values)
        return
    with _library(kubeconfig, namespace) as helm:
        helm.install(CHART, release, values, namespace=namespace, timeout=SECONDS, create_namespace=True)


def upgrade(kubeconfig: Path, namespace: str, values: dict[str, Any], *, release: str = RELEASE) -> None:
    """Bring the release to the chart as it is now, with these values and no earlier ones. Raises ReleaseError."""
    if shutil.which("helm"):
        _helm(kubeconfig, namespace, "upgrade", release, str(CHART), "--reset-values", values=values)
        return
    with _library(kubeconfig, namespace) as helm:
        helm.upgrade(CHART, release, values, namespace=namespace, timeout=SECONDS, reset_values=True)


def uninstall(kubeconfig: Path, namespace: str, *, release: str = RELEASE) -> None:
    """Remove the release; the CRDs stay, unless it was installed otherwise. Raises ReleaseError."""
    if shutil.which("helm"):
        _helm(kubeconfig, namespace, "uninstall", release)
        return
    with _library(kubeconfig, namespace) as helm:
        helm.uninstall(release, timeout=SECONDS)


@contextmanager
def _library(kubeconfig: Path, namespace: str) -> Iterator[Config]:
    """Open the library on a cluster; what it complains of becomes a ReleaseError."""
    try:
        with Config(kubeconfig_path=kubeconfig, namespace=namespace) as config:
            yield config
    except HelmError as error:
        raise ReleaseError(str(error)) from error


def _helm(kubeconfig: Path, namespace: str, *args: str, values: dict[str, Any] | None = None) -> None:
    """Run the command `helm`, with values on its standard input."""
    command = ["helm", *args, "--kubeconfig", str(kubeconfig), "--namespace", namespace, "--timeout", f"{SECONDS}s"]
    given = None
    if values is not None:
        command += ["--values", "-"]
        given = json.dumps(values)
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=SECONDS + 30, check=False)
    if done.returncode:
        raise ReleaseError(done.stderr.strip())


def merge(into: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return `into` with `change` laid over it, key by key."""
    return into | {
        key: merge(into[key], value) if isinstance(value, dict) and isinstance(into.get(key), dict) else value
        for key, value in change.items()
    }


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["install", "upgrade", "uninstall"])
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--namespace", default="mailbox-system")
    parser.add_argument("--release", default=RELEASE)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a value, as in helm --set")
    given = parser.parse_args()
    values: dict[str, Any] = {}
    for text in given.set:
        values = merge(values, parse_set_string(text))
    try:
        if given.action == "uninstall":
            uninstall(given.kubeconfig, given.namespace, release=given.release)
        else:
            do = install if given.action == "install" else upgrade
            do(given.kubeconfig, given.namespace, values, release=given.release)
    except ReleaseError as error:
        raise SystemExit(f"helm: {error}") from error


if __name__ == "__main__":
    main()
