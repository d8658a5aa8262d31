"""How is text that an attacker chose shown to a person?

Names in certificates, answers of servers and error texts reach terminals, chat rooms and reports. Everything that
moves a cursor, turns the reading direction, ends a line or is invisible is spelled out as an escape.
"""

import unicodedata

_KEPT = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"}
_KEPT |= {"Sm", "Sc", "Sk", "So"}

# Letters and symbols by category that draw nothing: Hangul fillers, Braille blank, variation selectors, joiner.
_INVISIBLE = {0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800, 0x034F, 0x17B4, 0x17B5}
_INVISIBLE |= set(range(0xFE00, 0xFE10)) | set(range(0xE0100, 0xE01F0)) | set(range(0x180B, 0x1810))

CUT_NOTE = "… (cut; full text in the report)"


def visible(text: str) -> str:
    """`text` on one line, with control, format, invisible and unassigned characters as ``\\n``, ``\\x1b``, ``\\u202e``.

    A plain space stays; every other kind of space does not, since it is used to forge columns and lines.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _shows(char) else _escape(char) for char in text)


def _shows(char: str) -> bool:
    return char == " " or (unicodedata.category(char) in _KEPT and ord(char) not in _INVISIBLE)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def cut(text: str, limit: int, note: str = CUT_NOTE) -> str:
    """At most `limit` characters, ending in `note` where something was left out.

    A character outside the basic plane counts twice, as services that count UTF-16 units do.
    """
    if len(text) * 2 <= limit or units(text) <= limit:
        return text
    room = limit - units(note)
    if room <= 0:
        return _fitting(text, limit)
    return _fitting(text, room) + note


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) + sum(1 for char in text if char > "\uffff")


def _fitting(text: str, limit: int) -> str:
    used = 0
    for position, char in enumerate(text):
        used += 2 if char > "\uffff" else 1
        if used > limit:
            return text[:position]
    return text
