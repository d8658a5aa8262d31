"""Does anything but a clean refusal come out, whatever goes in?

    python -m tests.fuzz.verify --data FOLDER [--seconds 3600] [--seed 1] [--out FOLDER]

FOLDER is the real data. Bundles, trust roots, timestamps, certificates, checkpoints and keys are bent as bytes, as JSON
and as DER inside base64, then parsed and verified. Two things are wrong: an error that is not ours, and a bent bundle
that verifies although it does not read the same. Each is saved, with the seed that made it.
"""

import argparse
import base64
import copy
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.real.bundle_cases import BundleCase, cosign_cases, leaves, public_cases
from verifier.bundle import Bundle
from verifier.chain import check_chain
from verifier.checkpoint import read_checkpoint
from verifier.dsse import Envelope, parse_statement
from verifier.errors import SigwardenError
from verifier.identity import read_identity
from verifier.keys import PublicKey
from verifier.legacy import read_bundle, read_certificate, read_content, read_timestamp
from verifier.rfc5280 import card
from verifier.sct import embedded_scts
from verifier.timestamp_token import parse_timestamp
from verifier.trust import TrustedRoot
from verifier.verification import verify

_WORDS = (
    b"",
    b"\x00",
    b"\xff" * 9,
    b"null",
    b'""',
    b"[]",
    b"{}",
    b"-1",
    b"1e999",
    b'"\\ud800"',
    b"99999999999999999999",
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**63,
    2**64,
    1.5,
    "",
    "0",
    "-0",
    "AA==",
    "\x00",
    [],
    {},
    [[]],
    {"a": {}},
)


@dataclass
class Wrong(Exception):
    """What must not happen: why, and the bytes that did it."""

    why: str
    data: bytes


def bent(data: bytes, dice: random.Random) -> bytes:
    """The bytes with a few of them flipped, cut, doubled or replaced."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        place = dice.randrange(len(changed) + 1)
        what = dice.randrange(5)
        if what == 0 and changed:
            changed[place % len(changed)] ^= 1 << dice.randrange(8)
        elif what == 1:
            del changed[place : place + dice.choice((1, 2, 16, 400))]
        elif what == 2:
            changed[place:place] = dice.choice(_WORDS)
        elif what == 3:
            changed[place:place] = changed[place : place + dice.randrange(64)]
        elif changed:
            changed[place % len(changed)] = dice.randrange(256)
    return bytes(changed)


def bent_json(value: Any, dice: random.Random) -> Any:
    """The value with one of its scalars replaced, or bent inside its base64."""
    changed = copy.deepcopy(value)
    at, old = dice.choice(list(leaves(changed)))
    parent = changed
    for key in at[:-1]:
        parent = parent[key]
    try:
        inner = base64.b64decode(old, validate=True) if isinstance(old, str) and dice.random() < 0.8 else b""
    except ValueError:
        inner = b""
    parent[at[-1]] = base64.b64encode(bent(inner, dice)).decode() if inner else dice.choice(_VALUES)
    return changed


def targets(cases: list[BundleCase]) -> Iterator[tuple[str, bytes, Callable[[bytes], object]]]:
    """Every parser with real bytes for it."""
    for case in cases:
        bundle = Bundle.parse(json.dumps(case.bundle).encode())
        trust = TrustedRoot.parse(json.dumps(case.trust).encode())
        for stamp in bundle.timestamps:
            yield "timestamp", stamp, parse_timestamp
            yield "timestamp file", stamp, read_timestamp
        for entry in bundle.entries:
            if entry.proof:
                yield "checkpoint", entry.proof.checkpoint, read_checkpoint
        if bundle.leaf is not None:
            yield "identity", bundle.leaf, read_identity
            yield "card", bundle.leaf, card
            yield "scts", bundle.leaf, embedded_scts
            yield "certificate file", bundle.leaf, read_certificate
            yield "chain", bundle.leaf, partial(_chain, trust)
        if isinstance(bundle.content, Envelope):
            yield "statement", bundle.content.payload, partial(_statement, bundle.content)
        yield "signature file", bundle.signature, read_content
    for case in cases[:1] + cases[-1:]:
        yield "trust root", json.dumps(case.trust).encode(), TrustedRoot.parse
        for log in TrustedRoot.parse(json.dumps(case.trust).encode()).tlogs:
            yield "key", log.key.der, PublicKey.from_der
            yield "key file", log.key.pem, PublicKey.from_pem


def _chain(trust: TrustedRoot, data: bytes) -> object:
    time = read_identity(data).not_before
    return check_chain(data, trust.cas, time) if time is not None else None


def _statement(envelope: Envelope, data: bytes) -> object:
    return parse_statement(replace(envelope, payload=data))


def try_bundle(case: BundleCase, dice: random.Random) -> str:
    """One bent bundle, by bytes or by value: "refused", or "same" if it reads as before."""
    if dice.random() < 0.5:
        data = json.dumps(bent_json(case.bundle, dice)).encode()
    else:
        data = bent(json.dumps(case.bundle).encode(), dice)
    trust = TrustedRoot.parse(json.dumps(case.trust).encode())
    try:
        bundle = read_bundle(data)
        verify(bundle, case.artifact, trust, case.policy)
    except SigwardenError:
        return "refused"
    except Exception as error:
        raise Wrong(f"{type(error).__name__}: {error}", data) from error
    original = Bundle.parse(json.dumps(case.bundle).encode())
    if replace(bundle, key_hint="") != replace(original, key_hint="") and _matters(bundle, original):
        raise Wrong("a bent bundle verified", data)
    return "same"


def _matters(bundle: Bundle, original: Bundle) -> bool:
    """Whether more than parts that need not be there differ: a further stamp, a proof in 0.1, the media type."""
    same = (bundle.content, bundle.certificates, len(bundle.entries)) == (
        original.content,
        original.certificates,
        len(original.entries),
    )
    bodies = [entry.body for entry in bundle.entries] == [entry.body for entry in original.entries]
    return not (same and bodies)


def try_parser(name: str, data: bytes, parse: Callable[[bytes], object], dice: random.Random) -> str:
    changed = bent(data, dice)
    try:
        parse(changed)
    except SigwardenError:
        return f"{name}: refused"
    except Exception as error:
        raise Wrong(f"{name}: {type(error).__name__}: {error}", changed) from error
    return f"{name}: read"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    given = parser.parse_args()
    cases = public_cases(given.data) + cosign_cases(given.data)
    parsers = list(targets(cases))
    dice, counts, wrong = random.Random(given.seed), Counter[str](), 0
    end = time.monotonic() + given.seconds
    while time.monotonic() < end:
        try:
            if dice.random() < 0.4:
                counts[f"bundle: {try_bundle(dice.choice(cases), dice)}"] += 1
            else:
                counts[try_parser(*dice.choice(parsers), dice)] += 1
        except Wrong as found:
            wrong += 1
            given.out.mkdir(parents=True, exist_ok=True)
            (given.out / f"{given.seed}-{wrong}.bin").write_bytes(found.data)
            sys.stdout.write(f"WRONG: {found.why}\n")
    for name, count in sorted(counts.items()):
        sys.stdout.write(f"{count:9} {name}\n")
    sys.stdout.write(f"{sum(counts.values())} tries, {wrong} wrong\n")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
