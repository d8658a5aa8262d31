"""Real certificates chain to their own authority and no other, and carry timestamps by its log."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from tests.real.verifier.records import final_certificates, lines, v1_entries, v2_bodies
from verifier.bodies import read_body
from verifier.chain import check_chain
from verifier.entry import entry_from_rest
from verifier.errors import SigwardenError
from verifier.identity import read_identity
from verifier.sct import check_sct, embedded_scts
from verifier.trust import TrustedRoot

# Labels of the CT corpus whose certificates no chain may accept, with the reason.
REFUSED = {
    "validity in 1999": "certificate-time",
    "validity in 2060 (GeneralizedTime)": "certificate-time",
    "notAfter before notBefore": "certificate-time",
    "serial 0": "certificate",
    "negative serial": "certificate",
    "same extension twice (.8)": "certificate-purpose",
}


def root_of(path: Path) -> TrustedRoot:
    return TrustedRoot.parse(path.read_bytes())


def verdict(leaf: bytes, trust: TrustedRoot, at: datetime | None) -> str:
    """`trusted`, `trusted without timestamp`, or the code of the refusal."""
    assert at is not None
    try:
        chain = check_chain(leaf, trust.cas, at)
    except SigwardenError as error:
        return error.code
    try:
        check_sct(leaf, chain[1], trust.ctlogs)
    except SigwardenError:
        return "trusted without timestamp"
    return "trusted"


def test_every_rekor_v2_certificate(real_data: Path) -> None:
    folder = real_data / "logs" / "rekor-v2"
    own = root_of(folder / "trusted_root.json")
    public = [root_of(real_data / "trust" / name / "trusted_root.json") for name in ("production", "staging")]
    about = json.loads((folder / "entries.json").read_bytes())
    real = {*about["real_entries"], 3101}  # 3101 repeats leaf 5
    labels = {facts["index"]: facts["label"] for facts in about["entries"]}
    told: Counter[str] = Counter()
    for index, data in enumerate(v2_bodies(folder)):
        (signer,) = read_body(data).signers
        if signer.kind != "certificate":
            continue
        at = read_identity(signer.der).not_before
        if index in real:
            found = {verdict(signer.der, trust, at) for trust in public}
            told["real trusted" if "trusted" in found else f"real {labels.get(index)}"] += 1
            assert verdict(signer.der, own, at).startswith("certificate-")
        elif (found_own := verdict(signer.der, own, at)) != "trusted":
            told[f"{labels[index]}: {found_own}"] += 1
    assert told == {
        "real trusted": 545,
        "real sigstore-conformance bundle-with-sct-with-extensions": 1,  # has a private CA
        "watched e-mail, rogue CA: certificate-chain": 1,
        "watched e-mail, self-signed: certificate-chain": 1,
        "watched e-mail, expired (1999): certificate-time": 1,
        "watched e-mail, far future (2060, GeneralizedTime): certificate-time": 1,
        "watched e-mail, no SCT: trusted without timestamp": 1,
    }


def test_every_rekor_v1_certificate(real_data: Path) -> None:
    folder = real_data / "logs" / "rekor-v1"
    own, public = (
        root_of(folder / "trusted_root.json"),
        root_of(real_data / "trust" / "production" / "trusted_root.json"),
    )
    told: Counter[tuple[str, str]] = Counter()
    for (entry_id, value), facts in zip(v1_entries(folder), lines(folder / "manifest.jsonl"), strict=True):
        is_public = facts["source"].startswith("public")
        if not is_public and "ca" not in facts:
            continue
        for signer in read_body(entry_from_rest(entry_id, value).body).signers:
            if signer.kind != "certificate":
                continue
            at = read_identity(signer.der).not_before
            assert at is not None
            try:
                check_chain(signer.der, (public if is_public else own).cas, at, signer.chain)
                told["public" if is_public else facts["ca"], "trusted"] += 1
            except SigwardenError as error:
                told["public" if is_public else facts["ca"], error.code] += 1
    assert {key for key in told if key[0] in ("other", "self")} == {
        ("other", "certificate-chain"),
        ("self", "certificate-chain"),
    }
    assert told["public", "trusted"] == 892
    assert sum(count for key, count in told.items() if key[0] == "public") == 892
    assert told["main", "trusted"] > 400


@pytest.mark.parametrize("log", ["ct-rfc6962", "ct-static"])
def test_every_certificate_of_a_ct_log(real_data: Path, log: str) -> None:
    folder = real_data / "logs" / log
    trust = root_of(folder / "trusted_root.json")
    labels = {one["index"]: one.get("label", "") for one in lines(folder / "manifest.jsonl")}
    for index, leaf in final_certificates(folder):
        at = read_identity(leaf).not_before
        assert at is not None
        try:
            chain = check_chain(leaf, trust.cas, at)
            assert labels[index] not in REFUSED
        except SigwardenError as error:
            assert REFUSED.get(labels[index]) == error.code, labels[index]
            chain = (leaf, *trust.cas[0].chain)
        assert len(check_sct(leaf, chain[1], trust.ctlogs)) == len(embedded_scts(leaf)) >= 1
