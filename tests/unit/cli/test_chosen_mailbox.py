"""Which Mailbox a command is about, where the manifests are not what they should be."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from mailbox_operator.api.meta import API_VERSION
from mailbox_operator.cli.chosen_mailbox import (
    UnusableError,
    choose_mailbox,
    piped_password,
    read_manifests,
    resolve_mailbox,
)
from support.manifests import mailbox

Object = dict[str, Any]

PROVIDER = {"apiVersion": API_VERSION, "kind": "MailProvider", "metadata": {"name": "example"}}


@pytest.mark.parametrize(
    "manifest",
    [
        {"apiVersion": API_VERSION, "metadata": {"name": "a"}},
        {"apiVersion": API_VERSION, "kind": "Mailbox", "metadata": ["a"]},
        {"apiVersion": API_VERSION, "kind": "Mailbox"},
        {"apiVersion": "v1", "kind": "Mailbox", "metadata": {"name": "a"}},
    ],
)
def test_what_is_hardly_a_mailbox_is_none(manifest: Object) -> None:
    with pytest.raises(UnusableError, match=r"^no Mailbox in these manifests$"):
        choose_mailbox([manifest], None)


@pytest.mark.parametrize("spec", [{"incoming": 7}, {"incoming": [{"protocol": "IMAP"}]}, {}])
def test_a_provider_that_the_api_server_would_refuse_is_refused(spec: Object) -> None:
    asked = choose_mailbox(
        [mailbox("a", address="a@example.com", host="mail.test", providerRef={"name": "example"})], None
    )
    with pytest.raises(UnusableError, match="spec"):
        resolve_mailbox(asked, [PROVIDER | {"spec": spec}])


def test_a_provider_without_a_spec_is_refused() -> None:
    asked = choose_mailbox(
        [mailbox("a", address="a@example.com", host="mail.test", providerRef={"name": "example"})], None
    )
    with pytest.raises(UnusableError, match="spec"):
        resolve_mailbox(asked, [PROVIDER])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("kind: List\nitems: 5\n", 1),
        ("kind: List\nitems: []\n", 0),
        ("kind: MailboxList\nitems: [{kind: Mailbox}, 7]\n", 1),
        ("kind: ConfigMap\nitems: [{kind: Mailbox}]\n", 1),
        ("- 1\n", 0),
    ],
)
def test_whatever_a_file_holds_its_objects_are_read(tmp_path: Path, text: str, count: int) -> None:
    file = tmp_path / "some.yaml"
    file.write_text(text)
    assert len(read_manifests((str(file),))) == count


def test_an_empty_pipe_is_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(""))
    with pytest.raises(UnusableError, match="standard input holds no password"):
        piped_password(())
