"""What a webhook's Secrets add to its requests, before and after they change."""

from base64 import b64encode
from pathlib import Path

from mailbox_operator.fetcher.webhook.secrets import WebhookSecrets

KEY = b"whsec_" + b64encode(b"k" * 32)


def test_without_secrets_nothing_is_added() -> None:
    secrets = WebhookSecrets(signing_key_file=None, headers_folder=None)
    assert not secrets.add_something
    assert not secrets.look()


def test_fields_and_signature_follow_the_files(tmp_path: Path) -> None:
    (tmp_path / "headers").mkdir()
    (tmp_path / "headers/X-Token").write_text("one\n")
    (tmp_path / "key").write_bytes(KEY)
    secrets = WebhookSecrets(signing_key_file=str(tmp_path / "key"), headers_folder=str(tmp_path / "headers"))
    assert secrets.fault == ""
    first = secrets.render(b"u/INBOX/1/2", now=5.5, body=(b"x",))
    assert first.startswith(b"X-Token: one\r\nwebhook-id: msg_")
    assert b"\r\nwebhook-timestamp: 5\r\nwebhook-signature: v1," in first
    assert not secrets.look()
    (tmp_path / "headers/X-Token").write_text("another")
    assert secrets.look()
    assert secrets.render(b"u/INBOX/1/2", now=5.5, body=(b"x",)) == first.replace(b"one", b"another")


def test_what_cannot_be_used_is_named_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "headers").mkdir()
    secrets = WebhookSecrets(signing_key_file=str(tmp_path / "key"), headers_folder=str(tmp_path / "headers"))
    assert "signingSecretRef" in secrets.fault
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "headers/Host").write_text("canary")
    assert secrets.look()
    assert "headersSecretRef" in secrets.fault
    assert "canary" not in secrets.fault
    (tmp_path / "headers/Host").unlink()
    assert secrets.look()
    assert secrets.fault == ""


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert WebhookSecrets(signing_key_file=None, headers_folder=str(tmp_path / "none")).fault
