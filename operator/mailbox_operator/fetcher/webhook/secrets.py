"""What a webhook's Secrets add to each request when it is sent: header fields and a signature, re-read as they change."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING

from mailbox_operator.fetcher.watched_file import WatchedFile
from mailbox_operator.fetcher.watched_folder import WatchedFolder
from mailbox_operator.fetcher.webhook.extra_fields import ExtraFieldError, render_extra_fields

if TYPE_CHECKING:
    from mailbox_operator.fetcher.webhook.signing import Signer


class WebhookSecrets:
    """`look` once a second. While there is a `fault`, nothing can be sent."""

    def __init__(self, *, signing_key_file: str | None, headers_folder: str | None) -> None:
        self._key_file = WatchedFile(signing_key_file) if signing_key_file else None
        self._folder = WatchedFolder(headers_folder) if headers_folder else None
        self._signer: Signer | None = None
        self._fields = b""
        self.fault = ""
        """What is wrong with them, in one sentence that holds no secret; or ""."""
        self._read()

    @property
    def add_something(self) -> bool:
        """Whether a request gets more than its own head."""
        return self._key_file is not None or self._folder is not None

    def look(self) -> bool:
        """Return whether they have changed."""
        changed = [one.look() for one in (self._key_file, self._folder) if one]
        if any(changed):
            self._read()
        return any(changed)

    def render(self, delivery_id: bytes, *, now: float, body: Iterable[bytes | memoryview]) -> bytes:
        """Return the fields for one request, each with its CRLF; `now` is seconds since the epoch."""
        if self._signer is None:
            return self._fields
        # The id has no dot, which would make ambiguous where it ends in what is signed.
        name = b"msg_" + blake2b(delivery_id, digest_size=16).hexdigest().encode()
        return self._fields + self._signer.render_fields(name, timestamp=int(now), body=body)

    def _read(self) -> None:
        self.fault = self._read_key() or self._read_fields()

    def _read_key(self) -> str:
        if self._key_file is None:
            return ""
        from mailbox_operator.fetcher.webhook.signing import Signer, SigningKeyError  # noqa: PLC0415 - few webhooks need it

        try:
            self._signer = Signer(self._key_file.content or b"")
        except SigningKeyError as error:
            return f"The Secret of signingSecretRef cannot be used: {error}"
        return ""

    def _read_fields(self) -> str:
        if self._folder is None:
            return ""
        if self._folder.files is None:
            return "The Secret of headersSecretRef cannot be read"
        try:
            self._fields = render_extra_fields(self._folder.files)
        except ExtraFieldError as error:
            return f"The Secret of headersSecretRef cannot be used: {error}"
        return ""
