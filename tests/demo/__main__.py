"""`python -m demo up` shows a mailbox come alive and leaves it running; `python -m demo down` removes it all."""

import json
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from demo import mail, objects, place, show
from devcluster.cluster import demomail
from devcluster.errors import ClusterError
from support import helm_release
from support.kube import Kube, until
from support.receiving import start_receiver

TOP: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = TOP / ".dev" / place.NAME


def up() -> None:
    """Show everything, from an empty cluster to the recovery. Raises AssertionError where a step did not happen."""
    began = time.monotonic()
    seen: dict[str, tuple[str, str]] = {}
    down()
    passwords = {mail.SUPPORT: secrets.token_urlsafe(12), mail.CUSTOMER: secrets.token_urlsafe(12)}
    with show.step("a Kubernetes cluster, a mail server beside it, the operator's image"):
        ca = mail.start(FOLDER / "mail", binary=demomail(), passwords=passwords)
        kube, image = place.take(FOLDER), place.image()
    with show.step("the operator, by its chart; a receiver for the mail"):
        helm_release.install(
            kube.kubeconfig,
            place.SYSTEM,
            {"image": {"repository": image.rpartition(":")[0], "tag": image.rpartition(":")[2]}},
        )
        kube.apply(objects.namespace())
        team = kube.within(objects.NAMESPACE)
        team.apply(*objects.mail_server())
        receiver = start_receiver(team, image=image)
        kube.within(place.SYSTEM).run_patiently("rollout", "status", "deployment", seconds=60)
    with show.step("kubectl apply -f mailbox.yaml"):
        show.manifest(objects.MAILBOX)
        team.apply(objects.ca(ca.read_text()), objects.password(passwords[mail.SUPPORT]))
        team.apply(objects.mailbox())
        follow(team, until_ready="True", seen=seen)
    with show.step("three mails come in: a question, one with an attachment, one in Japanese"):
        mail.send(ca, passwords[mail.CUSTOMER])
        for number, event in enumerate(receiver.wait_events(3)):
            show.event(event, receiver.body(number))
        assert len(receiver.events()) == 3, "each mail comes once"
    with show.step("somebody puts a wrong password into the Secret"):
        team.apply(objects.password("not-the-password"))
        follow(team, until_ready="False", seen=seen)
    with show.step("and the right one again"):
        team.apply(objects.password(passwords[mail.SUPPORT]))
        follow(team, until_ready="True", seen=seen)
        mail.send(ca, passwords[mail.CUSTOMER])
        receiver.wait_events(6)
        show.console.print("  three more mails arrived")
    show.console.print(team.run("get", "mailbox", "-o", "wide"), markup=False)
    farewell(kube.kubeconfig, seconds=time.monotonic() - began)


def follow(kube: Kube, *, until_ready: str, seen: dict[str, tuple[str, str]]) -> None:
    """Print the Mailbox's conditions as they turn, until Ready has settled. Raises AssertionError after 45 s.

    `seen` is what was printed already; it is brought up to date.
    """

    def settled() -> bool:
        found = kube.get("mailbox", "support")
        conditions: list[dict[str, Any]] = found.get("status", {}).get("conditions", [])
        for one in conditions:
            if seen.get(one["type"]) != (one["status"], one["reason"]):
                seen[one["type"]] = (one["status"], one["reason"])
                if one["status"] != "Unknown" and "Progressing" not in one["reason"]:
                    show.condition(one)
        ready = next((c for c in conditions if c["type"] == "Ready"), None)
        busy = any(c["type"] == "Reconciling" for c in conditions)
        return bool(ready and ready["status"] == until_ready and not busy)

    until(settled, seconds=45, what=lambda: f"Ready={until_ready}\n{kube.describe_conditions('support')}")


def farewell(kubeconfig: Path, *, seconds: float) -> None:
    """Say what to try next."""
    shown = f"$PWD/{kubeconfig.relative_to(TOP)}" if kubeconfig.is_relative_to(TOP) else kubeconfig
    show.console.print(f"""[green bold]All of it happened, in {seconds:.0f} s.[/] It goes on running. Try:

  export KUBECONFIG={shown} PATH=$PWD/.venv/bin:$PATH
  kubectl -n {objects.NAMESPACE} describe mailbox support
  kubectl mailbox verify support -n {objects.NAMESPACE}
  kubectl -n {objects.NAMESPACE} get pods,configmaps
  kubectl -n {objects.NAMESPACE} patch mailbox support --type=merge -p '{{"spec": {{"suspend": true}}}}'
  kubectl explain mailbox.spec.fetch
  make demo-down
""")


def down() -> None:
    """Remove the cluster, or what was put into one, and the mail server."""
    place.leave(FOLDER, objects.NAMESPACE)
    mail.stop(FOLDER / "mail")
    shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    commands = {"up": up, "down": down}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        raise SystemExit(__doc__)
    try:
        commands[sys.argv[1]]()
    except (AssertionError, ClusterError, OSError, subprocess.SubprocessError, json.JSONDecodeError) as error:
        show.console.print(f"[red bold]This step did not happen:[/] {type(error).__name__}", end=" ")
        show.console.print(str(error), markup=False)
        raise SystemExit(1) from error
