"""kubectl, as a person uses it, for tests and the demo."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml

from support.patience import PATIENCE

T = TypeVar("T")

KUBECTL: Final = Path(__file__).resolve().parents[2] / ".venv/bin/kubectl"


class KubectlError(AssertionError):
    """kubectl said no; its words are the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kube:
    """A cluster by its kubeconfig file, and a namespace in it."""

    kubeconfig: Path
    namespace: str = "default"

    def within(self, namespace: str) -> "Kube":
        """Return the same cluster, another namespace."""
        return Kube(kubeconfig=self.kubeconfig, namespace=namespace)

    def command(self, *args: str) -> list[str]:
        """Return the whole command line."""
        return [str(KUBECTL), "--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace, *args]

    def run(self, *args: str, stdin: str | None = None, seconds: float = 60) -> str:
        """Run `kubectl ARGS` and return what it printed; `seconds` are an idle machine's.

        Raises KubectlError with what it complained of.
        """
        done = subprocess.run(
            self.command(*args), input=stdin, capture_output=True, text=True, timeout=seconds * PATIENCE, check=False
        )
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def run_patiently(self, *args: str, seconds: float) -> None:
        """Run a command of kubectl's that waits (`wait`, `rollout status`); `seconds` are an idle machine's."""
        self.run(*args, f"--timeout={seconds * PATIENCE:g}s", seconds=seconds + 10)

    def apply(self, *objects: dict[str, Any]) -> None:
        """`kubectl apply` the objects, into this namespace where they name none."""
        self.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def refused(self, *objects: dict[str, Any]) -> str:
        """Apply objects that must be refused and return the refusal."""
        try:
            self.apply(*objects)
        except KubectlError as error:
            return str(error)
        raise AssertionError("the API server accepted what it should refuse")

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return one object. Raises KubectlError when it does not exist."""
        found: dict[str, Any] = json.loads(self.run("get", kind, name, "-o", "json"))
        return found

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return one object, or None."""
        printed = self.run("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(printed) if printed.strip() else None

    def items(self, kind: str, *args: str) -> list[dict[str, Any]]:
        """Return the objects of a kind."""
        found: list[dict[str, Any]] = json.loads(self.run("get", kind, "-o", "json", *args))["items"]
        return found

    def patch(self, kind: str, name: str, change: dict[str, Any]) -> None:
        """Merge a change into an object."""
        self.run("patch", kind, name, "--type=merge", "-p", json.dumps(change))

    def delete(self, kind: str, name: str, *, wait: bool = True) -> None:
        """Delete an object, by default waiting until it is gone."""
        self.run("delete", kind, name, f"--wait={str(wait).lower()}", seconds=90)

    def conditions(self, name: str, kind: str = "mailbox") -> dict[str, dict[str, Any]]:
        """Return an object's conditions by type, in their order."""
        status = self.get(kind, name).get("status", {})
        return {condition["type"]: condition for condition in status.get("conditions", [])}

    def wait_condition(
        self,
        name: str,
        wanted: str,
        status: str = "True",
        *,
        reason: str = "",
        seconds: float = 30,
        kind: str = "mailbox",
    ) -> dict[str, Any]:
        """Wait until a condition of the current generation has a status (and reason) and return it."""

        def holds() -> dict[str, Any] | None:
            found = self.get(kind, name)
            for condition in found.get("status", {}).get("conditions", []):
                if (
                    condition["type"] == wanted
                    and condition["status"] == status
                    and condition.get("observedGeneration") == found["metadata"]["generation"]
                    and reason in ("", condition["reason"])
                ):
                    return dict(condition)
            return None

        return until(
            holds,
            seconds=seconds,
            what=lambda: f"{kind}/{name}: {wanted}={status} {reason}\n{self.describe_conditions(name, kind=kind)}",
        )

    def describe_conditions(self, name: str, *, kind: str = "mailbox") -> str:
        """Return the conditions as a table for a failure's text."""
        return "\n".join(
            f"  {c['type']:24} {c['status']:8} {c['reason']:24} {c['message']}"
            for c in self.conditions(name, kind=kind).values()
        )

    @contextmanager
    def temporary_namespace(self, name: str, labels: dict[str, str] | None = None) -> Iterator["Kube"]:
        """Make a namespace with restricted Pod Security and delete it afterwards, without waiting."""
        enforced = {"pod-security.kubernetes.io/enforce": "restricted"} | (labels or {})
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": enforced}})
        try:
            yield self.within(name)
        finally:
            self.run("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def until(look: Callable[[], T | None], *, seconds: float, what: Callable[[], str] | str, pause: float = 0.1) -> T:
    """Look until something is found and return it; `seconds` are an idle machine's.

    A look that ends in a KubectlError has found nothing: a busy API server, or a pod that is not there at this moment.
    Raises AssertionError that says what was waited for.
    """
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        failure: KubectlError | None = None
        try:
            if found := look():
                return found
        except KubectlError as error:
            failure = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what if isinstance(what, str) else what()}") from failure
        time.sleep(pause)


def kubeconfig_in_place() -> Path:
    """Return the file that kubectl uses by itself (`CLUSTER=current`)."""
    return Path(os.environ.get("KUBECONFIG", Path.home() / ".kube/config"))
