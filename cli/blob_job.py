"""What is one file's verification, and how did it go?

A job is an artifact, and where its signature is: a bundle of any format, or detached files from before bundles. Jobs
of one command line share the trust root and the policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.inputs import read_artifact, read_input
from verifier.artifact import Artifact
from verifier.bundle import LEGACY, Bundle
from verifier.errors import Malformed, Refused, SigwardenError
from verifier.legacy import from_pieces, read_bundle, read_certificate, read_timestamp
from verifier.pem import parse_pem
from verifier.policy import Policy
from verifier.signature import needs
from verifier.trust import TrustedRoot
from verifier.verification import Verified, verify

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
    """One artifact (a path, ``-``, URL or digest) and its signature."""

    name: str
    bundle: Bundle


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: the proof, or the error that names the failing check; with the artifact where it was read."""

    name: str
    bundle: Bundle
    artifact: Artifact | None
    verified: Verified | None
    error: SigwardenError | None


def jobs_of(files: tuple[str, ...], flags: Mapping[str, Any]) -> list[Job]:
    """The jobs of one command line; Refused where files and bundles do not pair up."""
    if not files:
        raise Refused("which file? give it, its sha256:<digest>, or - for standard input", code="usage")
    given: tuple[str, ...] = flags["bundle"]
    if given and len(given) != len(files):
        raise Refused(f"{len(files)} files, but {len(given)} bundles: give one --bundle a file", code="usage")
    if not given and _has_pieces(flags):
        if len(files) > 1:
            raise Refused("a detached signature is of one file", code="usage")
        return [Job(files[0], _from_pieces(flags))]
    paths = given or tuple(_beside(name) for name in files)
    return [Job(name, _from_bundle(path, flags)) for name, path in zip(files, paths, strict=True)]


def run(job: Job, trust: TrustedRoot, policy: Policy, *, offline: bool) -> Outcome:
    """Read the artifact once and verify it; never raises our errors, so that one bad file does not hide the others."""
    artifact: Artifact | None = None
    try:
        artifact = read_artifact(job.name, needs(job.bundle, policy.key), offline=offline)
        verified = verify(job.bundle, artifact, trust, policy)
    except SigwardenError as error:
        return Outcome(job.name, job.bundle, artifact, None, error)
    return Outcome(job.name, job.bundle, artifact, verified, None)


def run_all(jobs: list[Job], trust: TrustedRoot, policy: Policy, flags: Mapping[str, Any]) -> list[Outcome]:
    """Every job, several at a time where there are several; outcomes in the order of the jobs."""
    offline: bool = flags["offline"]
    if len(jobs) == 1:
        return [run(jobs[0], trust, policy, offline=offline)]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=min(flags["max_workers"], len(jobs))) as pool:
        return list(pool.map(lambda job: run(job, trust, policy, offline=offline), jobs))


def _has_pieces(flags: Mapping[str, Any]) -> bool:
    return bool(flags["signature"] or flags["certificate"])


def _beside(name: str) -> str:
    """The bundle next to a file."""
    for suffix in SUFFIXES:
        if Path(name + suffix).is_file():
            return name + suffix
    raise Refused(
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
    """A legacy bundle with the pieces that it left out, from files."""
    from dataclasses import replace

    _check_timestamp_flags(flags)
    if flags["certificate"] and not bundle.certificates:
        bundle = replace(bundle, certificates=(read_certificate(read_input(flags["certificate"])),))
    return replace(bundle, timestamps=_timestamps(flags))


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
