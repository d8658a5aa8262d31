"""Certificates of two real CT logs and two Rekor logs: read whole, by both readers alike."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from tests.real.verifier.records import Facts, final_certificates, lines
from verifier.identity import read_identity, read_tbs_identity
from verifier.names import Name
from verifier.quick import quick_identity
from verifier.sct import precert_tbs

LOGS = ["ct-rfc6962", "ct-static"]


def check_name(name: Name, known: Facts) -> None:
    value = known["value"]
    if isinstance(value, dict):
        assert name.raw.hex() == value["hex"] or name.raw.hex().endswith(value["hex"])
    elif known["type"] in ("ip", "otherName", "othername"):
        assert name.raw.hex().endswith(value) or name.value == value
    elif "length" in known:
        assert name.value.startswith(value.removesuffix("..."))
        assert len(name.value) == known["length"]
    else:
        assert name.value == value


@pytest.mark.parametrize("log", LOGS)
def test_every_certificate(real_data: Path, log: str) -> None:
    manifest = {one["index"]: one for one in lines(real_data / "logs" / log / "manifest.jsonl")}
    anomalies: Counter[str] = Counter()
    for index, der in final_certificates(real_data / "logs" / log):
        identity, facts = read_identity(der), manifest[index]
        assert hashlib.sha256(der).hexdigest() == facts["finalSha256"]
        known = facts["issuer"]
        assert identity.issuer == (known["notUTF8String"] if isinstance(known, dict) else known)
        for name, known in zip(identity.names, facts["san"] or [], strict=False):
            check_name(name, known)
        assert len(identity.names) >= min(len(facts["san"] or []), 20)
        bare = read_tbs_identity(precert_tbs(der))
        assert (bare.names, bare.issuer, bare.extensions) == (identity.names, identity.issuer, identity.extensions)
        anomalies.update(identity.anomalies)
    assert anomalies["issuer-mismatch"] == 1
    assert anomalies["no-san"] == 1


@pytest.mark.parametrize("log", LOGS)
def test_the_fast_reader_agrees(real_data: Path, log: str) -> None:
    certificates = final_certificates(real_data / "logs" / log)
    answered = 0
    for _, der in certificates:
        quick = quick_identity(der)
        if quick is None:
            continue
        identity = read_identity(der)
        assert (quick.names, quick.issuer) == (identity.names, identity.issuer)
        extensions = quick.extensions()
        assert extensions is None or extensions == identity.extensions
        answered += 1
    assert answered > 0.98 * len(certificates)
