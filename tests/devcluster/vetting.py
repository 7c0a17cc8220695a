"""gofmt and go vet over the project's Go modules."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from devcluster.compiler import COMPILED_FOR, ENVIRONMENT, HERE, go
from devcluster.errors import ClusterError

TOP: Final = HERE.parents[1]
FIELDS: Final = "Dir,ImportPath,GoFiles,Imports,ImportMap,Module"


def vet() -> None:
    """Check every Go module of the project. Raises ClusterError with what is wrong."""
    for module in sorted(path.parent for folder in ("tests", "bench") for path in (TOP / folder).rglob("go.mod")):
        name = module.relative_to(TOP)
        if unformatted := _run(["gofmt", "-l", "."], folder=module):
            raise ClusterError(f"gofmt -w these files of {name}:\n{unformatted}")
        if module == HERE:
            for package in _list(f"-json={FIELDS}", "./..."):
                vet_package(package)
        else:
            _run([go(), "vet", "./..."], folder=module)


def vet_package(package: Mapping[str, Any]) -> None:
    """Vet one package alone, given by `go list -json`. Raises ClusterError.

    `go vet` would look at all packages that it imports too (for printf-like functions there), and take many minutes
    for Kubernetes. The tool that it calls needs their types only, and those the compiler has left in Go's cache.
    """
    exports = _run(
        [go(), "list", "-export", "-deps", *COMPILED_FOR, "-f", "{{.ImportPath}}\t{{.Export}}", package["ImportPath"]],
        environment=ENVIRONMENT,
    )
    files = dict(line.split("\t") for line in exports.splitlines() if not line.endswith("\t"))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "vet.cfg")
        unit = {
            "ID": package["ImportPath"],
            "Compiler": "gc",
            "Dir": package["Dir"],
            "ImportPath": package["ImportPath"],
            "GoVersion": f"go{package['Module']['GoVersion']}",
            "GoFiles": [str(Path(package["Dir"], name)) for name in package["GoFiles"]],
            "ImportMap": {name: package.get("ImportMap", {}).get(name, name) for name in package["Imports"]},
            "PackageFile": files,
            "VetxOutput": str(Path(folder, "facts")),
        }
        config.write_text(json.dumps(unit))
        _run([_run([go(), "tool", "-n", "vet"]).strip(), str(config)])


def _list(*arguments: str) -> list[dict[str, Any]]:
    """Return what `go list -json` prints, one after the other."""
    text = _run([go(), "list", *arguments], environment=ENVIRONMENT)
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        one, end = decoder.raw_decode(text)
        found.append(one)
        text = text[end:]
    return found


def _run(command: list[str], *, folder: Path = HERE, environment: Mapping[str, str] | None = None) -> str:
    """Return what a command printed. Raises ClusterError with what it complained of."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | (environment or {}), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ClusterError(f"{' '.join(command[:3])} in {folder.relative_to(TOP)}:\n{done.stderr}")
    return done.stdout
