"""What stands in a trust root or a signing config made from specs?

JSON as protobuf-specs has it, equal to what cosign writes for the same command line; each document is read back by
our own parser before it is written.
"""

import base64
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from cli.inputs import read_input
from verifier import jsonstrict
from verifier.errors import Malformed, Refused
from verifier.keys import PublicKey, algorithm_for
from verifier.note import log_key_id
from verifier.pem import CERTIFICATE, parse_pem
from verifier.trust import SigningConfig, TrustedRoot

_TRUSTED_ROOT = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_SIGNING_CONFIG = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
Json = dict[str, Any]


def trusted_root_document(flags: Mapping[str, Any]) -> Json:
    """The trust root of one command line: the defaults that are wanted, then what is specified."""
    base = _default_trusted_root(flags) if flags["with_default_services"] else {}
    offline = bool(flags["offline"])
    parts = {
        "tlogs": (flags["no_default_rekor"], [_log(spec, "--rekor", offline) for spec in flags["rekor"]]),
        "certificateAuthorities": (
            flags["no_default_fulcio"],
            [_authority(s, "--fulcio", offline) for s in flags["fulcio"]],
        ),
        "ctlogs": (flags["no_default_ctfe"], [_log(spec, "--ctfe", offline) for spec in flags["ctfe"]]),
        "timestampAuthorities": (
            flags["no_default_tsa"],
            [_authority(spec, "--tsa", offline) for spec in flags["tsa"]],
        ),
    }
    document: Json = {"mediaType": _TRUSTED_ROOT, **_joined(base, parts)}
    TrustedRoot.parse(json.dumps(document).encode())
    return document


def signing_config_document(flags: Mapping[str, Any]) -> Json:
    """The signing config of one command line."""
    base = _base_signing_config(flags)
    parts = {
        "caUrls": (flags["no_default_fulcio"], [_service(spec, "--fulcio") for spec in flags["fulcio"]]),
        "oidcUrls": (flags["no_default_oidc"], [_service(s, "--oidc-provider") for s in flags["oidc_provider"]]),
        "rekorTlogUrls": (flags["no_default_rekor"], [_service(spec, "--rekor") for spec in flags["rekor"]]),
        "tsaUrls": (flags["no_default_tsa"], [_service(spec, "--tsa") for spec in flags["tsa"]]),
    }
    joined = _joined(base, parts)
    document: Json = {"mediaType": _SIGNING_CONFIG}
    for name in ("caUrls", "oidcUrls", "rekorTlogUrls"):
        document |= {name: joined[name]} if name in joined else {}
    document["rekorTlogConfig"] = _selection(flags, "rekor", base)
    document |= {"tsaUrls": joined["tsaUrls"]} if "tsaUrls" in joined else {}
    document["tsaConfig"] = _selection(flags, "tsa", base)
    SigningConfig.parse(json.dumps(document).encode())
    return document


def write_document(document: Json, out: str | None) -> None:
    """JSON to a file, or to standard output."""
    text = json.dumps(document, separators=(",", ":"))
    if not out:
        sys.stdout.write(text + "\n")
        return
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}", code="output") from error


def _joined(base: Json, parts: Mapping[str, tuple[bool, list[Json]]]) -> Json:
    document: Json = {}
    for name, (without, own) in parts.items():
        found = [*([] if without else base.get(name, [])), *own]
        if found:
            document[name] = found
    return document


def _default_trusted_root(flags: Mapping[str, Any]) -> Json:
    from cli.tuf_instance import trusted_root_bytes

    return _object(trusted_root_bytes(staging=False, offline=flags["offline"]))


def _base_signing_config(flags: Mapping[str, Any]) -> Json:
    defaults = flags["with_default_services"] or flags["with_default_rekor_v2"]
    if flags["base_config"] and defaults:
        raise Refused("--base-config and --with-default-services exclude each other", code="usage")
    if flags["base_config"]:
        return _object(read_input(flags["base_config"], offline=flags["offline"]))
    if not defaults:
        return {}
    from cli.tuf_instance import signing_config_bytes

    return _object(
        signing_config_bytes(staging=False, offline=flags["offline"], rekor_v2=flags["with_default_rekor_v2"])
    )


def _object(data: bytes) -> Json:
    value = jsonstrict.loads(data)
    if not isinstance(value, dict):
        raise Malformed("the file is no JSON object", code="trust-file")
    return value


