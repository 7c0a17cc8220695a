"""From a Mailbox's manifest to a fetcher's plan on this machine."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mailbox_operator.api.delivery import Delivery as DeliverySpec
from mailbox_operator.api.delivery import Webhook as WebhookSpec
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.cli.chosen_mailbox import (
    UNUSABLE_ERRORS,
    UnusableError,
    choose_mailbox,
    give_up,
    piped_password,
    read_manifests,
    resolve_mailbox,
    stored_or_asked,
)
from mailbox_operator.cli.destination import DestinationError, parse_destination
from mailbox_operator.cli.local_values import LocalValues
from mailbox_operator.cli.pod_files import localized, pod_files
from mailbox_operator.controller.children import Installation, render_children
from mailbox_operator.controller.kinds import DEPLOYMENT
from mailbox_operator.controller.resolve import Resolution
from mailbox_operator.controller.target import render_plan
from mailbox_operator.fetcher.plan import Delivery, Plan
from mailbox_operator.mail.secret import Secret

NOWHERE: Final = DeliverySpec(webhook=WebhookSpec(url="http://localhost/"))
"""Stands in for the Mailbox's own delivery where `--to` says another: what that needs is then not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The command line, as far as it is about manifests."""

    files: tuple[str, ...]
    name: str | None
    to: str | None
    password_stdin: bool
    secrets_from: Path | None
    ca_file: Path | None


@contextmanager
def plan_file(wanted: Wanted) -> Iterator[Path]:
    """Yield a file with the plan, there for as long as the files that it names. Ends the process where there is none."""
    with ExitStack() as stack:
        try:
            plan = stack.enter_context(local_plan(wanted))
        except UNUSABLE_ERRORS as error:
            give_up(str(error))
        file = Path(stack.enter_context(TemporaryDirectory(prefix="mailbox-operator-"))) / "plan.json"
        file.write_text(plan.to_json(), encoding="utf-8")
        yield file


@contextmanager
def local_plan(wanted: Wanted) -> Iterator[Plan]:
    """Yield the plan; the files that it names are there for as long. Raises one of UNUSABLE_ERRORS."""
    manifests = read_manifests(wanted.files)
    mailbox = _with_names(choose_mailbox(manifests, wanted.name))
    chosen = resolve_mailbox(mailbox, manifests)
    if wanted.ca_file:  # what stands in its place is then not asked for
        chosen = replace(chosen, tls=chosen.tls.model_copy(update={"ca_secret_ref": None, "ca_config_map_ref": None}))
    delivery = _delivery(mailbox, wanted.to)
    if delivery:
        mailbox = mailbox.model_copy(update={"spec": mailbox.spec.model_copy(update={"delivery": NOWHERE})})
    values = LocalValues(manifests=tuple(manifests), folder=wanted.secrets_from)
    piped = piped_password(wanted.files) if wanted.password_stdin else None

    def ask(name: str, key: str) -> Secret:
        return piped or stored_or_asked((name, key), values)

    with pod_files(_pod(mailbox, chosen), replace(values, folder=None) if piped else values, ask=ask) as places:
        plan = Plan.from_json(json.dumps(localized(json.loads(render_plan(mailbox, chosen).to_json()), places)))
        source = replace(plan.source, ca_file=str(wanted.ca_file.resolve())) if wanted.ca_file else plan.source
        yield replace(plan, source=source, delivery=delivery or plan.delivery)


def _with_names(mailbox: Mailbox) -> Mailbox:
    """Return it with what the API server would have given it: the id of each delivery begins with its uid."""
    metadata = mailbox.metadata
    namespace = metadata.namespace or "default"
    known = {"namespace": namespace, "uid": metadata.uid or f"{namespace}.{metadata.name}"}
    return mailbox.model_copy(update={"metadata": metadata.model_copy(update=known)})


def _delivery(mailbox: Mailbox, to: str | None) -> Delivery | None:
    """Return what `--to` says, None: as the Mailbox has it. Raises UnusableError."""
    spec = mailbox.spec.delivery
    if to is None:
        if spec is None:
            raise UnusableError("the Mailbox has no delivery: say where its messages go by --to")
        if spec.maildir:
            raise UnusableError("the Mailbox delivers to a volume of its cluster: write --to maildir:PATH")
        return None
    try:
        return parse_destination(to, address=mailbox.spec.address, folder=Path.cwd())
    except DestinationError as error:
        raise UnusableError(str(error)) from error


def _pod(mailbox: Mailbox, chosen: Resolution) -> dict[str, object]:
    """Return the spec of the pod that would fetch it."""
    children = render_children(mailbox, chosen, installation=Installation(image="none"), replicas=1)
    [deployment] = [found for kind, found in children if kind is DEPLOYMENT]
    pod: dict[str, object] = deployment["spec"]["template"]["spec"]
    return pod
