"""Which texts look alike to a person?

A small table of the homoglyphs that are used in practice (after Unicode TS 39, "confusables"), and the *skeleton*:
two texts with the same skeleton look alike. Skeletons are compared, never shown.
"""

import re
import unicodedata

_CYRILLIC = "а=a в=b с=c ԁ=d е=e ғ=f һ=h і=i ї=i ј=j к=k ӏ=l м=m н=h о=o р=p ԛ=q г=r ѕ=s т=t ц=u ѵ=v ԝ=w х=x у=y ү=y"
_GREEK = "α=a β=b ε=e γ=y η=n ι=i κ=k μ=u ν=v ο=o ρ=p σ=o τ=t υ=u χ=x ω=w"
_LATIN = "ı=i ɩ=i ɪ=i ł=l ƚ=l ɫ=l ǀ=l ø=o đ=d ħ=h ŧ=t ɑ=a ɡ=g ƒ=f ʀ=r ʏ=y ᴄ=c ᴏ=o ᴠ=v ᴡ=w ᴢ=z ꜱ=s ð=d ŋ=n ß=b æ=ae œ=oe"
_ARMENIAN = "ո=n օ=o ս=u ց=g զ=q հ=h յ=j"
_SIGNS = (
    "‐=- ‑=- ‒=- –=- —=- ―=- −=- ﹘=- ⁄=/ ∕=/ ⧸=/ ／=/ ꞉=: ։=: ׃=: ∶=: ·=. ․=. 。=. ｡=. ٠=. ꓸ=. ＠=@ ⓐ=a ‚=, ′=' ’='"
)
_LOOKS = {
    ord(left): right
    for table in (_CYRILLIC, _GREEK, _LATIN, _ARMENIAN, _SIGNS)
    for left, _, right in (pair.partition("=") for pair in table.split())
}

# ASCII characters that are taken for one another, after lower-casing: capital I and small l, one and l, zero and o.
_FOLD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ01i|", b"abcdefghljklmnopqrstuvwxyzolll")

# Letters at an edge of a literal that a neighbour may merge with (rn looks like m, vv like w, // like /).
_EDGE = "rnvRNV"


def to_ascii(text: str) -> str:
    """`text` with every look-alike replaced by the ASCII character it resembles; marks and invisible ones removed."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text))
    kept = "".join(char for char in plain if unicodedata.category(char) not in {"Mn", "Me", "Cf"})
    return "".join(_resembles(char) for char in kept)


def _resembles(char: str) -> str:
    """The ASCII look-alike of one character, in its case; the character itself if the table has none."""
    code = ord(char)
    if code < 0x80:
        return char
    if code in _LOOKS:
        return _LOOKS[code]
    lower = char.lower()
    if len(lower) == 1 and ord(lower) in _LOOKS:
        return _LOOKS[ord(lower)].upper()
    return char


def fold_bytes(data: bytes) -> bytes:
    """The skeleton of ASCII bytes. Other bytes stay."""
    return data.translate(_FOLD).replace(b"rn", b"m").replace(b"vv", b"w").replace(b"//", b"/")


def skeleton(text: str) -> str:
    """What `text` looks like: equal for texts that a person could take for one another."""
    if not text.isascii():
        text = to_ascii(text).casefold()
    return fold_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def searchable(literal: str) -> str:
    """A part of a literal's skeleton that occurs in the skeleton of every text which contains the literal; maybe "".

    Only ASCII (other letters may change with their neighbours), and shorter at the edges, where folding could merge a
    letter with one outside.
    """
    runs = re.findall(r"[\x00-\x7f]+", literal)
    longest = max(runs, key=len, default="")
    return skeleton(longest.strip(_EDGE))
