"""Where does a signature go: a bundle, or the single files from before bundles?

All names are checked before anybody logs in; each file appears as a whole, readable by its owner alone.
"""

import base64
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.cosign_flags import warn
from cli.new_file import check_new, write_new
from verifier.bundle import Bundle
from verifier.dsse import Envelope
from verifier.errors import Refused
from verifier.keys import PublicKey

_SUFFIX = ".sigstore.json"
_PIECES = {
    "output": "signature",
    "output_signature": "signature",
    "output_certificate": "certificate",
    "rfc3161_timestamp": "timestamp",
    "rfc3161_timestamp_bundle": "timestamp",
    "output_attestation": "attestation",
}


@dataclass(frozen=True, slots=True)
class Output:
    """The files for one signature; `replaced` are those that exist and may be overwritten.

    `bundle` is empty where none is wanted; `legacy` writes it in cosign's old form.
    """

    bundle: str = ""
    pieces: Mapping[str, str] = field(default_factory=dict)
    legacy: bool = False
    base64: bool = True
    replaced: frozenset[str] = frozenset()

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that will be written."""
        return (*([self.bundle] if self.bundle else []), *self.pieces.values())


def outputs_of(files: Sequence[str], flags: Mapping[str, Any]) -> list[Output]:
    """One output for each file, all of them free to be written; Refused where they are not, or do not pair up."""
    pieces = {kind: flags[name] for name, kind in _PIECES.items() if flags.get(name)}
    legacy = not flags["new_bundle_format"] or (bool(pieces) and not flags["bundle"])
    if not flags["bundle"] and not legacy:
        raise Refused(
            "must specify --bundle with --new-bundle-format",
            code="usage",
            hint="for example --bundle artifact.sigstore.json; with several files one each, or a folder",
        )
    if pieces and len(files) > 1:
        raise Refused("a single signature file is for one file", code="usage", hint="give --bundle for several")
    bundles = _bundles(files, flags["bundle"])
    form = flags.get("b64", True)
    made = [Output(path, pieces, legacy, form) for path in bundles]
    names = [name for one in made for name in one.files]
    if len(set(names)) < len(names):
        raise Refused("two outputs have the same name: one would overwrite the other", code="usage")
    taken = flags["stdin_taken"]
    replaced = frozenset(name for name in names if check_new(name, yes=flags["yes"], stdin_taken=taken))
    return [Output(one.bundle, one.pieces, one.legacy, one.base64, replaced) for one in made]


def write_output(output: Output, bundle: Bundle, key: PublicKey) -> list[str]:
    """Write the files; what to tell the person about them. The signature alone goes to standard output where cosign
    puts it: in the old form, without a file for it."""
    lines: list[str] = []
    for kind, path in output.pieces.items():
        data = _piece(kind, bundle, output)
        if not data:
            warn(f"there is no {kind} to write to {path}")
            continue
        _write(path, data, output)
        lines.append(f"Wrote {kind} to file {path}")
    if output.bundle:
        _write(output.bundle, _old_bundle(bundle, key) if output.legacy else bundle.encode(), output)
        lines.append(f"Wrote bundle to file {output.bundle}")
    if output.legacy and "signature" not in output.pieces:
        data = _piece("signature", bundle, output)
        sys.stdout.buffer.write(data if not output.base64 else data + b"\n")
        sys.stdout.flush()
    return lines


def _bundles(files: Sequence[str], given: Sequence[str]) -> list[str]:
    if not given:
        return [""] * len(files)
    if len(given) == 1 and (len(files) > 1 or given[0].endswith("/")) and _is_folder(given[0]):
        return [str(Path(given[0]) / (Path(name).name + _SUFFIX)) for name in files]
    if len(given) != len(files):
        raise Refused(
            f"{len(files)} files, but {len(given)} bundles",
            code="usage",
            hint="give one --bundle for each file, or a folder that exists",
        )
    return list(given)


def _is_folder(path: str) -> bool:
    return Path(path).is_dir()


def _old_bundle(bundle: Bundle, key: PublicKey) -> bytes:
    from signer.legacy import legacy_bundle

    return legacy_bundle(bundle, key)


def _piece(kind: str, bundle: Bundle, output: Output) -> bytes:
    from signer.legacy import certificate_file, signature_file, timestamp_file

    if kind == "certificate":
        return certificate_file(bundle)
    if kind == "timestamp":
        return timestamp_file(bundle)
    if kind == "attestation":
        return bundle.content.payload if isinstance(bundle.content, Envelope) else b""
    data = signature_file(bundle)
    plain = isinstance(bundle.content, Envelope) or not output.base64
    return data if plain else base64.b64encode(data)


def _write(path: str, data: bytes, output: Output) -> None:
    write_new(path, data, replace=path in output.replaced)