def _spec(text: str, flag: str, required: Iterable[str], optional: Iterable[str]) -> dict[str, str]:
    """The members of ``a=b,c=d``; Refused for unknown, repeated and missing ones."""
    found: dict[str, str] = {}
    for pair in text.split(","):
        name, equals, value = pair.partition("=")
        if not equals or name in found or name not in {*required, *optional}:
            raise Refused(f"{flag}: '{pair[:100]}' is not one of its settings", code="usage", hint=", ".join(required))
        found[name] = value
    missing = [name for name in required if not found.get(name)]
    if missing:
        raise Refused(f"{flag} needs {missing[0]}=", code="usage")
    return found


def _authority(text: str, flag: str, offline: bool) -> Json:
    spec = _spec(text, flag, ("url", "certificate-chain"), ("start-time", "end-time"))
    blocks = parse_pem(read_input(spec["certificate-chain"], offline=offline))
    if any(block.label != CERTIFICATE for block in blocks):
        raise Malformed(
            f"{spec['certificate-chain']} holds something other than certificates", code="trust-certificates"
        )
    try:
        root = x509.load_der_x509_certificate(blocks[-1].data)
        start = root.not_valid_before_utc
        subject = _subject(root)
    except ValueError as error:
        raise Malformed(
            f"{spec['certificate-chain']} holds a damaged certificate", code="trust-certificates"
        ) from error
    window = _window({"start-time": start.strftime("%Y-%m-%dT%H:%M:%SZ"), **spec}, flag)
    return {
        "subject": subject,
        "uri": spec["url"],
        "certChain": {"certificates": [{"rawBytes": _b64(block.data)} for block in blocks]},
        "validFor": window,
    }


def _subject(certificate: x509.Certificate) -> Json:
    names = {"organization": NameOID.ORGANIZATION_NAME, "commonName": NameOID.COMMON_NAME}
    found = {key: certificate.subject.get_attributes_for_oid(oid) for key, oid in names.items()}
    return {key: str(values[0].value) for key, values in found.items() if values}


def _log(text: str, flag: str, offline: bool) -> Json:
    spec = _spec(text, flag, ("url", "public-key", "start-time"), ("end-time", "origin"))
    key = PublicKey.from_pem(read_input(spec["public-key"], offline=offline))
    log_id = log_key_id(spec["origin"], key) if spec.get("origin") else key.sha256
    return {
        "baseUrl": spec["url"],
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": _b64(key.der),
            "keyDetails": algorithm_for(key).name,
            "validFor": _window(spec, flag),
        },
        "logId": {"keyId": _b64(log_id)},
    }


def _service(text: str, flag: str) -> Json:
    spec = _spec(text, flag, ("url", "api-version", "start-time", "operator"), ("end-time",))
    if not spec["api-version"].isdecimal():
        raise Refused(f"{flag}: api-version is a number", code="usage")
    return {
        "url": spec["url"],
        "majorApiVersion": int(spec["api-version"]),
        "validFor": _window(spec, flag),
        "operator": spec["operator"],
    }


def _window(spec: Mapping[str, str], flag: str) -> Json:
    window: Json = {}
    for name, member in (("start-time", "start"), ("end-time", "end")):
        if spec.get(name):
            window[member] = _time(spec[name], flag)
    if "end" in window and window["end"] < window["start"]:
        raise Refused(f"{flag}: end-time is before start-time", code="usage")
    return window


def _time(text: str, flag: str) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise Refused(f"{flag}: '{text[:50]}' is not a time", code="usage", hint="write 2026-01-31T12:00:00Z")
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _selection(flags: Mapping[str, Any], name: str, base: Json) -> Json:
    """ANY, ALL or EXACT:N; needed as soon as a service of the kind is listed."""
    text = flags[f"{name}_config"]
    if not text:
        if flags[name]:
            raise Refused(f"--{name} needs --{name}-config", code="usage", hint="ANY, ALL or EXACT:N")
        found = base.get("rekorTlogConfig" if name == "rekor" else "tsaConfig", {})
        return dict(found)
    selector, colon, count = text.upper().partition(":")
    if selector == "EXACT" and count.isdecimal() and int(count) > 0:
        return {"selector": "EXACT", "count": int(count)}
    if selector in ("ANY", "ALL") and not colon:
        return {"selector": selector}
    raise Refused(f"--{name}-config: '{text[:50]}' is not ANY, ALL or EXACT:N", code="usage")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
