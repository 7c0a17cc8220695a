"""SASLprep (RFC 4013): one form for a name or a password that can be typed in several."""

import stringprep
import unicodedata
from typing import Final

PROHIBITED: Final = (  # RFC 4013 section 2.3
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """Return `text` in that form, unassigned code points let through (RFC 3454 section 7, a query). Raises ValueError."""
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(one) else one for one in text if not stringprep.in_table_b1(one)
    )  # RFC 4013 section 2.1
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(prohibits(one) for one in normal for prohibits in PROHIBITED):
        raise ValueError("a character that SASLprep prohibits")
    if any(stringprep.in_table_d1(one) for one in normal):  # RFC 3454 section 6
        ends = stringprep.in_table_d1(normal[0]) and stringprep.in_table_d1(normal[-1])
        if not ends or any(stringprep.in_table_d2(one) for one in normal):
            raise ValueError("text that runs in both directions")
    return normal
