"""Whom does this command trust: which logs, authorities and timestamp authorities?

In cosign's order (cosign.md 4.3): ``--trusted-root``; nothing, where nothing is needed; single keys and certificates
from flags and ``SIGSTORE_*`` variables; else what TUF delivers, from the cache where we must not ask the network.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cli.inputs import read_input
from verifier.errors import Malformed, Refused
from verifier.keys import PublicKey
from verifier.pem import CERTIFICATE, parse_pem
from verifier.trust import Authority, TrustedLog, TrustedRoot, Window

_EVER = Window(datetime(1970, 1, 1, tzinfo=UTC), None)
NOTHING = TrustedRoot(tlogs=(), ctlogs=(), cas=(), tsas=(), raw=b"")


def trust_of(flags: Mapping[str, Any], *, with_certificate: bool) -> TrustedRoot:
    """The trust root for one command line.

    `with_certificate`: something to be verified has a certificate, so that authorities are needed.
    """
    if flags["trusted_root"]:
        return read_trusted_root(flags["trusted_root"], offline=flags["offline"])
    ignore_logs = flags["insecure_ignore_tlog"] or flags["private_infrastructure"]
    needed = {
        "cas": with_certificate,
        "ctlogs": with_certificate and not flags["insecure_ignore_sct"],
        "tlogs": not ignore_logs,
        "tsas": flags["use_signed_timestamps"],
    }
    own = _own(flags)
    if all(own.get(part) or not wanted for part, wanted in needed.items()):
        return replace(NOTHING, **own)
    return replace(delivered(flags), **own)


def read_trusted_root(reference: str, *, offline: bool) -> TrustedRoot:
    """The trust root in a file; an error names the file, since several are given on one line."""
    data = read_input(reference, offline=offline)
    try:
        return TrustedRoot.parse(data)
    except Malformed as error:
        error.message = f"the trust root {reference} cannot be read: {error.message}"
        raise


def delivered(flags: Mapping[str, Any]) -> TrustedRoot:
    """The trust root of TUF: of the instance chosen by flags or by 'initialize'."""
    from cli.tuf_instance import trusted_root_bytes

    return TrustedRoot.parse(trusted_root_bytes(staging=bool(flags["staging"]), offline=bool(flags["offline"])))


def _own(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The parts that flags and variables replace."""
    own: dict[str, Any] = {}
    offline = bool(flags["offline"])
    chain = flags["certificate_chain"]
    roots = flags["ca_roots"] or os.environ.get("SIGSTORE_ROOT_FILE")
    if chain and (flags["ca_roots"] or flags["ca_intermediates"]):
        raise Refused("--certificate-chain and --ca-roots or --ca-intermediates exclude each other", code="usage")
    if chain:
        own["cas"] = (_authority("ca", _certificates(chain, offline)),)
    elif roots:
        between = _certificates(flags["ca_intermediates"], offline) if flags["ca_intermediates"] else []
        own["cas"] = tuple(_authority("ca", [*between, root]) for root in _certificates(roots, offline))
    for part, variable in (("tlogs", "SIGSTORE_REKOR_PUBLIC_KEY"), ("ctlogs", "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE")):
        path = os.environ.get(variable)
        if path:
            own[part] = (_log("rekor" if part == "tlogs" else "ct", read_input(path, offline=offline)),)
    tsa = flags["timestamp_certificate_chain"] or os.environ.get("SIGSTORE_TSA_CERTIFICATE_FILE")
    if tsa:
        own["tsas"] = (_authority("tsa", _certificates(tsa, offline)),)
    return own


def _certificates(reference: str, offline: bool) -> list[bytes]:
    blocks = parse_pem(read_input(reference, offline=offline))
    if any(block.label != CERTIFICATE for block in blocks):
        raise Malformed(f"{reference} holds something other than certificates", code="trust-certificates")
    return [block.data for block in blocks]


def _authority(kind: Any, chain: Sequence[bytes]) -> Authority:
    return Authority(kind=kind, uri="", chain=tuple(chain), window=_EVER)


def _log(kind: Any, pem: bytes) -> TrustedLog:
    """A log known by its key alone: its ID is the key's hash, as in v1 and in CT."""
    key = PublicKey.from_pem(pem)
    return TrustedLog(
        base_url="",
        log_id=key.sha256,
        key=key,
        window=_EVER,
        hash_algorithm="SHA2_256",
        operator="",
        origin=None,
        kind=kind,
    )
