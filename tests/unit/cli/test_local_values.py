"""Secrets without a cluster: from manifests as kubectl prints them, from folders as kubelet mounts them."""

from base64 import b64encode
from pathlib import Path

import pytest

from mailbox_operator.cli.local_values import LocalValues, MissingValueError


def secret(**fields: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "support"}, **fields}


def test_a_value_is_found_in_a_manifest() -> None:
    values = LocalValues(manifests=(secret(stringData={"password": "plain"}),))
    assert values.value("Secret", "support", "password") == "plain"
    values = LocalValues(manifests=(secret(data={"password": b64encode(b"p\xc3\xa4ss").decode()}),))
    assert values.value("Secret", "support", "password") == "päss"
    config_map = {"kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"ca.crt": "PEM"}}
    assert LocalValues(manifests=(config_map,)).value("ConfigMap", "ca", "ca.crt") == "PEM"


@pytest.mark.parametrize(
    "other", [{"metadata": "support"}, {"metadata": ["support"]}, {"data": "x"}, {"stringData": ["x"]}]
)
def test_what_is_hardly_a_secret_is_passed_by(other: dict[str, object]) -> None:
    values = LocalValues(manifests=(secret() | other, secret(stringData={"password": "plain"})))
    assert values.value("Secret", "support", "password") == "plain"
    assert values.keys("Secret", "support") == ["password"]


def test_a_value_is_found_in_a_folder_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "support").mkdir()
    (tmp_path / "support/password").write_text("line break\n")
    assert LocalValues(folder=tmp_path).value("Secret", "support", "password") == "line break\n"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (LocalValues(), "as Secret support in a manifest given by -f"),
        (LocalValues(manifests=(secret(stringData={"pasword": "x"}),)), "key password, is not here"),
        (LocalValues(manifests=(secret(data={"password": "not base64!"}),)), "data is base64"),
        (LocalValues(folder=Path("/nowhere")), "/nowhere/support/password"),
        (
            LocalValues(manifests=({"kind": "ConfigMap", "metadata": {"name": "support"}, "data": {"password": "x"}},)),
            "Secret support",
        ),
    ],
)
def test_a_missing_value_is_named_with_the_place_for_it(values: LocalValues, says: str) -> None:
    with pytest.raises(MissingValueError, match=says):
        values.value("Secret", "support", "password")
