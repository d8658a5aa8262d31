"""What do the extensions of a Fulcio certificate say, and under which name?

One table; a new row makes an extension matchable, searchable and reportable. Source: Fulcio's OID registry
(1.3.6.1.4.1.57264.1): .1 to .6 hold raw UTF-8 bytes, .7 is a SAN otherName type, .8 and above hold a DER UTF8String.
"""

from types import MappingProxyType
from typing import Literal, NamedTuple

from verifier import der
from verifier.errors import Malformed

Encoding = Literal["raw", "der"]
FULCIO_ARC = "1.3.6.1.4.1.57264.1"
ISSUER_V1, ISSUER = f"{FULCIO_ARC}.1", f"{FULCIO_ARC}.8"
USERNAME = f"{FULCIO_ARC}.7"

SAN, SCT_LIST, POISON = "2.5.29.17", "1.3.6.1.4.1.11129.2.4.2", "1.3.6.1.4.1.11129.2.4.3"
KEY_USAGE, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE = "2.5.29.15", "2.5.29.19", "2.5.29.37"
SUBJECT_KEY_ID, AUTHORITY_KEY_ID = "2.5.29.14", "2.5.29.35"


class Row(NamedTuple):
    """One extension: its name in rules and reports, how its value is encoded, other names people use."""

    name: str
    encoding: Encoding
    aliases: tuple[str, ...] = ()


_ROWS: dict[int, Row] = {
    1: Row("issuer-v1", "raw", ("issuer-deprecated",)),
    2: Row("github-workflow-trigger", "raw"),
    3: Row("github-workflow-sha", "raw"),
    4: Row("github-workflow-name", "raw"),
    5: Row("github-workflow-repository", "raw"),
    6: Row("github-workflow-ref", "raw"),
    8: Row("issuer", "der", ("issuer-v2",)),
    9: Row("build-signer-uri", "der"),
    10: Row("build-signer-digest", "der"),
    11: Row("runner-environment", "der"),
    12: Row("source-repository-uri", "der"),
    13: Row("source-repository-digest", "der"),
    14: Row("source-repository-ref", "der"),
    15: Row("source-repository-identifier", "der"),
    16: Row("source-repository-owner-uri", "der"),
    17: Row("source-repository-owner-identifier", "der"),
    18: Row("build-config-uri", "der"),
    19: Row("build-config-digest", "der"),
    20: Row("build-trigger", "der"),
    21: Row("run-invocation-uri", "der"),
    22: Row("source-repository-visibility-at-signing", "der", ("source-repository-visibility",)),
    23: Row("deployment-environment", "der"),
    24: Row("token-subject", "der"),
}
EXTENSIONS: MappingProxyType[str, Row] = MappingProxyType({f"{FULCIO_ARC}.{arc}": row for arc, row in _ROWS.items()})

# The same rows by the content octets of the OID, as they stand in a certificate.
BY_OID_BYTES: MappingProxyType[bytes, Row] = MappingProxyType({der.oid_body(o): row for o, row in EXTENSIONS.items()})

_BY_NAME: dict[str, str] = {}
for _oid, _row in EXTENSIONS.items():
    for _name in (_row.name, *_row.aliases, _oid):
        _BY_NAME[_name] = _oid


def oid_of(name: str) -> str | None:
    """OID of a canonical name, an alias or a dotted OID; None when no row has it."""
    return _BY_NAME.get(name)


class Value(NamedTuple):
    """Text of an extension, and whether it was encoded as the table says."""

    text: str
    as_specified: bool


def read_value(raw: bytes, encoding: Encoding) -> Value:
    """Best reading of an extension's content octets; never fails, since hiding a value would blind a watch.

    Attacker-controlled. The specified encoding first, then the other one, then Latin-1 (which maps every byte).
    """
    boxed = _boxed_text(raw)
    if encoding == "der" and boxed is not None:
        return boxed
    if encoding == "raw" and boxed is not None:
        return Value(boxed.text, as_specified=False)
    try:
        return Value(raw.decode(), as_specified=encoding == "raw")
    except UnicodeDecodeError:
        return Value(raw.decode("latin-1"), as_specified=False)


def _boxed_text(raw: bytes) -> Value | None:
    """Text of one string element that fills `raw`: as specified only if it is a UTF8String."""
    try:
        tlv = der.read(raw, 0, len(raw))
    except Malformed:
        return None
    if tlv.end != len(raw):
        return None
    text = der.string(raw, tlv)
    if text is None and tlv.tag in (der.OCTET_STRING, der.UTF8_STRING, der.IA5_STRING, der.PRINTABLE_STRING):
        text = _loose_text(der.content(raw, tlv))
        return Value(text, as_specified=False)
    return None if text is None else Value(text, as_specified=tlv.tag == der.UTF8_STRING)


def _loose_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
