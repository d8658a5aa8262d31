"""Can every published trust file be read, and do the checkpoints in real bundles open with it?"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from verifier.checkpoint import open_checkpoint
from verifier.errors import Untrue
from verifier.jsonstrict import b64, integer
from verifier.merkle import check_inclusion, hash_leaf
from verifier.note import NoteKey
from verifier.signing_config import SigningConfig, choose_services
from verifier.trust import TrustedLog, TrustedRoot

# Published by the witnesses' operators.
WITNESSES = (
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
    "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G",
)


def trusted(real_data: Path, instance: str) -> TrustedRoot:
    return TrustedRoot.parse((real_data / "trust" / instance / "trusted_root.json").read_bytes())


def test_production(real_data: Path) -> None:
    root = trusted(real_data, "production")
    assert root.problems == ()
    assert [(log.base_url, log.origin, log.key.kind) for log in root.tlogs] == [
        ("https://rekor.sigstore.dev", None, "ecdsa-p256"),
        ("https://log2025-1.rekor.sigstore.dev", "log2025-1.rekor.sigstore.dev", "ed25519"),
    ]
    assert root.tlogs[0].log_id.hex() == "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d"
    assert root.tlogs[1].log_id.hex() == "cf1199155bddd051268d1f16ac5c0c75c009f6fb5a63f4177f8e18d7051e3fa0"
    assert [log.log_id.hex()[:8] for log in root.ctlogs] == ["086092f0", "dd3d306a"]
    assert [len(ca.chain) for ca in root.cas] == [1, 2]
    assert root.cas[0].window.end == datetime(2022, 12, 31, 23, 59, 59, 999000, UTC)
    assert [len(tsa.chain) for tsa in root.tsas] == [2]
    for log in root.ctlogs:
        assert log.log_id == log.key.sha256


def test_staging_with_its_pkcs1_key(real_data: Path) -> None:
    root = trusted(real_data, "staging")
    assert root.problems == ()
    assert [log.origin for log in root.tlogs] == [
        None,
        *(f"log2025-alpha{number}.rekor.sigstage.dev" for number in (1, 2, 3)),
    ]
    assert (root.ctlogs[0].key.kind, root.ctlogs[0].key.bits) == ("rsa", 4096)
    for log in root.ctlogs:
        assert log.log_id == log.key.sha256


def test_every_trusted_root_and_signing_config_reads(real_data: Path) -> None:
    roots = [*real_data.rglob("*trusted_root*.json"), *(real_data / "cosign" / "trust").glob("tr-*.json")]
    configs = [*real_data.rglob("*signing_config*.json"), *(real_data / "cosign" / "trust").glob("sc-*.json")]
    assert len(roots) >= 18
    assert len(configs) >= 14
    for file in roots:
        problems = TrustedRoot.parse(file.read_bytes()).problems
        assert len(problems) == (1 if file.name == "tr-badurl.json" else 0), (file, problems)
    for file in configs:
        SigningConfig.parse(file.read_bytes())


def test_services_of_the_public_instances(real_data: Path) -> None:
    def chosen(name: str, now: datetime, versions: tuple[int, ...] = (1, 2)) -> list[str]:
        config = SigningConfig.parse((real_data / "trust" / name).read_bytes())
        rule = config.rekor_selection
        return [one.url for one in choose_services(config.rekor_tlogs, rule.selector, rule.count, now, versions)]

    now = datetime(2026, 11, 21, tzinfo=UTC)
    v1, v2 = "https://rekor.sigstore.dev", "https://log2025-1.rekor.sigstore.dev"
    assert chosen("production/signing_config.v0.2.json", now) == [v1]
    assert chosen("production/signing_config_rekor_v2.v0.2.json", now) == [v2]
    assert chosen("production/signing_config_rekor_v2.v0.2.json", now, (1,)) == [v1]
    assert chosen("production/signing_config_rekor_v2.v0.2.json", datetime(2025, 12, 31, tzinfo=UTC)) == [v1]
    assert chosen("staging/signing_config.v0.2.json", now) == ["https://log2025-alpha3.rekor.sigstage.dev"]
    switch = datetime(2025, 9, 22, 11, tzinfo=UTC)  # the end of one window and the start of the next: both inside
    assert chosen("staging/signing_config.v0.2.json", switch) == ["https://log2025-alpha3.rekor.sigstage.dev"]


def entries(real_data: Path, instance: str) -> Iterator[dict[str, Any]]:
    for file in sorted((real_data / "bundles" / instance).glob("*.sigstore*")):
        for entry in json.loads(file.read_bytes())["verificationMaterial"]["tlogEntries"]:
            if entry.get("inclusionProof", {}).get("checkpoint"):
                yield entry


def log_of(root: TrustedRoot, entry: dict[str, Any]) -> TrustedLog:
    return next(log for log in root.tlogs if log.log_id == b64(entry["logId"]["keyId"]))


@pytest.mark.parametrize(("instance", "least"), [("production", 10), ("staging", 3)])
def test_checkpoints_and_proofs_in_real_bundles(real_data: Path, instance: str, least: int) -> None:
    root, count = trusted(real_data, instance), 0
    for entry in entries(real_data, instance):
        proof, log = entry["inclusionProof"], log_of(root, entry)
        raw = proof["checkpoint"]["envelope"].encode()
        origin = raw.split(b"\n")[0].decode()
        head = open_checkpoint(raw, [log.note_key(origin)], origin=None)
        assert head.origin == (log.origin or head.origin)
        assert (head.size, head.root) == (integer(proof["treeSize"]), b64(proof["rootHash"]))
        assert (head.time is not None) == (b"\nTimestamp: " in raw)
        hashes = [b64(one) for one in proof.get("hashes", [])]
        leaf = hash_leaf(b64(entry["canonicalizedBody"]))
        check_inclusion(integer(proof.get("logIndex", 0)), head.size, leaf, hashes, head.root)
        with pytest.raises(Untrue):
            open_checkpoint(raw.replace(b"\n", b"0\n", 2), [log.note_key(origin)], origin=None)
        count += 1
    assert count >= least


def test_real_witness_cosignatures(real_data: Path) -> None:
    """The staging log of 2026-05 carries three; the published keys of two of them verify, the third is unknown."""
    root = trusted(real_data, "staging")
    entry = next(one for one in entries(real_data, "staging") if one["logIndex"] == "4026478")
    raw = entry["inclusionProof"]["checkpoint"]["envelope"].encode()
    keys = [NoteKey.from_vkey(vkey) for vkey in WITNESSES]
    log_key = log_of(root, entry).note_key("log2025-alpha3.rekor.sigstage.dev")
    head = open_checkpoint(raw, [log_key, *keys], origin="log2025-alpha3.rekor.sigstage.dev")
    assert [one.name for one in head.cosigned] == [key.name for key in keys]
    assert {one.time for one in head.cosigned} == {datetime.fromtimestamp(0x6A04CFB6, UTC)}
    assert head.signers == (log_key.key_id.hex(),)
    with pytest.raises(Untrue) as caught:
        open_checkpoint(raw, keys, origin=None)
    assert caught.value.code == "checkpoint-unknown-key"
    lines = raw.splitlines(keepends=True)
    bent = next(line for line in lines if b"navigli" in line)
    other = bent.replace(b"AAABqBM", b"AAABqBN")  # another time on the same signature
    assert other != bent
    with pytest.raises(Untrue) as caught:
        open_checkpoint(raw.replace(bent, other), [log_key, *keys], origin=None)
    assert caught.value.code == "checkpoint-signature"
