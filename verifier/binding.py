"""Is this log entry about this signature, and nothing else?

The check whose absence was CVE-2022-36056 and GHSA-whqx-f9j3-ch6m (protocol.md T1, T5): signature, signer and digest
in the logged body must be those of the bundle and of the artifact. An entry proven to be in a log says nothing about
a bundle that merely carries it.
"""

from verifier.artifact import Artifact
from verifier.bundle import Bundle
from verifier.entry_json import LogEntry
from verifier.expected_body import expected_bodies
from verifier.holder import Holder


def check_binding(entry: LogEntry, bundle: Bundle, holder: Holder, artifact: Artifact) -> None:
    """Raise Untrue or Malformed unless the entry is about this signature by this signer over this content.

    Rebuilt and compared where that is possible: then not a byte of it is left to interpret. Otherwise it is parsed.
    """
    for expected in expected_bodies((entry.kind, entry.version), bundle, holder, artifact):
        if expected == entry.body:
            return
    from verifier.parsed_body import check_parsed_body

    check_parsed_body(entry, bundle, holder, artifact)
