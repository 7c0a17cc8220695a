"""Whether a Secret still holds what it held, without keeping it: its labels and annotations are no change of it.

While the operator runs, a digest tells, by a key that dies with the process. Over a restart the API server's own record
tells who has written the data, and when (`metadata.managedFields`): to the second, which is too coarse for two changes in
a row. Where there is no such record, the resourceVersion stands in for it, and the worst is one proof too many after a
restart.
"""

import hashlib
import secrets
from typing import Any, Final, NamedTuple

Object = dict[str, Any]

KEY: Final = secrets.token_bytes(32)
DATA: Final = frozenset({"f:data", "f:stringData"})
"""Fields as `managedFields` names them; what was applied as stringData stays recorded so."""


class Content(NamedTuple):
    """What is known of what a Secret holds."""

    digest: bytes
    version: str
    """The same for as long as the content is, also over a restart."""


def judge_content(obj: Object, *, before: Content | None) -> Content:
    """Return what is known of a Secret's content; `before` itself where it is the same. `obj` is whole."""
    digest = _digest(obj)
    if before is not None and before.digest == digest:
        return before
    version = _version(obj)
    if before is not None and before.version.startswith(version):  # not the first change within that second
        version = f"{version}/{obj['metadata']['resourceVersion']}"
    return Content(digest, version)


def _digest(obj: Object) -> bytes:
    made = hashlib.blake2b(key=KEY, digest_size=16)
    parts = (obj.get("type") or "", *(part for item in sorted((obj.get("data") or {}).items()) for part in item))
    for part in parts:
        octets = str(part).encode()
        made.update(b"%d:%b" % (len(octets), octets))
    return made.digest()


def _version(obj: Object) -> str:
    metadata = obj["metadata"]
    writers = sorted(
        (str(one.get("manager")), str(one.get("operation")), str(one.get("time")))
        for one in metadata.get("managedFields") or ()
        if not DATA.isdisjoint(one.get("fieldsV1") or ())
    )
    written = hashlib.blake2b(repr(writers).encode(), digest_size=8).hexdigest() if writers else ""
    return f"{metadata.get('uid', '')}/{written or metadata['resourceVersion']}"
