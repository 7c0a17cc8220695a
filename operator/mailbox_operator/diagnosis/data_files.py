"""The knowledge base on disk: YAML files under `data/`, read when something first goes wrong."""

from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).with_name("data")


def read_data(name: str) -> dict[str, Any]:
    """Return the document `name`."""
    import yaml  # noqa: PLC0415 - a fetcher that never fails never pays for it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (FOLDER / name).read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    return document
