"""`mailbox-operator quarantine`: messages that were given up; see them, have them handed over once more, forget them."""

import asyncio
import json
import secrets
import sys
from pathlib import Path
from typing import Literal

import click

from mailbox_operator.fetcher.checkpoint.checkpoint import Checkpoint, CheckpointError
from mailbox_operator.fetcher.checkpoint.store import FencedError, StoreAwayError
from mailbox_operator.fetcher.checkpoint.store_file import FileStore

Action = Literal["retry", "drop"]


@click.group
def quarantine() -> None:
    """List messages that could not be delivered; retry or forget them.

    A message that its sink refused stays on the server and is set aside. NAME is the Mailbox; without a cluster,
    --checkpoint names the file of a fetcher that is not running.
    """


def place_options(command: click.decorators.FC) -> click.decorators.FC:
    """Give a command what says where the quarantine is."""
    for option in (
        click.option("--checkpoint", metavar="file:PATH", help="A checkpoint in a file, instead of a Mailbox."),
        click.option("-n", "--namespace", help="The Mailbox's namespace; default: that of the kubeconfig's context."),
        click.argument("name", required=False),
    ):
        command = option(command)
    return command


@quarantine.command("list")
@place_options
def list_messages(*, name: str | None, namespace: str | None, checkpoint: str | None) -> None:
    """List messages, the newest last."""
    found = asyncio.run(_read(name, namespace=namespace, checkpoint=checkpoint)).quarantine
    for one in found.messages.values():
        click.echo(f"{one.key}\t{one.time}\t{one.message_id or '-'}\t{one.said}")
    if found.older or found.forgotten:
        reach = (
            f"retry and drop reach the last {len(found.older)} of them" if found.older else "retry reaches none of them"
        )
        click.echo(f"and {len(found.older) + found.forgotten} older ones, not listed: {reach}", err=True)
    if not found.count:
        click.echo("nothing is in quarantine", err=True)


@quarantine.command
@place_options
@click.argument("keys", nargs=-1, metavar="[KEY]")
@click.option("--all", "everything", is_flag=True, help="All that are known.")
def retry(
    *, name: str | None, namespace: str | None, checkpoint: str | None, keys: tuple[str, ...], everything: bool
) -> None:
    """Deliver messages once more. KEY is the first column of `list`."""
    _settle("retry", name, keys, namespace=namespace, checkpoint=checkpoint, everything=everything)


@quarantine.command
@place_options
@click.argument("keys", nargs=-1, metavar="[KEY]")
@click.option("--all", "everything", is_flag=True, help="All of them.")
def drop(
    *, name: str | None, namespace: str | None, checkpoint: str | None, keys: tuple[str, ...], everything: bool
) -> None:
    """Forget messages. They stay on the server and are not delivered."""
    _settle("drop", name, keys, namespace=namespace, checkpoint=checkpoint, everything=everything)


def _settle(  # noqa: PLR0913 - what a command line holds
    action: Action,
    name: str | None,
    keys: tuple[str, ...],
    *,
    namespace: str | None,
    checkpoint: str | None,
    everything: bool,
) -> None:
    if checkpoint and name:  # without a Mailbox, what stands in its place is a key
        keys = (name, *keys)
    if bool(keys) == everything or len(keys) > 1:
        raise click.UsageError("name one KEY, or --all")
    request = f"{action} {'all' if everything else keys[0]} {secrets.token_hex(4)}"
    if checkpoint:
        count = asyncio.run(_obey(_file(checkpoint), request))
        click.echo(f"{count} messages" + (": the next run delivers them" if action == "retry" else ""))
    else:
        asyncio.run(_ask(name, namespace=namespace, request=request))
        click.echo("requested: the fetcher acts on it as soon as its plan has reached it, within a minute or so")


async def _read(name: str | None, *, namespace: str | None, checkpoint: str | None) -> Checkpoint:
    if checkpoint:
        path = _file(checkpoint)
        try:
            return _parse(await asyncio.to_thread(path.read_text, encoding="utf-8"))
        except OSError as error:
            sys.exit(f"{path} cannot be read: {error.strerror or error}")
        except UnicodeDecodeError:
            sys.exit(f"{path} is no checkpoint: it is not UTF-8")
    wanted = _needed(name)
    from mailbox_operator.controller.children import checkpoint_name  # noqa: PLC0415 - a file needs no cluster
    from mailbox_operator.controller.client import default_namespace, open_client  # noqa: PLC0415
    from mailbox_operator.controller.errors import ApiError, NoClusterError  # noqa: PLC0415
    from mailbox_operator.controller.kinds import CONFIG_MAP  # noqa: PLC0415

    namespace = namespace or default_namespace()
    try:
        async with open_client() as client:
            found = await client.get(CONFIG_MAP, namespace=namespace, name=checkpoint_name(wanted))
    except (ApiError, NoClusterError) as error:
        sys.exit(f"the checkpoint of {namespace}/{wanted} cannot be read: {error}")
    text = (found.get("data") or {}).get("checkpoint.json") or ""
    return _parse(text) if text else Checkpoint()


async def _ask(name: str | None, *, namespace: str | None, request: str) -> None:
    from mailbox_operator.api.meta import QUARANTINE_ANNOTATION  # noqa: PLC0415 - a file needs no cluster
    from mailbox_operator.controller.client import default_namespace, open_client  # noqa: PLC0415
    from mailbox_operator.controller.errors import ApiError, NoClusterError  # noqa: PLC0415
    from mailbox_operator.controller.kinds import MAILBOX  # noqa: PLC0415

    wanted = _needed(name)
    namespace = namespace or default_namespace()
    try:
        async with open_client() as client:
            annotations = {QUARANTINE_ANNOTATION: request}
            await client.annotate(MAILBOX, namespace=namespace, name=wanted, annotations=annotations)
    except (ApiError, NoClusterError) as error:
        sys.exit(f"Mailbox {namespace}/{wanted} cannot be changed: {error}")


async def _obey(path: Path, request: str) -> int:
    store = FileStore(path)
    try:
        text = await store.open()
        if text is None:
            sys.exit(f"{path} does not exist")
        checkpoint = _parse(text)
        count = checkpoint.obey(request)
        await store.save(checkpoint=checkpoint.to_json(), progress=json.dumps({}))
    except (StoreAwayError, FencedError) as error:
        sys.exit(str(error))
    finally:
        store.close()
    return count


def _parse(text: str) -> Checkpoint:
    try:
        return Checkpoint.from_json(text)
    except CheckpointError as error:
        sys.exit(str(error))


def _file(spec: str) -> Path:
    kind, _, path = spec.partition(":")
    if kind != "file" or not path:
        raise click.BadParameter("file:PATH is needed", param_hint="--checkpoint")
    return Path(path)


def _needed(name: str | None) -> str:
    if not name:
        raise click.UsageError("NAME of a Mailbox, or --checkpoint, is needed")
    return name
