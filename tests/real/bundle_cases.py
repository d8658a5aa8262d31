"""Real bundles with all that verifies them, and every way to change one thing about them."""

import base64
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from verifier.artifact import Artifact
from verifier.bundle import Bundle
from verifier.certificate import read_identity
from verifier.keys import PublicKey
from verifier.policy import Policy
from verifier.trust import TrustedRoot
from verifier.verification import Verified, verify

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class BundleCase:
    """A bundle (decoded JSON) that verifies for this artifact with this trust and policy."""

    name: str
    bundle: Any
    artifact: Artifact
    trust: Any
    policy: Policy

    def verify(self) -> Verified:
        """Parse all of it anew and verify."""
        data = json.dumps(self.bundle).encode()
        trust = TrustedRoot.parse(json.dumps(self.trust).encode())
        return verify(Bundle.parse(data), self.artifact, trust, self.policy)


def public_cases(real_data: Path) -> list[BundleCase]:
    """The bundles of the public instances."""
    trust = {name: _json(real_data / "trust" / name / "trusted_root.json") for name in ("production", "staging")}
    folder = real_data / "bundles" / "production"
    cases = [
        BundleCase(
            one["bundle"],
            _json(folder / one["bundle"]),
            Artifact.from_digest(one["artifact"]),
            trust["production"],
            Policy.identity(one["identity"], one["issuer"]),
        )
        for one in _json(folder / "index.json")
    ]
    wheel = folder / "bundle_v3_github.whl"
    cases.append(_own(f"{wheel}.sigstore", Artifact.of(wheel.read_bytes()), trust["production"]))
    staging = real_data / "bundles" / "staging"
    for name, suffix in (
        ("bundle.txt", ".sigstore"),
        ("bundle_v3.txt", ".sigstore"),
        ("staging-rekor-v2.txt", ".sigstore.json"),
    ):
        artifact = Artifact.of((staging / name).read_bytes())
        cases.append(_own(f"{staging / name}{suffix}", artifact, trust["staging"]))
    # Its statement is about another file, of which only the digest is known.
    subject = Artifact.from_digest("sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf")
    cases.append(_own(f"{staging}/a.dsse.staging-rekor-v2.txt.sigstore.json", subject, trust["staging"]))
    return cases


def cosign_cases(real_data: Path) -> list[BundleCase]:
    """Bundles by the real cosign: managed keys, both logs, other algorithms, attestations."""
    folder = real_data / "cosign"
    trust = _json(folder / "trust" / "trusted_root.json")
    hello = Artifact.of((folder / "blobs" / "hello.txt").read_bytes())
    keyed = (
        ("key-log", "cosign"),
        ("key-rekorv1", "cosign"),
        ("key-p384-log", "import-p384"),
        ("key-rsa2048-log", "import-rsa2048"),
    )
    cases = [
        BundleCase(name, _json(folder / "bundles" / f"{name}.sigstore.json"), hello, trust, _key(folder, key))
        for name, key in keyed
    ]
    cases += [
        BundleCase(name, _json(folder / "bundles" / f"{name}.json"), hello, trust, _key(folder, "cosign"))
        for name in ("att-key-log", "att-key-rekorv1")
    ]
    keyless = (
        "keyless-email.sigstore",
        "keyless-gha.sigstore",
        "keyless-rekorv1.sigstore",
        "keyless-rekorv1-tsa.sigstore",
        "keyless-alg-ecdsa-sha2-384-nistp384.sigstore",
        "att-keyless",
        "att-keyless-rekorv1",
    )
    return cases + [_own(f"{folder}/bundles/{name}.json", hello, trust) for name in keyless]


def _key(folder: Path, name: str) -> Policy:
    return Policy.public_key(PublicKey.from_pem((folder / "keys" / f"{name}.pub").read_bytes()))


def _own(path: str, artifact: Artifact, trust: Any) -> BundleCase:
    """A case whose policy is the identity that its certificate says."""
    bundle = _json(Path(path))
    leaf = Bundle.parse(json.dumps(bundle).encode()).leaf
    assert leaf is not None
    identity = read_identity(leaf)
    return BundleCase(
        Path(path).name, bundle, artifact, trust, Policy.identity(identity.names[0].value, identity.issuer or "")
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def leaves(value: Any, at: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every scalar in a JSON value, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from leaves(inner, (*at, position))
    else:
        yield at, value


def members(value: Any, at: Path_ = ()) -> Iterator[Path_]:
    """Every member and element, with its path."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*at, key)
        yield from members(inner, (*at, key))


def with_value(case: BundleCase, at: Path_, value: Any) -> BundleCase:
    """The case with one value of the bundle replaced."""
    changed = copy.deepcopy(case.bundle)
    _parent(changed, at)[at[-1]] = value
    return replace(case, bundle=changed)


def without(case: BundleCase, at: Path_) -> BundleCase:
    """The case with one member of the bundle left out."""
    changed = copy.deepcopy(case.bundle)
    del _parent(changed, at)[at[-1]]
    return replace(case, bundle=changed)


def _parent(value: Any, at: Path_) -> Any:
    for key in at[:-1]:
        value = value[key]
    return value


def flipped(value: Any) -> Iterator[Any]:
    """Other values of the same shape: one bit of the first, middle or last byte of base64, a neighbouring number."""
    if isinstance(value, bool) or value is None:
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, str) and value.isdecimal():
        yield str(int(value) + 1)
        yield str(max(0, int(value) - 1)) if int(value) else "2"
    elif isinstance(value, str):
        yield from _flipped_text(value)


def _flipped_text(value: str) -> Iterator[str]:
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        data = b""
    if len(data) < 16:
        yield value + "x"
        yield value[:-1]
        return
    for place in (0, len(data) // 2, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        yield base64.b64encode(changed).decode()
