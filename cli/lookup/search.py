"""Which entries are about this? The index is asked, every hit is fetched, proven, and seen to be what was asked for."""

import base64
import binascii
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cli.app import printable
from cli.inputs import read_input
from cli.lookup.options import Where, open_http
from cli.lookup.query import Query, by_artifact, by_email, by_hash, by_key, by_subject
from cli.lookup.rekor_v1 import RekorV1
from cli.lookup.rekor_v2 import open_shard
from cli.lookup.trust import Proven, Trusted, trusted_logs
from cli.options import note
from verifier.bodies import read_bodies
from verifier.errors import SigwardenError

_MOST = 10_000
"""Hits that are fetched and proven; an index may list any number."""


@dataclass(frozen=True, slots=True)
class Found:
    """One hit: its entry id (v1) or index (v2), and on v1 the proven entry."""

    name: str
    proven: Proven | None = None


def queries(wanted: Mapping[str, str | None]) -> list[Query]:
    """What is looked for, from the options."""
    makers = (("email", by_email), ("subject", by_subject), ("sha", by_hash), ("artifact", by_artifact))
    found = [make(text) for name, make in makers if (text := wanted.get(name))]
    if key := wanted.get("public_key"):
        found.append(by_key(key, wanted.get("pki_format") or "x509"))
    return found


def search_v1(where: Where, wanted: Mapping[str, str | None], operator: str) -> list[Found]:
    """Proven hits of a Rekor v1 server. What it lists and cannot show, or shows as something else, is said."""
    asked = queries(wanted)
    trusted = trusted_logs(where.trusted_root, where.rekor_public_key, staging=where.staging)
    with open_http(where) as http:
        server = RekorV1(http, where.url)
        sets = [_listed(server, one) for one in asked]
        ids = set.intersection(*sets) if operator == "and" else set.union(*sets)
        if len(ids) > _MOST:
            note(f"WARNING: the index lists {len(ids)} entries; only the first {_MOST} are looked at")
        return _shown(server, sorted(ids)[:_MOST], asked, trusted, operator)


def search_v2(where: Where, wanted: Mapping[str, str | None], operator: str, start: int) -> list[Found]:
    """Hits of a proven scan from `start` to the head of a shard."""
    asked = queries(wanted)
    watches = [one.watch for one in asked if one.watch is not None]
    trusted = trusted_logs(where.trusted_root, where.rekor_public_key, staging=where.staging)
    found: list[Found] = []
    with open_http(where) as http:
        shard = open_shard(where.origin or "", where.read_url, trusted, http)
        for at, index, names in shard.search(start, watches):
            _progress(at, shard.head.size)
            enough = len(names) == len(asked) if operator == "and" else bool(names)
            if index >= 0 and enough:
                found.append(Found(str(index)))
    note(f"read and proven: {shard.head.origin} [{start}, {shard.head.size}); nothing outside it was looked at")
    return found


def entries_of_pieces(where: Where, pieces: Mapping[str, str | None]) -> list[Proven]:
    """Proven entries about an artifact, and about exactly this signature and key where they are given."""
    wanted = {"artifact": pieces["artifact"], "sha": pieces["artifact_hash"]}
    if pieces["public_key"]:
        wanted |= {"public_key": pieces["public_key"], "pki_format": pieces["pki_format"]}
    signature = signature_bytes(pieces["signature"]) if pieces["signature"] else None
    hits = [one.proven for one in search_v1(where, wanted, "and") if one.proven is not None]
    return [one for one in hits if signature is None or signature in _signatures(one.entry.body)]


def signature_bytes(reference: str) -> bytes:
    """A signature file: base64 text, or raw bytes."""
    data = read_input(reference, limit=1 << 20)
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return data


def _signatures(body: bytes) -> set[bytes]:
    try:
        return {one.signature for read in read_bodies(body) for one in read.signers if one.signature is not None}
    except SigwardenError:
        return set()


def _listed(server: RekorV1, query: Query) -> set[str]:
    listed: set[str] = set()
    for members in query.members:
        listed |= set(server.index(members))
    return listed


def _shown(server: RekorV1, ids: list[str], asked: Iterable[Query], trusted: Trusted, operator: str) -> list[Found]:
    """The hits that are proven. One listed without being about what was asked is named and left out."""
    found: list[Found] = []
    together = all if operator == "and" else any
    for done, (listed, proven) in enumerate(server.proven(ids, trusted), 1):
        _progress(done, len(ids))
        if isinstance(proven, SigwardenError):
            note(f"WARNING: {listed} is listed and not proven: {printable(proven.message)}")
        elif not together(one.recognises(proven.entry.body) for one in asked):
            note(f"WARNING: {listed} is listed, and shows nothing of what was asked")
        else:
            found.append(Found(proven.entry_id, proven))
    return found


def _progress(done: int, of: int) -> None:
    """How far we are, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {of} " + ("\n" if done == of else ""))
        sys.stderr.flush()
