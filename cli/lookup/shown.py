"""How is an entry shown, as rekor-cli shows it?"""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from cli.app import printable
from cli.lookup.trust import Proven
from verifier.entry_json import entry_to_tle
from verifier.merkle import hash_node

_MODELS = {
    "alpine": "AlpineModel",
    "cose": "CoseObj",
    "dsse": "DSSEObj",
    "hashedrekord": "HashedRekordObj",
    "helm": "HelmObj",
    "intoto": "IntotoObj",
    "jar": "JARModel",
    "rekord": "RekordObj",
    "rfc3161": "TimestampObj",
    "rpm": "RpmModel",
    "tuf": "TufObj",
}
"""The names of Go's types, under which rekor-cli prints a body."""


def shown_entry(proven: Proven, attestation: bytes, style: str) -> str:
    """One entry in the style ``default``, ``json`` or ``tle``."""
    entry = proven.entry
    if style == "tle":
        return json.dumps(entry_to_tle(entry), separators=(",", ":"))
    if style == "json":
        return json.dumps(_record(proven, attestation), separators=(",", ":"))
    lines = [f"LogID: {entry.log_id.hex()}"]
    if attestation:
        lines.append(f"Attestation: {printable(attestation.decode('utf-8', 'replace'))}")
    lines.append(f"Index: {_index(proven)}")
    if entry.integrated_time is not None:
        lines.append(f"IntegratedTime: {_time(entry.integrated_time)}")
    lines.append(f"UUID: {proven.entry_id}")
    lines.append(f"Body: {printable(json.dumps(_body(entry.body), indent=2, ensure_ascii=True))}")
    return "\n".join(lines) + "\n"


def shown_steps(proven: Proven, style: str) -> str:
    """The inclusion proof step by step, from the entry's hash to the root."""
    entry, proof = proven.entry, proven.entry.proof
    assert proof is not None  # proven: the checkpoint was reached through it
    if style != "default":
        record = {
            "RootHash": proof.root.hex(),
            "EntryUUID": proven.entry_id,
            "Index": proof.index,
            "Size": proof.size,
            "Hashes": [one.hex() for one in proof.hashes],
            "Checkpoint": proof.checkpoint.decode("utf-8", "replace"),
        }
        return json.dumps(record, separators=(",", ":"))
    lines = [
        f"Current Root Hash: {proof.root.hex()}",
        f"Entry Hash: {entry.leaf_hash.hex()}",
        f"Entry Index: {proof.index}",
        f"Current Tree Size: {proof.size}",
        "Checkpoint:",
        printable(proof.checkpoint.decode("utf-8", "replace")),
        "Inclusion Proof:",
    ]
    inner = (proof.index ^ (proof.size - 1)).bit_length()
    result = entry.leaf_hash
    for level, sibling in enumerate(proof.hashes):
        is_left = level < inner and not proof.index >> level & 1
        left, right = (result, sibling) if is_left else (sibling, result)
        result = hash_node(left, right)
        lines += [f"SHA256(0x01 | {left.hex()} | {right.hex()}) =", f"\t{result.hex()}", ""]
    return "\n".join(lines)


def _record(proven: Proven, attestation: bytes) -> dict[str, Any]:
    entry = proven.entry
    return {
        "Attestation": base64.b64encode(attestation).decode(),
        "AttestationType": "",
        "Body": _body(entry.body),
        "LogIndex": _index(proven),
        "IntegratedTime": entry.integrated_time or 0,
        "UUID": proven.entry_id,
        "LogID": entry.log_id.hex(),
        "Origin": proven.checkpoint.origin,
        "Proven": True,
    }


def _index(proven: Proven) -> int:
    entry = proven.entry
    return entry.index if entry.global_index is None else entry.global_index


def _body(data: bytes) -> Any:
    body = json.loads(data)  # hashed into a signed root: what it says is shown, not believed
    return {_MODELS.get(str(body.get("kind")), str(body.get("kind"))): body.get("spec")}


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
