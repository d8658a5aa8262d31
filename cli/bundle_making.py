"""How do old pieces become a bundle?

Version 0.3, or 0.1 where a log entry has only its promise and the network may not be asked for a proof (0.1 is the
version that allows it). Nothing is invented: what goes in is what came in, and the log's answer is compared with it.
"""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cli.cosign_flags import warn
from cli.inputs import read_artifact, read_input
from cli.key_reference import load_public_key
from verifier.artifact import Artifact
from verifier.binding import check_binding
from verifier.bundle import Bundle, MessageSignature
from verifier.entry import LogEntry
from verifier.errors import Refused
from verifier.holder import Holder, key_of
from verifier.keys import PublicKey
from verifier.legacy import from_pieces, read_bundle, read_timestamp


def create_bundle(flags: Mapping[str, Any]) -> int:
    """Make a bundle from the pieces that the flags name, and write it."""
    offline = flags["offline"]
    if flags["bundle"] and (flags["certificate"] or flags["signature"]):
        raise Refused("--bundle excludes --certificate and --signature", code="usage")
    key = load_public_key(flags["key"], offline=offline) if flags["key"] else None
    bundle = read_bundle(read_input(flags["bundle"], offline=offline)) if flags["bundle"] else _pieces(flags)
    if flags["rfc3161_timestamp"]:
        stamp = read_timestamp(read_input(flags["rfc3161_timestamp"], offline=offline))
        bundle = replace(bundle, timestamps=(*bundle.timestamps, stamp))
    artifact = read_artifact(flags["artifact"], (("sha256",), False), offline=offline) if flags["artifact"] else None
    holder = _holder(bundle, key)
    bundle = _with_digest(_with_hint(bundle, holder), artifact)
    return _write(_with_log(bundle, holder, artifact, flags), flags["out"])


def upgrade_bundle(file: str, flags: Mapping[str, Any]) -> int:
    """Rewrite a bundle as version 0.3: one certificate instead of a chain, and a proof for every entry."""
    bundle = read_bundle(read_input(file, offline=flags["offline"]))
    if bundle.version == "0.3":
        sys.stderr.write("The bundle is of version 0.3 already\n")
    entries = tuple(_with_proof(entry, flags) for entry in bundle.entries)
    return _write(replace(bundle, entries=entries), flags["out"])


def _pieces(flags: Mapping[str, Any]) -> Bundle:
    source = flags["attestation"] or flags["signature"]
    if not source or (flags["attestation"] and flags["signature"]):
        raise Refused("one of --signature, --attestation and --bundle is needed", code="usage")
    certificate = read_input(flags["certificate"], offline=flags["offline"]) if flags["certificate"] else None
    return from_pieces(read_input(source, offline=flags["offline"]), certificate=certificate)


def _holder(bundle: Bundle, key: PublicKey | None) -> Holder:
    """Who signed, as far as the pieces say: compared with the log entry, not trusted."""
    if bundle.leaf is not None:
        return Holder(key_of(bundle.leaf), bundle.leaf)
    if bundle.embedded_key is not None:
        return Holder(PublicKey.from_der(bundle.embedded_key))
    if key is None:
        raise Refused("who signed? give --key or --certificate", code="usage")
    return Holder(key)


def _with_hint(bundle: Bundle, holder: Holder) -> Bundle:
    """The usual hint of a key: base64 of the SHA-256 of its SPKI (cosign.md 2.1)."""
    import base64

    if bundle.leaf is not None or bundle.key_hint:
        return bundle
    return replace(bundle, key_hint=base64.b64encode(holder.key.sha256).decode())


def _with_digest(bundle: Bundle, artifact: Artifact | None) -> Bundle:
    content = bundle.content
    if not isinstance(content, MessageSignature) or content.digest is not None:
        return bundle
    if artifact is None:
        raise Refused("the signature is of a file: give it with --artifact", code="usage")
    return replace(bundle, content=MessageSignature(content.signature, "sha256", artifact.digest("sha256")))


def _with_log(bundle: Bundle, holder: Holder, artifact: Artifact | None, flags: Mapping[str, Any]) -> Bundle:
    if bundle.entries:
        for entry in bundle.entries:
            check_binding(entry, bundle, holder, artifact or _digest_of(bundle))
        return replace(bundle, entries=tuple(_with_proof(entry, flags) for entry in bundle.entries))
    if flags["ignore_tlog"]:
        return bundle
    if flags["offline"]:
        raise Refused(
            "the log entry must be looked up, and --offline forbids it",
            code="offline",
            hint="--ignore-tlog makes a bundle without a log entry",
        )
    from cli.log_lookup import find_entry

    return replace(bundle, entries=(find_entry(bundle, holder, artifact or _digest_of(bundle), flags["rekor_url"]),))


def _digest_of(bundle: Bundle) -> Artifact:
    """The digest that the bundle itself claims."""
    content = bundle.content
    if isinstance(content, MessageSignature) and content.algorithm and content.digest:
        return Artifact({content.algorithm: content.digest})
    return Artifact({})


def _with_proof(entry: LogEntry, flags: Mapping[str, Any]) -> LogEntry:
    """The entry with an inclusion proof: its own, or the log's, if the log shows the same body."""
    if entry.proof is not None and entry.proof.checkpoint:
        return entry
    if flags["offline"] or entry.global_index is None:
        warn("the log entry has no inclusion proof: a version 0.1 bundle is written")
        return entry
    from cli.log_lookup import proof_of

    return proof_of(entry, flags["rekor_url"])


def _write(bundle: Bundle, out: str | None) -> int:
    """Write the bundle; a file appears as a whole or not at all."""
    data = bundle.encode()
    Bundle.parse(data)  # what we write, we can read
    if not out:
        sys.stdout.write(data.decode() + "\n")
        return 0
    path = Path(out)
    try:
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=".bundle-", delete=False) as file:
            file.write(data)
        Path(file.name).replace(path)
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}", code="output") from error
    sys.stderr.write(f"Wrote bundle to file {out}\n")
    return 0
