"""Manifests in files: YAML documents with the line of each field, read as kubectl reads them."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

Place = tuple[str | int, ...]

MAX_OCTETS: Final = 16 * 1024 * 1024
MAX_FIELDS: Final = 1_000_000
"""Of one document, what aliases repeat counted again: a few lines of them can unfold to billions."""
SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


class ManifestError(Exception):
    """A file cannot be read or is no YAML: where, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML document."""

    file: str
    value: Any
    lines: dict[Place, int]
    """The line (from 1) of each field and entry."""
    duplicates: tuple[tuple[Place, str], ...]
    """Keys that stand twice in one mapping."""

    def line(self, place: Place) -> int:
        """Return the line of a field or, where it is absent, of the nearest one around it."""
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place]


class Loader(yaml.SafeLoader):
    """YAML as kubectl sees it: times are text, `1:30` is no number to base 60, and `5.0` is sent as 5."""

    def construct_number(self, node: yaml.ScalarNode) -> float | int:
        """Return a number with a fraction, or a whole one."""
        number = float(self.construct_yaml_float(node))
        return int(number) if number.is_integer() else number


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in ("null", "bool", "merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?([0-9]+[.][0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$|[-+]?[0-9]+[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)
Loader.add_constructor("tag:yaml.org,2002:float", Loader.construct_number)


def manifest_files(paths: tuple[str, ...]) -> Iterator[str]:
    """Yield the files that paths mean: a folder, all below it that end in .yaml, .yml or .json, in order."""
    for path in paths:
        if path != "-" and Path(path).is_dir():
            yield from sorted(str(one) for one in Path(path).rglob("*") if one.suffix in SUFFIXES and one.is_file())
        else:
            yield path


def read_documents(file: str) -> list[Document]:
    """Return a file's documents (`-`: standard input), empty ones left out. Raises ManifestError."""
    try:
        octets = sys.stdin.buffer.read(MAX_OCTETS + 1) if file == "-" else _read(Path(file))
    except OSError as error:
        raise ManifestError(f"{file}: {error.strerror or error}") from error
    if len(octets) > MAX_OCTETS:
        raise ManifestError(f"{file}: longer than {MAX_OCTETS} octets")
    try:
        return parse_documents(octets.decode(), file=file)
    except UnicodeDecodeError as error:
        raise ManifestError(f"{file}: not UTF-8 at octet {error.start}") from error
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ManifestError(f"{file}{line}: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ManifestError(f"{file}: {error}") from error


def listed(value: Any) -> list[Any] | None:
    """Return the entries of a List, as `kubectl get` prints several objects. None: it is none."""
    if not (isinstance(value, dict) and str(value.get("kind")).endswith("List")):
        return None
    items = value.get("items")
    return items if isinstance(items, list) else None


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(MAX_OCTETS + 1)


def parse_documents(text: str, *, file: str) -> list[Document]:
    """Return the documents of a YAML stream, empty ones left out. Raises yaml.YAMLError."""
    loader = Loader(text)
    found = []
    try:
        while loader.check_node() and (node := loader.get_node()) is not None:
            lines: dict[Place, int] = {(): node.start_mark.line + 1}
            duplicates = tuple(_walk(node, place=(), lines=lines))
            found.append(Document(file=file, value=loader.construct_document(node), lines=lines, duplicates=duplicates))
    finally:
        loader.dispose()
    return [document for document in found if document.value is not None]


def _walk(node: yaml.Node, *, place: Place, lines: dict[Place, int]) -> Iterator[tuple[Place, str]]:
    """Note the line of each field below a node and yield the keys that stand twice."""
    if len(lines) > MAX_FIELDS:
        raise yaml.YAMLError(f"more than {MAX_FIELDS} fields, aliases unfolded")
    if isinstance(node, yaml.SequenceNode):
        for index, entry in enumerate(node.value):
            lines[(*place, index)] = entry.start_mark.line + 1
            yield from _walk(entry, place=(*place, index), lines=lines)
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, value in node.value:
        name = str(key.value)
        if name in seen and name != "<<":
            yield (*place, name), name
        seen.add(name)
        lines[(*place, name)] = key.start_mark.line + 1
        yield from _walk(value, place=(*place, name), lines=lines)
