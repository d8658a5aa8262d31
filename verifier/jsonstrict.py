"""What does this JSON say, if it says exactly one thing?

Attacker-controlled text: UTF-8 without a byte order mark, no duplicate keys, no NaN or infinity, no lone surrogates,
64-bit integers, bounded size and depth. Where two readings are possible and both matter, `readings` gives them all.
"""

import binascii
import json
import re
from collections.abc import Callable, Iterator
from functools import reduce
from itertools import islice, product
from math import isfinite
from typing import Any

from verifier.errors import Malformed

MAX_BYTES = 32 << 20  # Rekor v1 takes requests of 32 MiB
MAX_DEPTH = 64
MAX_READINGS = 64  # the product over all repeated keys; past this nobody needs to be understood
_INT64 = range(-(2**63), 2**64)  # protobuf's int64 and uint64 together
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,19})", re.ASCII)

_Pairs = list[tuple[str, Any]]


class _Repeated:
    """An object with repeated keys, before a reading is chosen."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: _Pairs) -> None:
        self.pairs = pairs


def loads(data: bytes, *, max_depth: int = MAX_DEPTH, max_bytes: int = MAX_BYTES) -> Any:
    """The one value that `data` says; Malformed (code ``json`` or ``json-duplicate-key``) if it is not strict JSON."""
    return _load(data, _unique, max_depth, max_bytes)


def readings(data: bytes, *, max_depth: int = MAX_DEPTH, max_bytes: int = MAX_BYTES) -> list[Any]:
    """Every value that a parser may take `data` for, where keys are repeated.

    Of two equal keys a parser takes the first, the last, or (objects) fills both into one.
    One value for text without repeated keys. Malformed (code ``json-ambiguous``) past `MAX_READINGS`.
    """
    try:
        return [_load(data, _unique, max_depth, max_bytes)]
    except Malformed as error:
        if error.code != "json-duplicate-key":
            raise
    value = _load(data, _keep_repeated, max_depth, max_bytes)
    found = list(islice(_expand(value), MAX_READINGS + 1))
    if len(found) > MAX_READINGS:
        raise Malformed(f"JSON with repeated keys has more than {MAX_READINGS} readings", code="json-ambiguous")
    return list({repr(one): one for one in found}.values())  # by repr: 1 and true are equal, but not the same


def b64(text: object, what: str = "a value") -> bytes:
    """Strict base64 (RFC 4648 section 4): standard alphabet, padded, canonical; else Malformed (code ``base64``)."""
    try:
        if isinstance(text, str):
            raw = text.encode("ascii")
            data = binascii.a2b_base64(raw, strict_mode=True)
            if binascii.b2a_base64(data, newline=False) == raw:
                return data
    except (binascii.Error, ValueError):
        pass
    raise Malformed(f"{what} is not canonical standard base64", code="base64")


def integer(value: object, what: str = "a value") -> int:
    """A 64-bit integer as protobuf JSON writes it (a number or canonical decimal text); Malformed otherwise."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value) and value != "-0":
        value = int(value)
    if type(value) is not int or value not in _INT64:
        raise Malformed(f"{what} is not a 64-bit integer", code="json-integer")
    return value


def _load(data: bytes, pairs: Callable[[_Pairs], Any], max_depth: int, max_bytes: int) -> Any:
    if len(data) > max_bytes:
        raise Malformed(f"JSON of {len(data)} bytes, more than {max_bytes}", code="json")
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=pairs, parse_int=_number, parse_float=_fraction, parse_constant=_constant
        )
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else _reason(error)
        raise Malformed(f"not JSON: {reason}", code="json") from error
    if data.count(b"[") + data.count(b"{") > max_depth:  # cheaper than a walk, and enough for most
        _check_depth(value, max_depth)
    if _SURROGATE.search(data):
        _check_text(value)
    return value


def _reason(error: ValueError) -> str:
    """What is wrong and where, without the text itself (it may hold a secret)."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return "a number out of bounds"


def _unique(pairs: _Pairs) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("a JSON object repeats a key", code="json-duplicate-key", hint="it can be read in two ways")
    return value


def _keep_repeated(pairs: _Pairs) -> Any:
    value = dict(pairs)
    return value if len(value) == len(pairs) else _Repeated(pairs)


def _number(text: str) -> int:
    if len(text) > 20 or int(text) not in _INT64:
        raise ValueError
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError
    return value


def _constant(_text: str) -> Any:
    raise ValueError


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, _Repeated):
        return [child for _, child in value.pairs]
    return value if isinstance(value, list) else []


def _check_depth(value: Any, max_depth: int) -> None:
    level = _children(value)
    depth = int(isinstance(value, (dict, list, _Repeated)))
    while level:
        level = [child for child in level if isinstance(child, (dict, list, _Repeated))]
        depth += bool(level)
        if depth > max_depth:
            raise Malformed(f"JSON nested deeper than {max_depth}", code="json")
        level = [child for parent in level for child in _children(parent)]


def _check_text(value: Any) -> None:
    """Refuse lone surrogates (\\ud800 escapes): they are no Unicode and cannot be written again."""
    pending = [value]
    while pending:
        one = pending.pop()
        keys = one if isinstance(one, dict) else [key for key, _ in one.pairs] if isinstance(one, _Repeated) else []
        for text in (*keys, one) if isinstance(one, str) else keys:
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise Malformed("JSON text holds a lone surrogate", code="json")
        pending += _children(one)


def _expand(value: Any) -> Iterator[Any]:
    """Every reading of `value`, lazily (the caller stops at its bound)."""
    if isinstance(value, list):
        yield from (list(items) for items in product(*map(_bounded, value)))
    elif isinstance(value, dict):
        for items in product(*map(_bounded, value.values())):
            yield dict(zip(value, items, strict=True))
    elif isinstance(value, _Repeated):
        options: dict[str, list[Any]] = {}
        for key, item in value.pairs:
            options.setdefault(key, []).extend(_bounded(item))
        for key, found in options.items():
            options[key] = (found + _merged(found))[: MAX_READINGS + 1]
        for items in product(*options.values()):
            yield dict(zip(options, items, strict=True))
    else:
        yield value


def _bounded(value: Any) -> list[Any]:
    return list(islice(_expand(value), MAX_READINGS + 1))


def _merged(found: list[Any]) -> list[Any]:
    """What a decoder makes of repeated objects when it fills one record twice (as Go's does): all fields, last wins."""
    if len(found) < 2 or not all(isinstance(one, dict) for one in found):
        return []
    return [reduce(_merge, found)]


def _merge(one: Any, other: Any) -> Any:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    return one | {key: _merge(one[key], value) if key in one else value for key, value in other.items()}
