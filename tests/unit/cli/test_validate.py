import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from mailbox_operator.cli.validate import validate

GOOD: Final = """\
apiVersion: mailbox-operator.io/v1alpha1
kind: Mailbox
metadata: {name: good}
spec:
  address: support@example.com
  credentials: {passwordSecretRef: {name: support-mail}}
"""
BAD: Final = """\
apiVersion: mailbox-operator.io/v1alpha1
kind: Mailbox
metadata:
  name: bad
spec:
  address: support@example.com
  incoming:
    port: 99999
  credentials: {}
"""
SECRET: Final = "apiVersion: v1\nkind: Secret\nmetadata: {name: support-mail}\n"
BOMB: Final = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
"""Ten lines that unfold to 10^8 entries."""
PORT: Final = "Invalid value: 99999: spec.incoming.port in body should be less than or equal to 65535"


def run(*args: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(validate, [str(arg) for arg in args], input=stdin)


def written(folder: Path, text: str, name: str = "mailbox.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_valid_manifests_end_with_0(tmp_path: Path) -> None:
    result = run(written(tmp_path, f"{GOOD}---\n{SECRET}"))
    assert (result.exit_code, result.output) == (0, "1 checked: all valid, 1 of other kinds skipped\n")


def test_each_complaint_names_file_line_object_and_field(tmp_path: Path) -> None:
    path = written(tmp_path, f"{GOOD}---\n{BAD}")
    result = run(path)
    lines = result.output.split("\n")
    assert result.exit_code == 1
    assert lines[0] == f"{path}:15: Mailbox/bad: spec.incoming.port: {PORT}"
    assert lines[1].startswith(f"{path}:16: Mailbox/bad: spec.credentials: Invalid value: exactly one of ")
    assert lines[2] == "2 checked: 1 invalid"


def test_a_missing_field_is_told_at_what_should_hold_it() -> None:
    result = run("-", stdin=GOOD.replace("  address: support@example.com\n", ""))
    assert "-:4: Mailbox/good: spec.address: Required value\n" in result.output


def test_an_unknown_field_is_told_at_its_line() -> None:
    result = run("-", stdin=GOOD + "  adress: x\n")
    assert '-:7: Mailbox/good: unknown field "spec.adress"\n' in result.output


def test_a_key_that_stands_twice_is_told() -> None:
    result = run("-", stdin=GOOD + "  address: other@example.com\n")
    assert result.exit_code == 1
    assert '-:7: Mailbox/good: key "address" already set in map\n' in result.output


def test_folders_are_searched_and_other_files_left_alone(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "a/good.yaml")
    written(tmp_path, BAD, "a/b/bad.yml")
    written(tmp_path, json.dumps({"apiVersion": "v1", "kind": "List"}), "list.json")
    written(tmp_path, "{{ no yaml", "notes.txt")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.output.endswith("2 checked: 1 invalid, 1 of other kinds skipped\n")


def test_the_items_of_a_list_are_checked() -> None:
    item = "".join(f"  {line}\n" for line in BAD.splitlines())
    result = run("-", stdin=f"apiVersion: v1\nkind: List\nitems:\n- {item.strip()}\n")
    assert f"-:11: Mailbox/bad: spec.incoming.port: {PORT}\n" in result.output


def test_strict_complains_of_other_kinds() -> None:
    assert run("-", stdin=SECRET).exit_code == 0
    result = run("--strict", "-", stdin=SECRET)
    assert (result.exit_code, result.output.split("\n")[0]) == (
        1,
        "-:1: Secret/support-mail: not an object of mailbox-operator.io",
    )


def test_a_program_gets_json() -> None:
    result = run("-o", "json", "-", stdin=BAD)
    found = json.loads(result.output)
    assert (found["checked"], found["skipped"]) == (1, 0)
    assert found["complaints"][0] == {
        "file": "-",
        "line": 8,
        "kind": "Mailbox",
        "name": "bad",
        "field": "spec.incoming.port",
        "message": PORT,
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [b\n", ":2: expected ',' or ']'"),
        ("a: \x00\n", "special characters are not allowed"),
        ("a: &a [*a]\n", "recurs"),
        (BOMB, "more than 1000000 fields"),
    ],
)
def test_what_cannot_be_read_ends_with_2(tmp_path: Path, text: str, told: str) -> None:
    result = run(written(tmp_path, text))
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_file_that_is_not_there_ends_with_2_and_the_rest_is_checked(tmp_path: Path) -> None:
    result = run(tmp_path / "missing.yaml", written(tmp_path, GOOD))
    assert result.exit_code == 2
    assert "missing.yaml: No such file or directory" in result.stderr
    assert "1 checked: all valid" in result.stdout


def test_octets_that_are_no_text_end_with_2(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: \xe9\n")
    assert (run(path).exit_code, run(path).stderr) == (2, f"error: {path}: not UTF-8 at octet 3\n")


@pytest.mark.parametrize(
    ("value", "accepted"),
    [("5.0", True), ("993", True), ("16:33", False), ("0x3e1", False), ("2027-01-01", False), ("yes", False)],
)
def test_numbers_are_read_as_kubectl_reads_them(value: str, accepted: bool) -> None:  # noqa: FBT001
    result = run("-", stdin=GOOD + f"  incoming: {{port: {value}}}\n")
    assert (result.exit_code == 0) is accepted


def test_help_has_examples_and_exit_codes() -> None:
    result = run("--help")
    assert "kustomize build . | mailbox-operator validate -" in result.output
    assert "Exit code: 0 all valid, 1 something is not, 2 a file cannot be read." in result.output
