"""What is said about the artifact? In-toto statements to be signed.

Made from a predicate as cosign makes them (cosign.md 2.6: still ``Statement/v0.1``), or taken whole from a file.
"""

from datetime import datetime

from signer.predicates import encode, predicate_of
from verifier.dsse import IN_TOTO, MAX_PAYLOAD, Envelope, Statement, parse_statement
from verifier.errors import Malformed

_TYPE = "https://in-toto.io/Statement/v0.1"


def make_statement(subject: tuple[str, str], kind: str, predicate: bytes, now: datetime) -> bytes:
    """The JSON of a statement: `subject` is (name, SHA-256 in hex), `kind` a short name or a URI.

    Raises Malformed where the predicate is not of its type, or larger than verifiers read.
    """
    name, digest = subject
    uri, value = predicate_of(kind, predicate, now)
    document = {
        "_type": _TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}}],
        "predicateType": uri,
        "predicate": value,
    }
    return _sized(encode(document))


def read_statement(data: bytes) -> tuple[bytes, Statement]:
    """(payload, its reading) of a statement from a file; its bytes are signed as they are. Malformed otherwise."""
    payload = _sized(data.strip())
    return payload, parse_statement(Envelope(payload, IN_TOTO, b"\0"))


def _sized(payload: bytes) -> bytes:
    if len(payload) > MAX_PAYLOAD:
        raise Malformed(
            f"the statement has {len(payload)} bytes, more than the {MAX_PAYLOAD} that verifiers read", code="statement"
        )
    return payload
