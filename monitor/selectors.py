"""What may stand in a watch's table, and which patterns does each setting make?

One table of settings. Every fault is Refused with the path of the setting and the reason.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from monitor.ci_names import GITHUB, GITLAB
from monitor.patterns import Pattern
from monitor.regexes import Form, check_regex, split_form
from verifier.certificate import read_identity
from verifier.errors import Malformed, Refused
from verifier.extensions import EXTENSIONS, oid_of
from verifier.keys import PublicKey, parse_fingerprint
from verifier.pem import CERTIFICATE, parse_pem

Texts = tuple[str, ...]
_DIGEST_SIZES = {"sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
_PROJECT = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
_OWNER = re.compile(r"[A-Za-z0-9_.-]+")
_DOMAIN = re.compile(r"[^\s@/:]+\.[^\s@/:.]+")


class Source(NamedTuple):
    """What the settings of one watch have in common: their path, and how files are read."""

    where: str
    unanchored: bool
    read_file: Callable[[str], bytes] | None


def refuse(where: str, reason: str, hint: str = "", *, near: tuple[str, Sequence[str]] | None = None) -> Refused:
    """The error for one setting, with the known setting that was probably meant."""
    if near:
        close = difflib.get_close_matches(near[0], near[1], n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(near[1])}"
    return Refused(f"{where}: {reason}", code="watch-invalid", hint=hint)


def strings(value: Any, where: str) -> Texts:
    """One string or integer, or a list of them, none empty and at least one."""
    listed = value if isinstance(value, (list, tuple)) else [value]
    if not listed:
        raise refuse(where, "an empty list matches nothing")
    texts: list[str] = []
    for one in listed:
        if isinstance(one, bool) or not isinstance(one, (str, int)):
            raise refuse(where, f"a value is text, not {type(one).__name__}")
        text = str(one).strip()
        if not text:
            raise refuse(where, "an empty value matches nothing")
        texts.append(text)
    return tuple(dict.fromkeys(texts))


def extension_name(name: str, where: str) -> str:
    """The canonical name of an extension; Refused if there is none of that name."""
    oid = oid_of(name.replace("_", "-"))
    if oid is None:
        known = [row.name for row in EXTENSIONS.values()]
        raise refuse(where, "there is no such certificate extension", near=(name, known))
    return EXTENSIONS[oid].name


def read_patterns(table: Mapping[str, Any], source: Source) -> tuple[Pattern, ...]:
    """The patterns of all selecting settings of a table, in the order of the table."""
    patterns: list[Pattern] = []
    for field, value in table.items():
        if field in SELECTORS:
            patterns += SELECTORS[field](value, f"{source.where}.{field}", source)
    return _grouped(tuple(patterns))


def _grouped(patterns: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
    """The id of a repository is an alternative to its name, so that neither can be changed unseen (row 92)."""
    fields = {pattern.field for pattern in patterns}
    groups = {
        "source-repository-identifier": ("repository", bool(fields & {"repository", "project"})),
        "source-repository-owner-identifier": ("owner", "organization" in fields),
    }
    drop_owner = "organization" not in fields and fields & {"repository", "project"}
    kept: list[Pattern] = []
    for pattern in patterns:
        group, joined = groups.get(pattern.field, ("", False))
        if pattern.group.startswith("github_") and joined:
            kept.append(replace(pattern, group=group))
        elif pattern.group != "github_owner_id" or not drop_owner:
            kept.append(pattern)  # else an expectation only: an owner has other repositories too
    return tuple(kept)


def _name(value: Any, where: str, source: Source) -> list[Pattern]:
    """``san``: exact, or in one of the spoken forms."""
    return [_text("name", text, "san", where, source) for text in strings(value, where)]


def _formed(form: Form) -> Callable[[Any, str, Source], list[Pattern]]:
    def build(value: Any, where: str, source: Source) -> list[Pattern]:
        texts = strings(value, where)
        if form == "regex":
            for text in texts:
                check_regex(text, where)
        return [Pattern("name", form, text, "san", source.unanchored and form == "regex") for text in texts]

    return build


def _text(field: str, text: str, group: str, where: str, source: Source) -> Pattern:
    form, value = split_form(text)
    if not value:
        raise refuse(where, f"an empty {form} matches nothing")
    if form == "regex":
        check_regex(value, where)
    return Pattern(field, form, value, group, source.unanchored and form == "regex")


def _extension(field: str, group: str) -> Callable[[Any, str, Source], list[Pattern]]:
    def build(value: Any, where: str, source: Source) -> list[Pattern]:
        return [_text(field, text, group, where, source) for text in strings(value, where)]

    return build


def _extensions(value: Any, where: str, source: Source) -> list[Pattern]:
    if not isinstance(value, Mapping) or not value:
        raise refuse(where, 'write it as extensions."source-repository-uri" = "…"')
    patterns: list[Pattern] = []
    for name, texts in value.items():
        path = f"{where}.{name}"
        field = extension_name(name, path)
        patterns += [_text(field, text, f"extensions.{field}", path, source) for text in strings(texts, path)]
    return patterns


def _project(field: str, host: str, group: str) -> Callable[[Any, str, Source], list[Pattern]]:
    """``owner/repo`` on the usual host, or the URL of one elsewhere."""

    def build(value: Any, where: str, _source: Source) -> list[Pattern]:
        return [Pattern(field, "exact", _located(text, host, field, where), group) for text in strings(value, where)]

    return build


def _located(text: str, host: str, field: str, where: str) -> str:
    place, path = host, text
    if "://" in text:
        place, _, path = text.partition("://")[2].partition("/")
    path = path.strip("/").removesuffix(".git")
    if field == "organization" and not _OWNER.fullmatch(path):
        raise refuse(where, f"{text!r} is no organisation", "write acme, or https://github.acme.example/acme")
    if field != "organization" and not _PROJECT.fullmatch(path):
        raise refuse(where, f"{text!r} is no repository", "write owner/repository")
    if field == "repository" and path.count("/") != 1:
        raise refuse(where, f"{text!r} has too many parts: a repository is owner/name")
    return f"{place.lower()}/{path}"


def _email(value: Any, where: str, _source: Source) -> list[Pattern]:
    texts = strings(value, where)
    for text in texts:
        local, at, domain = text.rpartition("@")
        if not (at and local and domain) or "*" in text or "://" in text:
            raise refuse(where, f"{text!r} is no e-mail address", "for patterns use san_glob or email_domain")
    return [Pattern("email", "exact", text, "email") for text in texts]


def _domain(value: Any, where: str, _source: Source) -> list[Pattern]:
    patterns: list[Pattern] = []
    for text in strings(value, where):
        domain = text.removeprefix("@")
        plain = domain.removeprefix("*.")
        if not _DOMAIN.fullmatch(plain) or "*" in plain:
            raise refuse(where, f"{text!r} is no domain", "write acme.example, or *.acme.example for those below it")
        if domain == plain:
            patterns.append(Pattern("email-domain", "exact", domain, "email_domain"))
        else:
            patterns.append(Pattern("name", "glob", f"*@*.{plain}", "email_domain"))
    return patterns


def _fingerprint(field: str, wanted: str, group: str) -> Callable[[Any, str, Source], list[Pattern]]:
    def build(value: Any, where: str, _source: Source) -> list[Pattern]:
        return [Pattern(field, "exact", _hash(text, where), group) for text in strings(value, where)]

    def _hash(text: str, where: str) -> str:
        try:
            kind, data = parse_fingerprint(text)
        except Malformed as error:
            raise refuse(where, f"{text[:80]!r} is no fingerprint: {error.message}") from None
        if wanted == "certificate" and len(data) != 32:
            raise refuse(where, f"the SHA-256 of the certificate is needed, this is a {kind} of {len(data)} bytes")
        return data.hex()

    return build


def _key_file(value: Any, where: str, source: Source) -> list[Pattern]:
    patterns: list[Pattern] = []
    for name in strings(value, where):
        if source.read_file is None:
            raise refuse(where, "files cannot be read here")
        try:
            keys = _keys_in(source.read_file(name))
        except Malformed as error:
            raise refuse(where, f"{name}: {error.message}", "a public key or certificate in PEM or DER") from None
        patterns += [Pattern("key", "exact", key, "key") for key in keys]
    return patterns


def _keys_in(data: bytes) -> list[str]:
    """Fingerprints of the key in a file, whatever form it has."""
    if data.lstrip().startswith(b"-----BEGIN "):
        blocks = parse_pem(data)
        if blocks[0].label == CERTIFICATE:
            return [_certified(blocks[0].data)]
        return sorted(one.hex() for one in PublicKey.from_pem(data).fingerprints)
    try:
        return sorted(one.hex() for one in PublicKey.from_der(data).fingerprints)
    except Malformed:
        return [_certified(data)]


def _certified(certificate: bytes) -> str:
    key = read_identity(certificate).key_sha256
    if key is None:
        raise Malformed("the certificate's key cannot be read", code="public-key")
    return key.hex()


def _digest(value: Any, where: str, _source: Source) -> list[Pattern]:
    return [Pattern("digest", "exact", read_digest(text, where), "digests") for text in strings(value, where)]


def read_digest(text: str, where: str) -> str:
    """``sha256:hex`` in lower case; bare hex is told apart by its length."""
    algorithm, _, value = text.strip().lower().rpartition(":")
    by_size = {size: name for name, size in _DIGEST_SIZES.items()}
    algorithm = algorithm or by_size.get(len(value), "")
    if _DIGEST_SIZES.get(algorithm) != len(value) or not set(value) <= set("0123456789abcdef"):
        raise refuse(where, f"{text[:150]!r} is no digest", "write sha256:… in hex")
    return f"{algorithm}:{value}"


_Build = Callable[[Any, str, Source], list[Pattern]]
SELECTORS: dict[str, _Build] = {
    "san": _name,
    "san_glob": _formed("glob"),
    "san_regex": _formed("regex"),
    "issuer": _extension("issuer", "issuer"),
    "extensions": _extensions,
    "github_repo": _project("repository", GITHUB, "repository"),
    "github_org": _project("organization", GITHUB, "owner"),
    "github_repo_id": _extension("source-repository-identifier", "github_repo_id"),
    "github_owner_id": _extension("source-repository-owner-identifier", "github_owner_id"),
    "gitlab_project": _project("project", GITLAB, "repository"),
    "email": _email,
    "email_domain": _domain,
    "key_fingerprint": _fingerprint("key", "public key", "key"),
    "key_fingerprints": _fingerprint("key", "public key", "key"),
    "key_file": _key_file,
    "certificate_fingerprint": _fingerprint("certificate", "certificate", "certificate"),
    "certificate_fingerprints": _fingerprint("certificate", "certificate", "certificate"),
    "digests": _digest,
    "artifact": _digest,
}
