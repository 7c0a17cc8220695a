"""`mailbox-operator crds`."""

from pathlib import Path

import click

from mailbox_operator.api.crd import documents
from mailbox_operator.api.reference import pages

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command
@click.option("--output-dir", type=FOLDER, help="Write a file for each kind into this folder instead of printing them.")
@click.option("--reference", type=FOLDER, help="Write a reference page (Markdown) for each kind into this folder.")
def crds(output_dir: Path | None, reference: Path | None) -> None:
    """Print the CustomResourceDefinitions, ready for `kubectl apply --server-side -f -`.

    \b
    Install them:   mailbox-operator crds | kubectl apply --server-side -f -
    Keep them:      mailbox-operator crds --output-dir crds/
    Document them:  mailbox-operator crds --reference docs/
    """  # noqa: D301 - click's mark for "do not wrap" is the character itself
    if output_dir is None and reference is None:
        click.echo("---\n".join(documents().values()), nl=False)
    for folder, files in ((output_dir, documents()), (reference, pages())):
        if folder is not None:
            _write(files, folder=folder)


def _write(files: dict[str, str], *, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
        click.echo(folder / name)
