"""Frozen values, as `@dataclass(frozen=True, slots=True, kw_only=True)` makes them, but without compiling code for each.

The standard decorator writes and compiles six functions a class, which takes 0.7 ms: more than 20 ms for what a fetcher
loads, half of what its mail server needs to say that nothing is new. Here the functions are closures. To make an
instance takes twice as long (2 µs); what there is once a message is a NamedTuple anyway.

Type checkers see the standard decorator, and the standard `asdict`, `fields` and `replace` take these classes for
what they are.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - passed on by this name
else:

    def dataclass(*, frozen: bool, slots: bool, kw_only: bool) -> Callable[[type], type]:
        """Return the decorator. There is one form; the arguments say which, to people and to type checkers."""
        assert frozen and slots and kw_only, "the standard library has the others"  # noqa: S101, PT018 - our own fault
        return _make


class _Fields:
    """`__dataclass_fields__`, by which the standard library knows a class; made when it is first asked for."""

    def __init__(self, defaults: dict[str, object]) -> None:
        self._defaults = defaults

    def __get__(self, _instance: object, owner: Any) -> dict[str, Any]:
        from dataclasses import MISSING, field, fields, make_dataclass  # noqa: PLC0415 - few ask

        described = [
            (name, kind, field(default=self._defaults.get(name, MISSING)))
            for name, kind in owner.__annotations__.items()
        ]
        made = make_dataclass(owner.__name__, described, init=False, repr=False, eq=False, kw_only=True)
        found = owner.__dataclass_fields__ = {one.name: one for one in fields(made)}
        return found


def _make(described: type) -> type:
    """Return the class that `described` describes, with slots in place of its defaults."""
    body = {name: value for name, value in vars(described).items() if name not in {"__dict__", "__weakref__"}}
    names = tuple(described.__annotations__)
    known = frozenset(names)
    defaults = {name: body.pop(name) for name in names if name in body}
    setters: list[tuple[str, Callable[[object, object], None]]] = []
    content = attrgetter(*names)

    def init(self: object, /, **given: object) -> None:
        values = defaults | given
        if values.keys() != known:
            raise TypeError(f"{described.__qualname__}() {_complaint(given, known=names, defaults=defaults)}")
        for name, put in setters:
            put(self, values[name])

    def equal(self: object, other: object) -> bool:
        return content(self) == content(other) if other.__class__ is self.__class__ else NotImplemented

    def render(self: object) -> str:
        return f"{described.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    def reduce(self: object) -> tuple[Any, ...]:
        return _build, (type(self), {name: getattr(self, name) for name in names})

    methods = {
        "__init__": init,
        "__eq__": equal,
        "__hash__": lambda self: hash(content(self)),
        "__repr__": render,
        "__reduce__": reduce,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__match_args__": (),
        "__dataclass_fields__": _Fields(defaults),
    }
    slots = {"__slots__": names, "__qualname__": described.__qualname__}
    made = type(described)(described.__name__, described.__bases__, methods | body | slots)
    setters += [(name, vars(made)[name].__set__) for name in names]
    return made


def _complaint(given: dict[str, object], *, known: tuple[str, ...], defaults: dict[str, object]) -> str:
    """Say what is wrong with arguments, in Python's words."""
    for name in given:
        if name not in known:
            return f"got an unexpected keyword argument {name!r}"
    missing = next(name for name in known if name not in given and name not in defaults)
    return f"missing required keyword-only argument: {missing!r}"


def _refuse(self: object, name: str, *_value: object) -> None:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 - nobody should see one

    raise FrozenInstanceError(f"{name} of a {type(self).__name__} does not change")


def _build(cls: Callable[..., object], values: dict[str, object]) -> object:
    """Make what `copy` and `pickle` took apart."""
    return cls(**values)
