"""Values that do without generated code are, to whoever uses them, what the standard library would have made."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from mailbox_operator.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A door."""

    host: str
    port: int = 993
    names: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """The same by the standard library."""

    host: str
    port: int = 993
    names: tuple[str, ...] = ()


DOOR = Door(host="mail.example", names=("a", "b"))


def test_it_has_what_it_was_given_and_defaults_for_the_rest() -> None:
    assert (DOOR.host, DOOR.port, DOOR.names, DOOR.address) == ("mail.example", 993, ("a", "b"), "mail.example:993")
    assert Door.__doc__ == "A door."
    assert not hasattr(DOOR, "__dict__")


def test_equal_content_makes_equal_values_of_one_class() -> None:
    same = Door(names=("a", "b"), host="mail.example", port=993)
    assert same == DOOR
    assert hash(same) == hash(DOOR)
    assert Door(host="other") != DOOR
    standard: object = Standard(host="mail.example", names=("a", "b"))
    assert standard != DOOR


def test_it_does_not_change() -> None:
    subject: Any = DOOR
    with pytest.raises(dataclasses.FrozenInstanceError, match="port of a Door"):
        subject.port = 143
    with pytest.raises(dataclasses.FrozenInstanceError, match="host of a Door"):
        del subject.host
    with pytest.raises(AttributeError):
        subject.unheard_of = 1


@pytest.mark.parametrize("make", [Door, Standard], ids=["ours", "standard"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"host": "x", "prot": 1}, "got an unexpected keyword argument 'prot'"),
        ({"port": 1}, "missing 1? ?required keyword-only argument: 'host'"),
        ({"port": 1, "names": (), "prot": 1}, "got an unexpected keyword argument 'prot'"),
    ],
)
def test_what_is_wrong_with_arguments_is_said_as_python_says_it(
    make: Callable[..., object], arguments: dict[str, object], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        make(**arguments)


def test_arguments_are_named() -> None:
    make: Any = Door
    with pytest.raises(TypeError, match="positional"):
        make("mail.example")


def test_it_shows_its_content() -> None:
    assert repr(DOOR) == repr(Standard(host="mail.example", names=("a", "b"))).replace("Standard", "Door")


def test_the_standard_library_takes_it_for_a_dataclass() -> None:
    assert dataclasses.is_dataclass(Door)
    assert dataclasses.asdict(DOOR) == {"host": "mail.example", "port": 993, "names": ("a", "b")}
    assert dataclasses.replace(DOOR, port=143) == Door(host="mail.example", port=143, names=("a", "b"))
    ours, standard = dataclasses.fields(Door), dataclasses.fields(Standard)
    assert [(one.name, one.type, one.default) for one in ours] == [
        (one.name, one.type, one.default) for one in standard
    ]


def test_copies_are_equal() -> None:
    assert copy.copy(DOOR) == copy.deepcopy(DOOR) == pickle.loads(pickle.dumps(DOOR)) == DOOR  # noqa: S301 - its own


def test_it_can_be_taken_apart_by_a_pattern() -> None:
    match DOOR:
        case Door(host=host, port=993):
            assert host == "mail.example"
        case _:
            pytest.fail("it does not match")
