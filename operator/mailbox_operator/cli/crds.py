"""`mailbox-operator crds`."""

from pathlib import Path

import click

from mailbox_operator.api.crd import documents


@click.command
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a file for each kind into this folder in place of printing them.",
)
def crds(output_dir: Path | None) -> None:
    """Print the CustomResourceDefinitions, ready for `kubectl apply --server-side -f -`."""
    found = documents()
    if output_dir is None:
        click.echo("---\n".join(found.values()), nl=False)
        return
    output_dir.mkdir(parents=True, exist_ok=True)
    for name, text in found.items():
        (output_dir / name).write_text(text)
        click.echo(output_dir / name)
