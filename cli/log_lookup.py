"""Which entry of a Rekor v1 log is about this signature?

Looked up by digest in the log's index, which is no part of the log: what it lists is a claim that the caller proves,
and what it does not list proves nothing.
"""

import hashlib
from dataclasses import replace

from cli.version import VERSION
from verifier.artifact import Artifact
from verifier.binding import check_binding
from verifier.bundle import Bundle
from verifier.dsse import Envelope
from verifier.entry import LogEntry
from verifier.errors import SigwardenError, Untrue
from verifier.fetch.http import Http, HttpPolicy
from verifier.fetch.rekor_lookup import entries_by_hash, entry_by_index
from verifier.holder import Holder

REKOR = "https://rekor.sigstore.dev"


def find_entry(bundle: Bundle, holder: Holder, artifact: Artifact, url: str | None) -> LogEntry:
    """The entry of a Rekor v1 log for exactly this signature, looked up by digest; Untrue if its index shows none."""
    content = bundle.content
    digest = hashlib.sha256(content.payload).digest() if isinstance(content, Envelope) else artifact.digest("sha256")
    with Http(HttpPolicy(user_agent=f"sigwarden/{VERSION}")) as http:
        entries = entries_by_hash(http, url or REKOR, f"sha256:{digest.hex()}")
    for entry in entries:
        try:
            check_binding(entry, bundle, holder, artifact)
        except SigwardenError:
            continue
        return entry
    raise Untrue(
        f"the log's index shows no entry for this signature ({len(entries)} for the artifact)",
        code="log-lookup",
        hint="the index may lag, or the signature was never logged; --ignore-tlog does without",
    )


def proof_of(entry: LogEntry, url: str | None) -> LogEntry:
    """The entry with the inclusion proof that the log gives for it now; Untrue if the log shows another one there."""
    if entry.global_index is None:
        raise Untrue("the entry has no index to look it up by", code="log-lookup")
    with Http(HttpPolicy(user_agent=f"sigwarden/{VERSION}")) as http:
        found = entry_by_index(http, url or REKOR, entry.global_index)
    if (found.body, found.log_id) != (entry.body, entry.log_id):
        raise Untrue("the log shows another entry at that index", code="log-lookup")
    return replace(entry, proof=found.proof, index=found.index)
