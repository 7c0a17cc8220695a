"""`mailbox-operator validate`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import click

from mailbox_operator.api.meta import GROUP
from mailbox_operator.api.validation import is_ours, violations
from mailbox_operator.cli.manifest_files import Document, ManifestError, listed, manifest_files, read_documents

INVALID: Final = 1
UNREADABLE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing that is wrong, and where to find it."""

    file: str
    line: int
    kind: str
    name: str
    field: str
    message: str

    def told(self) -> str:
        """Return it as one line for people."""
        place = click.style(f"{self.file}:{self.line}", bold=True)
        subject = click.style(f"{self.kind}/{self.name}", fg="cyan")
        field = click.style(f"{self.field}: ", fg="yellow") if self.field else ""
        return f"{place}: {subject}: {field}{self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of all files."""

    checked: int
    skipped: int
    complaints: list[Complaint]


@click.command
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--strict", is_flag=True, help=f"Also report objects that are not of {GROUP}.")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="How to print the outcome.")
def validate(files: tuple[str, ...], *, strict: bool, output: Literal["text", "json"]) -> None:
    """Check manifests without a cluster, with the API server's messages.

    FILE is YAML or JSON, a folder (all such files below it), or - for standard input. Mailboxes, MailProviders and
    OAuthApps are checked: unknown fields, types, bounds and every rule, after defaults, as the API server would.
    Objects of other kinds are skipped.

    \b
    A file before you commit it:     mailbox-operator validate mailbox.yaml
    All of a folder:                 mailbox-operator validate mailboxes/
    What a tool renders:             kustomize build . | mailbox-operator validate -
    For a program:                   mailbox-operator validate -o json mailboxes/

    Exit code: 0 all valid, 1 something is not, 2 a file cannot be read.
    """  # noqa: D301 - click's mark for "do not wrap" is the character itself
    unreadable = False
    documents = []
    for file in manifest_files(files):
        try:
            documents += [item for document in read_documents(file) for item in _items(document)]
        except ManifestError as error:
            click.echo(f"{click.style('error', fg='red')}: {error}", err=True)
            unreadable = True
    outcome = judge(documents, strict=strict)
    click.echo(json.dumps(asdict(outcome), ensure_ascii=False) if output == "json" else _told(outcome))
    sys.exit(UNREADABLE if unreadable else INVALID if outcome.complaints else 0)


def _items(document: Document) -> list[Document]:
    """Return the objects of a document: itself, or the entries of a List."""
    items = listed(document.value)
    if items is None:
        return [document]
    return [
        Document(
            file=document.file,
            value=item,
            lines={(): document.line(("items", index))}
            | {k[2:]: v for k, v in document.lines.items() if k[:2] == ("items", index)},
            duplicates=tuple((k[2:], name) for k, name in document.duplicates if k[:2] == ("items", index)),
        )
        for index, item in enumerate(items)
    ]


def judge(documents: list[Document], *, strict: bool) -> Outcome:
    """Return what is wrong with the documents; strict: those of other groups count as wrong."""
    ours = [document for document in documents if is_ours(document.value)]
    complaints = [complaint for document in documents for complaint in _complaints(document, strict=strict)]
    return Outcome(checked=len(ours), skipped=len(documents) - len(ours), complaints=complaints)


def _complaints(document: Document, *, strict: bool) -> Iterator[Complaint]:
    if not is_ours(document.value):
        if strict:
            yield _complaint(document, line=document.line(()), field="", message=f"not an object of {GROUP}")
        return
    for place, key in document.duplicates:
        yield _complaint(document, line=document.line(place), field="", message=f'key "{key}" already set in map')
    found = [(document.line(one.path), one) for one in violations(document.value)]
    for line, one in sorted(found, key=lambda pair: pair[0]):
        yield _complaint(document, line=line, field=one.field, message=one.message)


def _complaint(document: Document, *, line: int, field: str, message: str) -> Complaint:
    value: dict[str, Any] = document.value if isinstance(document.value, dict) else {}
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return Complaint(
        file=document.file,
        line=line,
        kind=str(value.get("kind", "?")),
        name=str(name or "?"),
        field=field,
        message=message,
    )


def _told(outcome: Outcome) -> str:
    """Return the outcome for people: a line for each complaint, then the sum."""
    return "\n".join([*(one.told() for one in outcome.complaints), _sum(outcome)])


def _sum(outcome: Outcome) -> str:
    wrong = len({(one.file, one.kind, one.name) for one in outcome.complaints})
    passed = f", {outcome.skipped} of other kinds skipped" if outcome.skipped else ""
    if not outcome.checked:
        return f"no object of {GROUP} found{passed}"
    verdict = click.style(f"{wrong} invalid", fg="red") if wrong else click.style("all valid", fg="green")
    return f"{outcome.checked} checked: {verdict}{passed}"
