"""What does Rekor v1's search index find: best effort, unauthenticated, unordered?"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from cryptography import x509

from sandbox.instance import Instance, tree_id_of
from sandbox.rekor_v1_replies import error, json_reply, parameter_error
from sandbox.wire import Reply, Request

_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_FORMATS = ("pgp", "x509", "minisign", "ssh", "tuf")
_PREFIX = {40: "sha1:", 64: "sha256:", 96: "sha384:", 128: "sha512:"}


class Index:
    """Keys to entryIDs; learns new entries when it is asked."""

    def __init__(self) -> None:
        self._ids: dict[str, list[str]] = {}
        self._known: dict[int, int] = {}

    def find(self, log: Instance, key: str) -> list[str]:
        """The entryIDs under a key, lower-cased as Redis keeps them."""
        for number, shard in enumerate(log.shards):
            for index in range(self._known.get(number, 0), shard.size):
                name = f"{tree_id_of(shard):016x}{shard.tree.node(0, index).hex()}"
                for one in set(keys_of(shard.bodies[index])):
                    self._ids.setdefault(one.lower(), []).append(name)
            self._known[number] = shard.size
        return self._ids.get(key.lower(), [])


def keys_of(body: bytes) -> Iterator[str]:
    """The index keys that the real server writes for hashedrekord, dsse and intoto; none for what it cannot read."""
    try:
        parsed = json.loads(body)
        yield from _KINDS.get(parsed["kind"], _nothing)(parsed["spec"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return


def _nothing(_spec: dict[str, Any]) -> Iterator[str]:
    return iter(())


def _hashedrekord(spec: dict[str, Any]) -> Iterator[str]:
    pem = base64.b64decode(spec["signature"]["publicKey"]["content"])
    yield hashlib.sha256(pem).hexdigest()
    yield from _names(pem)
    yield "{algorithm}:{value}".format(**spec["data"]["hash"])


def _dsse(spec: dict[str, Any]) -> Iterator[str]:
    for row in spec["signatures"]:
        pem = base64.b64decode(row["verifier"])
        yield "sha256:" + hashlib.sha256(pem).hexdigest()
        yield from _names(pem)
    yield "{algorithm}:{value}".format(**spec["payloadHash"])
    yield "{algorithm}:{value}".format(**spec["envelopeHash"])


def _intoto(spec: dict[str, Any]) -> Iterator[str]:
    envelope = spec["content"].get("envelope", {})
    keys = [spec["publicKey"]] if "publicKey" in spec else [row["publicKey"] for row in envelope["signatures"]]
    for key in keys:
        pem = base64.b64decode(key)
        yield "sha256:" + hashlib.sha256(pem).hexdigest()
        yield from _names(pem)
    yield "{algorithm}:{value}".format(**spec["content"]["payloadHash"])


_KINDS = {"hashedrekord": _hashedrekord, "dsse": _dsse, "intoto": _intoto}


def _names(pem: bytes) -> Iterator[str]:
    if b"CERTIFICATE" not in pem:
        return
    try:
        names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        for name in names.value:
            other = isinstance(name, x509.OtherName)
            yield name.value[2:].decode() if other else str(name.value)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return


def answer(log: Instance, index: Index, request: Request) -> Reply:
    """POST /api/v1/index/retrieve."""
    try:
        query, _ = json.JSONDecoder().raw_decode(request.body.decode())
        wanted = _wanted(query)
    except (ValueError, AttributeError, TypeError) as fault:
        return error(400, f'parsing query body from "" failed, because {fault}', newline=False)
    if isinstance(wanted, Reply):
        return wanted
    sets = [index.find(log, key) for key in wanted]
    found: list[str] = []
    if query.get("operator", "or") == "and":
        found = [name for name in sets[0] if all(name in other for other in sets[1:])] if sets else []
    else:
        found = list(dict.fromkeys(name for names in sets for name in names))
    if log.lies.index is not None:
        found = log.lies.index(query, found)
    return json_reply(found)


def _wanted(query: dict[str, Any]) -> list[str] | Reply:
    """The index keys of a query."""
    if query.get("operator", "or") not in ("and", "or"):
        return parameter_error(606, "operator in body should be one of [and or]")
    keys = []
    if email := query.get("email"):
        if not _EMAIL.fullmatch(email):
            return parameter_error(601, f'email in body must be of type email: "{email}"')
        keys.append(email)
    if subject := query.get("subject"):
        if len(subject) > 512:
            return parameter_error(603, "subject in body should be at most 512 chars long")
        keys.append(subject)
    if digest := query.get("hash"):
        keys.append(digest if ":" in digest else _PREFIX.get(len(digest), "") + digest)
    if (key := query.get("publicKey")) is not None:
        found = _key(key)
        if isinstance(found, Reply):
            return found
        keys.append(found)
    return keys


def _key(key: dict[str, Any]) -> str | Reply:
    if "format" not in key:
        return parameter_error(602, "publicKey.publicKey.format in body is required")
    if key["format"] not in _FORMATS:
        text = "publicKey.publicKey.format in body should be one of [pgp x509 minisign ssh tuf]"
        return parameter_error(606, text)
    try:
        content = base64.b64decode(key.get("content", ""), validate=True)
    except binascii.Error:
        content = b""
    if key["format"] != "x509" or b"-----BEGIN" not in content:
        return error(400, "public key provided could not be parsed")
    return hashlib.sha256(content.strip() + b"\n").hexdigest()
