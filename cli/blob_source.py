"""Where is the signature of each file: in a bundle, beside it, or in detached files from before bundles?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cli.inputs import STDIN, read_input
from verifier.bundle import LEGACY, Bundle
from verifier.errors import Malformed, Refused, SigwardenError, Untrue
from verifier.legacy import from_pieces, read_bundle, read_certificate, read_content, read_timestamp
from verifier.pem import parse_pem

# Where a bundle is looked for beside its artifact (client-spec 4.1.1).
SUFFIXES = (".sigstore.json", ".sigstore")
_ONLY_LEGACY = {
    "signature": "a detached signature may not be provided using --signature",
    "certificate": "a certificate may not be provided using --certificate",
    "certificate_chain": "a certificate chain may not be provided using --certificate-chain",
    "ca_roots": "CA roots may not be provided using --ca-roots",
    "ca_intermediates": "CA intermediates may not be provided using --ca-intermediates",
    "sct": "an SCT may not be provided using --sct",
    "rfc3161_timestamp": "RFC3161 timestamp may not be provided using --rfc3161-timestamp",
    "timestamp_certificate_chain": "TSA certificates may not be provided using --timestamp-certificate-chain",
}


@dataclass(frozen=True, slots=True)
class Job:
    """One artifact (a path, ``-``, URL or digest) and the path of its bundle.

    The path is empty for detached files, and None where no bundle was found beside the file.
    """

    name: str
    bundle: str | None


def jobs_of(files: tuple[str, ...], flags: Mapping[str, Any]) -> list[Job]:
    """The jobs of one command line; Refused where files and bundles do not pair up."""
    if not files:
        raise Refused("which file? give it, its sha256:<digest>, or - for standard input", code="usage")
    if [*files, *flags["bundle"]].count(STDIN) > 1:
        raise Refused("standard input can be read once: - stands for one file or one bundle", code="usage")
    given: tuple[str, ...] = flags["bundle"]
    if given and len(given) != len(files):
        raise Refused(f"{len(files)} files, but {len(given)} bundles: give one --bundle a file", code="usage")
    if not given and _has_pieces(flags):
        if len(files) > 1:
            raise Refused("a detached signature is of one file", code="usage")
        return [Job(files[0], "")]
    paths: tuple[str | None, ...] = given or tuple(_beside(name) for name in files)
    if paths == (None,):
        raise _no_bundle(files[0])  # at once, before anything is fetched; of many files each gets its own result
    return [Job(name, path) for name, path in zip(files, paths, strict=True)]


def bundle_of(job: Job, flags: Mapping[str, Any]) -> Bundle:
    """The bundle of a job, read now."""
    if job.bundle is None:
        raise _no_bundle(job.name)
    return _from_bundle(job.bundle, flags) if job.bundle else _from_pieces(flags)


def _has_pieces(flags: Mapping[str, Any]) -> bool:
    return bool(flags["signature"] or flags["certificate"])


def _beside(name: str) -> str | None:
    """The bundle next to a file, None if there is none."""
    return next((name + suffix for suffix in SUFFIXES if Path(name + suffix).is_file()), None)


def _no_bundle(name: str) -> Refused:
    return Refused(
        f"there is no bundle for {name}: give --bundle, or --signature for a detached one",
        code="bundle-missing",
        hint=f"{name}{SUFFIXES[0]} and {name}{SUFFIXES[1]} were looked for",
    )


def _from_bundle(path: str, flags: Mapping[str, Any]) -> Bundle:
    data = read_input(path, offline=flags["offline"])
    try:
        bundle = read_bundle(data, allow_chain=flags["allow_certificate_chain"])
    except SigwardenError as error:
        error.message = f"the bundle {path} cannot be read: {error.message}"
        raise
    if bundle.version == LEGACY:
        return _completed(bundle, flags)
    for name, message in _ONLY_LEGACY.items():
        if flags[name]:
            raise Refused(f"unsupported: {message} when using --new-bundle-format", code="usage")
    return bundle


def _completed(bundle: Bundle, flags: Mapping[str, Any]) -> Bundle:
    """A legacy bundle with the pieces that it left out, from files; a piece that it has must be the same."""
    _check_timestamp_flags(flags)
    if flags["certificate"]:
        certificate = read_certificate(read_input(flags["certificate"], offline=flags["offline"]))
        if bundle.leaf not in (None, certificate):
            raise _contradiction("certificate")
        bundle = replace(bundle, certificates=(certificate,))
    if flags["signature"]:
        signature = read_content(_signature_bytes(flags["signature"], offline=flags["offline"]))
        if signature.signature != bundle.signature:
            raise _contradiction("signature")
    sct = read_input(flags["sct"], offline=flags["offline"]) if flags["sct"] else None
    return replace(bundle, timestamps=_timestamps(flags), detached_sct=sct)


def _contradiction(what: str) -> Untrue:
    """A file that says something else than the bundle: ignoring either is how CVE-2022-36056 came about."""
    return Untrue(
        f"the {what} given with --{what} is not the one in the bundle",
        code="pieces-differ",
        hint=f"leave out --{what}, or give the bundle that belongs to it",
    )


def _from_pieces(flags: Mapping[str, Any]) -> Bundle:
    if not flags["signature"]:
        raise Refused("--certificate needs --signature, or a bundle", code="usage")
    if flags["certificate"] and flags["key"]:
        raise Refused("--key and --certificate exclude each other", code="usage")
    _check_timestamp_flags(flags)
    offline = flags["offline"]
    certificate = read_input(flags["certificate"], offline=offline) if flags["certificate"] else None
    chain = parse_pem(read_input(flags["certificate_chain"], offline=offline)) if flags["certificate_chain"] else ()
    return from_pieces(
        _signature_bytes(flags["signature"], offline=offline),
        certificate=certificate,
        chain=[block.data for block in chain] if certificate else (),
        timestamps=_timestamps(flags),
        sct=read_input(flags["sct"], offline=offline) if flags["sct"] else None,
    )


def _signature_bytes(reference: str, *, offline: bool) -> bytes:
    """A file, or the base64 text itself (as cosign 1.x took it)."""
    try:
        return read_input(reference, offline=offline)
    except Refused:
        if Path(reference).suffix or len(reference) < 64:
            raise
        return reference.encode()


def _timestamps(flags: Mapping[str, Any]) -> tuple[bytes, ...]:
    path = flags["rfc3161_timestamp"]
    return (read_timestamp(read_input(path, offline=flags["offline"])),) if path else ()


def _check_timestamp_flags(flags: Mapping[str, Any]) -> None:
    """Cosign's rule: a detached timestamp and the demand for one go together."""
    demanded = flags["use_signed_timestamps"] or flags["timestamp_certificate_chain"]
    if flags["rfc3161_timestamp"] and not demanded:
        raise Refused("--rfc3161-timestamp needs --use-signed-timestamps", code="usage")
    if demanded and not flags["rfc3161_timestamp"]:
        raise Malformed("--use-signed-timestamps needs --rfc3161-timestamp for a format without one", code="usage")
