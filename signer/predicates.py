"""What may stand in an attestation of this type?

cosign's predicate types (cosign.md 2.6), one row each. What is signed is what was given: members are checked for their
type where the format defines them, never dropped or made up.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from verifier.dsse import MAX_PAYLOAD
from verifier.errors import Malformed, Refused
from verifier.jsonstrict import loads

Shape = Mapping[str, type | tuple[type, ...]]


class Type(NamedTuple):
    """A row: its URI, and how the given bytes become the predicate at a time."""

    uri: str
    read: Callable[[bytes, datetime], Any]


def predicate_of(name: str, data: bytes, now: datetime) -> tuple[str, Any]:
    """(type URI, predicate) for ``--type`` and the predicate's bytes; `name` is a short name or a URI.

    Malformed where the predicate is not of the type; Refused for a name that is neither known nor a URI.
    """
    row = TYPES.get(name)
    if row is not None:
        return row.uri, row.read(data, now)
    if ":" not in name:
        raise Refused(
            f"unknown predicate type '{name}'",
            code="predicate-type",
            hint=f"one of {', '.join(TYPES)}, or a full URI",
        )
    return name, _object(data, {})


def _json(data: bytes) -> Any:
    try:
        return loads(data, max_bytes=MAX_PAYLOAD)
    except Malformed as error:
        raise Malformed(f"the predicate is not JSON: {error.message}", code="predicate") from error


def _object(data: bytes, shape: Shape) -> Mapping[str, Any]:
    value = _json(data)
    if not isinstance(value, dict):
        raise Malformed("the predicate is not a JSON object", code="predicate")
    for path, kind in shape.items():
        _check_member(value, path, kind)
    return value


def _check_member(value: Any, path: str, kind: type | tuple[type, ...]) -> None:
    """The member at a dotted path, where it is there at all, is of this type (or null)."""
    inner: Any = value
    for name in path.split("/"):
        if not isinstance(inner, dict) or inner.get(name) is None:
            return
        inner = inner[name]
    if not isinstance(inner, kind):
        raise Malformed(f"the predicate's member '{path}' is of the wrong type", code="predicate")


def _shaped(shape: Shape, *required: str) -> Callable[[bytes, datetime], Any]:
    def read(data: bytes, _now: datetime) -> Any:
        value = _object(data, shape)
        missing = [name for name in required if name not in value]
        if missing:
            raise Malformed(
                f"the predicate has no '{missing[0]}': it is of another type", code="predicate", hint="see --type"
            )
        return value

    return read


def _custom(data: bytes, now: datetime) -> Any:
    """cosign's own: the file as text, and when it was attested."""
    return {"Data": _text(data), "Timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _text(data: bytes, _now: datetime | None = None) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("the predicate is not UTF-8 text", code="predicate") from error


_PROVENANCE_02: Shape = {
    "builder": dict,
    "builder/id": str,
    "buildType": str,
    "invocation": dict,
    "invocation/configSource": dict,
    "metadata": dict,
    "materials": list,
}
_PROVENANCE_1: Shape = {
    "buildDefinition": dict,
    "buildDefinition/buildType": str,
    "buildDefinition/resolvedDependencies": list,
    "runDetails": dict,
    "runDetails/builder": dict,
    "runDetails/builder/id": str,
    "runDetails/metadata": dict,
}
_VULN: Shape = {
    "invocation": dict,
    "scanner": dict,
    "scanner/uri": str,
    "scanner/version": str,
    "scanner/db": dict,
    "metadata": dict,
    "metadata/scanStartedOn": str,
    "metadata/scanFinishedOn": str,
}
TYPES: dict[str, Type] = {
    "custom": Type("https://cosign.sigstore.dev/attestation/v1", _custom),
    "slsaprovenance": Type("https://slsa.dev/provenance/v0.2", _shaped(_PROVENANCE_02)),
    "slsaprovenance02": Type("https://slsa.dev/provenance/v0.2", _shaped(_PROVENANCE_02)),
    "slsaprovenance1": Type("https://slsa.dev/provenance/v1", _shaped(_PROVENANCE_1)),
    "spdx": Type("https://spdx.dev/Document", _text),
    "spdxjson": Type("https://spdx.dev/Document", _shaped({"spdxVersion": str})),
    "cyclonedx": Type("https://cyclonedx.org/bom", _shaped({"components": list})),
    "link": Type("https://in-toto.io/Link/v1", _shaped({"name": str, "materials": (dict, list), "command": list})),
    "vuln": Type("https://cosign.sigstore.dev/attestation/vuln/v1", _shaped(_VULN, "scanner")),
    "openvex": Type("https://openvex.dev/ns", _shaped({"@context": str, "statements": list})),
}


def encode(value: Mapping[str, Any]) -> bytes:
    """Compact JSON in the given order of members."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
