"""Manifests with something changed at random: what people and programs get wrong, and more."""

import copy
import random
from collections.abc import Iterator
from typing import Any, Final

Place = tuple[str | int, ...]

VALUES: Final[tuple[Any, ...]] = (
    *(None, "", "x", "a b", 0, -1, 5, 70000, 2**31, 2**40, 1.5, True, False),
    *([], {}, [None], ["a", "a"], {"name": "a"}, {"name": "A"}),
    *("0s", "1h", "1.5h", "10s", "99999h", "100000h", "10m0.5s", "1h1h", "5.1234s", "7d", "0", "25Mi", "25MB"),
    *("None", "IMAP", "POP3", "EWS", "Graph", "https://a", "http://[::1]:80/x?y", "::1", "fe80::1%1", "a..b", ".a"),
    *(
        "日本@例え.jp",
        "ü@exämple.com",
        "a@[192.0.2.1]",
        '"a b"@example.com',
        "a@b",
        "@",
        "a@",
        "a@b.",
        "a@b@c",
        "<a@b>",
    ),
    *(
        "x" * 400,
        "é" * 200,
        "a\u3000b",
        "a\u00a0b",
        "tab\t",
        "nul\u0000",
        "\u202e",
        "\U0001f4a9",
        "q'q",
        'q"q',
        "\\",
        "\x7f",
    ),
)


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield every place below a value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in entries:
        yield (*place, key)
        yield from places(one, (*place, key))


def mutated(manifest: dict[str, Any], *, donor: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Return a copy with one to three places below spec, or the name, changed, removed or taken from the donor."""
    result = copy.deepcopy(manifest)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        found = [place for place in places(result) if place[0] == "spec" or place == ("metadata", "name")]
        if not found:
            return result
        *above, key = dice.choice(found)
        parent: Any = result
        other: Any = donor
        for part in above:
            parent = parent[part]
            other = other.get(part) if isinstance(other, dict) else None
        _change(parent, key, other=other, dice=dice)
    return result


def _change(parent: Any, key: str | int, *, other: Any, dice: random.Random) -> None:
    """Change one entry of a dict or list in place."""
    match dice.randrange(8):
        case 0 if isinstance(parent, dict):
            del parent[key]
        case 1 if isinstance(parent[key], list):
            parent[key].append(copy.deepcopy(dice.choice([*parent[key], *VALUES])))
        case 2 if isinstance(other, dict) and key in other:
            parent[key] = copy.deepcopy(other[key])
        case _:
            parent[key] = copy.deepcopy(dice.choice(VALUES))
