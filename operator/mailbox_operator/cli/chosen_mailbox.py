"""Which Mailbox of some manifests a command is about, where it connects, and with which password. No cluster."""

import sys
from typing import Any, Final, NoReturn

import click

from mailbox_operator.api.implemented import not_implemented
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.mailprovider import MailProvider
from mailbox_operator.api.validation import is_ours, violations
from mailbox_operator.cli.local_values import LocalValues, MissingValueError
from mailbox_operator.cli.manifest_files import ManifestError, listed, manifest_files, read_documents
from mailbox_operator.controller.resolve import Resolution, UnresolvedError, resolve
from mailbox_operator.mail.secret import Secret

UNUSABLE: Final = 2
"""Exit code: the manifests or the command line cannot be used."""


class UnusableError(Exception):
    """The manifests cannot be tried: why, and what to write."""


UNUSABLE_ERRORS: Final = (ManifestError, UnusableError, UnresolvedError, MissingValueError, UnicodeDecodeError)


def give_up(reason: str) -> NoReturn:
    """End the process with a reason for people."""
    click.echo(f"{click.style('error', fg='red')}: {reason}", err=True)
    sys.exit(UNUSABLE)


def read_manifests(files: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the objects of all files, Lists unfolded. Raises ManifestError, UnusableError."""
    found: list[Any] = []
    for file in manifest_files(files):
        for document in read_documents(file):
            items = listed(document.value)
            found += [document.value] if items is None else items
    return [one for one in found if isinstance(one, dict)]


def choose_mailbox(manifests: list[dict[str, Any]], name: str | None) -> Mailbox:
    """Return the one that is meant, if this version does all it asks for. Raises UnusableError."""
    mailboxes = _named(manifests, "Mailbox")
    if not mailboxes:
        raise UnusableError("no Mailbox in these manifests")
    if name is None and len(mailboxes) > 1:
        raise UnusableError(f"several Mailboxes: choose one by --name ({', '.join(sorted(mailboxes))})")
    wanted = next(iter(mailboxes)) if name is None else name
    if wanted not in mailboxes:
        raise UnusableError(f"no Mailbox {wanted} in these manifests, only {', '.join(sorted(mailboxes))}")
    mailbox = Mailbox.model_validate(_valid(mailboxes[wanted]))
    if missing := not_implemented(mailbox.spec):
        raise UnusableError(f"this version does not do {'; '.join(missing)}")
    return mailbox


def resolve_mailbox(mailbox: Mailbox, manifests: list[dict[str, Any]]) -> Resolution:
    """Return where it connects; its provider is among the manifests. Raises UnusableError, UnresolvedError."""
    reference = mailbox.spec.provider_ref
    if reference is None:
        return resolve(mailbox.spec, provider=None)
    found = _named(manifests, "MailProvider").get(reference.name)
    if found is None:
        raise UnusableError(f"MailProvider {reference.name} is not among the manifests: add it by another -f")
    return resolve(mailbox.spec, provider=MailProvider.model_validate(_valid(found)).spec)


def _named(manifests: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Return our objects of a kind by their names."""
    ours = [one for one in manifests if is_ours(one) and one.get("kind") == kind]
    return {str(one["metadata"].get("name")): one for one in ours if isinstance(one.get("metadata"), dict)}


def _valid(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest that the API server would accept. Raises UnusableError: why it would not."""
    if wrong := violations(manifest):
        raise UnusableError("; ".join(one.text for one in wrong))
    return manifest


def piped_password(files: tuple[str, ...]) -> Secret:
    """Return what was piped in, without the line break that every tool adds. Raises UnusableError."""
    if "-" in files:
        raise UnusableError("standard input holds manifests or the password: give one of them by a file")
    piped = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not piped:
        raise UnusableError("--password-stdin: standard input holds no password: see that what is piped in prints it")
    return Secret(piped)


def stored_or_asked(place: tuple[str, str], values: LocalValues) -> Secret:
    """Return the value of a Secret's key, from the values or from whoever sits there. Raises MissingValueError."""
    name, key = place
    try:
        return Secret(values.value("Secret", name, key))
    except MissingValueError:
        if values.folder or not sys.stdin.isatty():
            raise
    return Secret(click.prompt(f"Password (Secret {name}, key {key})", hide_input=True, err=True))
