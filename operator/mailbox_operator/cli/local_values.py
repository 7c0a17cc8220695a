"""Values of Secrets and ConfigMaps without a cluster: from manifests, or from a folder that looks like mounted ones."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

Kind = Literal["Secret", "ConfigMap"]

MOST_OCTETS: Final = 1024 * 1024
"""As much as Kubernetes takes."""


class MissingValueError(Exception):
    """A value is nowhere: which one, and where it could be put."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalValues:
    """Where values are looked up."""

    manifests: tuple[dict[str, Any], ...] = ()
    """Objects of any kind; Secrets and ConfigMaps among them are looked into."""
    folder: Path | None = None
    """A folder with a folder for each Secret or ConfigMap, and in it a file for each key."""

    def value(self, kind: Kind, name: str, key: str) -> str:
        """Return a value. Raises MissingValueError."""
        for found in (_from_manifests(self.manifests, kind, name, key), _from_folder(self.folder, name, key)):
            if found is not None:
                return found
        places = f"as {kind} {name} in a manifest given by -f"
        if self.folder:
            places += f", or as the file {self.folder / name / key}"
        raise MissingValueError(f"{kind} {name}, key {key}, is not here: put it there {places}")

    def keys(self, kind: Kind, name: str) -> list[str]:
        """Return the keys that a Secret or ConfigMap has, wherever it is."""
        found = {
            str(key)
            for one in self.manifests
            if _is_named(one, kind, name)
            for part in ("data", "stringData")
            for key in _entries(one, part)
        }
        folder = self.folder / name if self.folder else None
        if folder and folder.is_dir():
            found |= {path.name for path in folder.iterdir() if path.is_file()}
        return sorted(found)


def _is_named(manifest: dict[str, Any], kind: Kind, name: str) -> bool:
    metadata = manifest.get("metadata")
    return manifest.get("kind") == kind and isinstance(metadata, dict) and metadata.get("name") == name


def _entries(manifest: dict[str, Any], part: str) -> dict[str, Any]:
    """Return a Secret's or ConfigMap's data; nobody has checked that it is what it should be."""
    found = manifest.get(part)
    return found if isinstance(found, dict) else {}


def _from_manifests(manifests: Iterable[dict[str, Any]], kind: Kind, name: str, key: str) -> str | None:
    for one in manifests:
        if not _is_named(one, kind, name):
            continue
        plain = _entries(one, "stringData" if kind == "Secret" else "data")
        if key in plain:
            return str(plain[key])
        encoded = _entries(one, "data") if kind == "Secret" else {}
        if key in encoded:
            try:
                return base64.b64decode(str(encoded[key]), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise MissingValueError(
                    f"Secret {name}, key {key}: data is base64 of UTF-8; or use stringData"
                ) from None
    return None


def _from_folder(folder: Path | None, name: str, key: str) -> str | None:
    if folder is None:
        return None
    path = folder / name / key
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_OCTETS).decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise MissingValueError(f"{path} cannot be read: {error}") from error
