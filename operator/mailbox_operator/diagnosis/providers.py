"""Whose server it is: by its MailProvider's name, or by what stands in the words."""

import re
from functools import lru_cache

from mailbox_operator.diagnosis.data_files import read_data


@lru_cache(maxsize=1)
def _known() -> tuple[tuple[str, frozenset[str], re.Pattern[str]], ...]:
    return tuple(
        (family, frozenset({family.lower(), *one["names"]}), re.compile(one["marks"], re.IGNORECASE))
        for family, one in read_data("providers.yaml").items()
    )


def family_of(name: str, *, text: str) -> str:
    """Return the provider as the rules name it, or "": not one that they know."""
    plain = name.lower().replace("_", "-")
    for family, names, _ in _known():
        if plain in names:
            return family
    return "" if plain else next((family for family, _, marks in _known() if marks.search(text)), "")
