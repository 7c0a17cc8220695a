"""The user's own kubectl, with the credentials, contexts and plugins that it knows."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

Object = dict[str, Any]

MOST_OCTETS: Final = 4 * 1024 * 1024
"""Of one object; etcd takes fewer."""
CHUNK: Final = 64 * 1024


class KubectlError(Exception):
    """kubectl is not there, or it failed; its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubectl:
    """How it is called. All methods raise KubectlError."""

    options: tuple[str, ...] = ()
    """In front of each command: `--context`, `--namespace` …"""
    program: str = "kubectl"

    async def run(self, *arguments: str) -> str:
        """Run a command and return what it prints."""
        process = await self._start(arguments)
        try:
            printed, said = await process.communicate()
        finally:
            await _end(process)
        if process.returncode:
            raise KubectlError(_words(said))
        return printed.decode("utf-8", "replace")

    async def watch(self, *arguments: str) -> AsyncGenerator[Object, None]:
        """Yield the objects that `kubectl get -w -o json` prints, until it ends."""
        process = await self._start(("get", *arguments, "--watch", "--output=json"))
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        assert process.stderr is not None  # noqa: S101 - a pipe was asked for
        try:
            buffer = ""
            while octets := await process.stdout.read(CHUNK):
                found, buffer = cut_objects(buffer + octets.decode("utf-8", "replace"))
                if len(buffer) > MOST_OCTETS:
                    raise KubectlError("kubectl prints no JSON")
                for one in found:
                    yield one
            raise KubectlError(_words(await process.stderr.read(CHUNK)))
        finally:
            await _end(process)

    async def _start(self, arguments: Sequence[str]) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                self.program,
                *self.options,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise KubectlError(f"{self.program}: {error.strerror}") from None


def cut_objects(text: str) -> tuple[list[Object], str]:
    """Return the whole JSON objects at the start of `text`, which follow one another, and what is left."""
    found: list[Object] = []
    decoder = json.JSONDecoder()
    text = text.lstrip()
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except ValueError:
            break
        found.append(value)
        text = text[end:].lstrip()
    return found, text


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _words(said: bytes) -> str:
    return said.decode("utf-8", "replace").strip()[:1024].removeprefix("error: ") or "kubectl ended"
