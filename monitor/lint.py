"""Which watches can never match, or match too much?

A watch that can never match is clean for ever and watches nothing (row 79), an expectation that can never be met
cries wolf at every release: both are fatal at load, with the reason. What is merely too wide is a warning.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from monitor.ci_names import GITHUB, GITLAB
from monitor.expect import Expectation, Requirement, Value
from monitor.literals import first_literal
from monitor.patterns import HASH_FIELDS, Pattern
from monitor.regexes import matches
from monitor.sieve import sieve_literals
from monitor.watch import Watch
from verifier.trust import TrustedRoot

# What kind of name each issuer's tokens become (protocol.md section 6.3).
GITHUB_ISSUER, GITLAB_ISSUER = "https://token.actions.githubusercontent.com", "https://gitlab.com"
_CI_ISSUERS = (
    GITHUB_ISSUER,
    GITLAB_ISSUER,
    "https://agent.buildkite.com",
    "https://oidc.codefresh.io",
    "https://api.buddy.works",
)
_PERSON_ISSUERS = (
    "https://accounts.google.com",
    "https://github.com/login/oauth",
    "https://login.microsoftonline.com",
)
_PUBLIC_MAIL = frozenset({"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com"})
_JOB_FIELDS = frozenset({"workflow", "ref", "repository", "runner", "trigger", "repo_id", "owner_id"})
_JOB_EXTENSIONS = re.compile(r"(build-|source-repository-|github-workflow-|runner-|run-|deployment-).*")
_CI_FILE = re.compile(r"https://github\.com/[^@]+/\.github/workflows/[^@]+|https://gitlab\.com/[^@]+//[^@]+")
_RUNNERS = ("github-hosted", "self-hosted")
_GITHUB_REFS = ("refs/heads/", "refs/tags/", "refs/pull/")
_PERSON, _JOB, _KEY, _ANY = "an e-mail address", "a CI job", "a bare key", ""
# Texts that no narrow pattern matches all of.
_ANYBODY = (
    "https://github.com/someone/something/.github/workflows/x.yml@refs/heads/x",
    "https://gitlab.com/someone/something//.gitlab-ci.yml@refs/heads/x",
    "someone@somewhere.example",
)


class Problem(NamedTuple):
    """What is wrong with a watch. A fatal one must stop the load."""

    watch: str
    message: str
    fatal: bool


def lint_watches(
    watches: Iterable[Watch], trust: TrustedRoot | None = None, known_issuers: Collection[str] = ()
) -> list[Problem]:
    """Everything that is wrong with the watches, in order; `known_issuers` as the CA's configuration names them."""
    problems: list[Problem] = []
    for watch in watches:
        problems += [Problem(watch.name, message, True) for message in _never(watch)]
        problems += [Problem(watch.name, message, False) for message in _wide(watch, known_issuers)]
    if trust is not None and not trust.cas:
        problems.append(
            Problem("", "the trust root names no certificate authority: nobody's name can be proven", False)
        )
    return problems


def _never(watch: Watch) -> Iterator[str]:
    kind = kind_of(watch)
    for check in _NEVER:
        yield from check(watch, kind)


def kind_of(watch: Watch) -> str:
    """What the watched names are: an e-mail address, a CI job, a bare key; "" if it cannot be said."""
    kinds = set(_kinds(watch).values())
    return kinds.pop() if len(kinds) == 1 else _ANY


def _kinds(watch: Watch) -> dict[str, str]:
    """The kind of each group whose alternatives are all of one kind."""
    found = {group: {_pattern_kind(pattern) for pattern in patterns} for group, patterns in watch.groups.items()}
    return {group: min(kinds) for group, kinds in found.items() if len(kinds) == 1 and _ANY not in kinds}


def _pattern_kind(pattern: Pattern) -> str:
    if pattern.field in ("email", "email-domain"):
        return _PERSON
    if pattern.field in ("repository", "organization", "project"):
        return _JOB
    if pattern.field == "name" and pattern.form == "exact" and "@" in pattern.value and "://" not in pattern.value:
        return _PERSON
    if _JOB_EXTENSIONS.fullmatch(pattern.field):
        return _JOB
    return _KEY if pattern.field == "key" else _ANY


def _two_kinds(watch: Watch, _kind: str) -> Iterator[str]:
    """Groups must all match, and a certificate is of one kind."""
    named = sorted(set(_kinds(watch).values()))
    if len(named) > 1:
        yield f"it can never match: {' and '.join(named)} are never in one certificate; make two watches of it"


def _owner_of_repository(watch: Watch, _kind: str) -> Iterator[str]:
    owners = {pattern.value.casefold() for pattern in watch.patterns if pattern.field == "organization"}
    repositories = [pattern.value for pattern in watch.patterns if pattern.field == "repository"]
    if owners and repositories and not any(one.casefold().rpartition("/")[0] in owners for one in repositories):
        yield "it can never match: no repository named is of an organisation named"


def _issuer_of_kind(watch: Watch, kind: str) -> Iterator[str]:
    """Row 79: the issuer of workflows never vouches for an e-mail address, nor the other way round."""
    for what, values in _issuers(watch):
        for value in values:
            if value.form == "exact" and not value.text.startswith("https://"):
                yield f"{what} {value.text!r} can never match: issuers are URLs; write https://{value.text}"
        wrong = {_PERSON: _CI_ISSUERS, _JOB: _PERSON_ISSUERS}.get(kind, ())
        known = (*_CI_ISSUERS, *_PERSON_ISSUERS)
        taken = {issuer for issuer in known for value in values if value.accepts(issuer)}
        certain = all(value.form == "exact" and value.text in wrong for value in values)
        if certain and taken <= set(wrong):
            yield f"{what} can never match: {values[0].text} does not issue certificates for {kind}"
    host = _hosts(watch)
    for what, values in _issuers(watch):
        other = GITLAB_ISSUER if host == {GITHUB} else GITHUB_ISSUER if host == {GITLAB} else ""
        if other and all(value == Value("exact", other) for value in values):
            yield f"{what} can never match: {other} does not issue certificates for {min(host)}"


def _issuers(watch: Watch) -> Iterator[tuple[str, list[Value]]]:
    selected = [Value(p.form, p.value) for p in watch.patterns if p.field == "issuer"]
    if selected:
        yield "issuer", selected
    for path, requirement in _requirements(watch):
        if requirement.field == "issuer":
            yield path, list(requirement.values)


def _requirements(watch: Watch) -> Iterator[tuple[str, Requirement]]:
    """Every requirement with its path in the configuration."""
    blocks: tuple[Expectation, ...] = () if watch.expect == "never" else watch.expect
    for at, block in enumerate(blocks):
        number = f".{at}" if len(blocks) > 1 else ""
        for requirement in block.requirements:
            yield f"expect{number}.{requirement.field}", requirement


def _fields_of_kind(watch: Watch, kind: str) -> Iterator[str]:
    for path, requirement in _requirements(watch):
        job = requirement.field in _JOB_FIELDS or _JOB_EXTENSIONS.fullmatch(requirement.field)
        if (kind == _PERSON and job) or (kind == _KEY and requirement.field != "san"):
            yield f"{path} can never be met: the signature of {kind} says nothing about it"


def _names_without_ref(watch: Watch, _kind: str) -> Iterator[str]:
    """The name of a workflow ends with the ref that it ran on: without one, an exact name is nobody's."""
    for pattern in watch.patterns:
        if pattern.field == "name" and pattern.form == "exact" and _CI_FILE.fullmatch(pattern.value):
            hint = f'san_glob = "{pattern.value}@*", or github_repo or gitlab_project'
            yield f"san {pattern.value!r} can never match: the names of workflows end with @REF; use {hint}"


def _hosts(watch: Watch) -> set[str]:
    return {p.value.partition("/")[0] for p in watch.patterns if p.field in ("repository", "organization", "project")}


def _runners(watch: Watch, _kind: str) -> Iterator[str]:
    """GitHub's certificates know two kinds of runner, not the labels of ``runs-on``."""
    for path, requirement in _requirements(watch):
        if requirement.field not in ("runner", "runner-environment") or _hosts(watch) != {GITHUB}:
            continue
        for value in requirement.values:
            if not any(value.accepts(runner) for runner in _RUNNERS):
                yield f"{path} {value.text!r} can never be met: it is one of {', '.join(_RUNNERS)}"


def _refs(watch: Watch, _kind: str) -> Iterator[str]:
    for path, requirement in _requirements(watch):
        if requirement.field not in ("ref", "source-repository-ref", "github-workflow-ref"):
            continue
        for value in requirement.values:
            start = _start(value)
            known = _hosts(watch) != {GITHUB} or any(start.startswith(r) or r.startswith(start) for r in _GITHUB_REFS)
            if not known or not (start.startswith("refs/") or "refs/".startswith(start)) or re.search(r"\s", start):
                yield f"{path} {value.text!r} can never be met: refs look like refs/tags/v1 or refs/heads/main"


def _start(value: Value) -> str:
    """The text with which everything that a value accepts begins."""
    if value.form == "glob":
        return value.text.partition("*")[0]
    return first_literal(value.text) if value.form == "regex" else value.text


def _workflows(watch: Watch, _kind: str) -> Iterator[str]:
    for path, requirement in _requirements(watch):
        if requirement.field != "workflow" or _hosts(watch) != {GITHUB}:
            continue
        for value in requirement.values:
            if value.form == "exact" and (".github/workflows/" not in value.text or value.text.startswith("/")):
                yield f"{path} {value.text!r} can never be met: write .github/workflows/{value.text.rpartition('/')[2]}"


def _numbers(watch: Watch, _kind: str) -> Iterator[str]:
    """Ids of repositories and owners are numbers on GitHub and GitLab."""
    found = [(p.field, p.form, p.value) for p in watch.patterns]
    found += [(r.field, form, text) for _, r in _requirements(watch) for form, text in r.values]
    for field, form, text in found:
        is_id = field in ("repo_id", "owner_id") or field.endswith("-identifier")
        if is_id and form == "exact" and not text.isdecimal():
            yield f"{field} {text!r} can never match: it is a number"


_NEVER: tuple[Callable[[Watch, str], Iterator[str]], ...] = (
    _two_kinds,
    _owner_of_repository,
    _issuer_of_kind,
    _fields_of_kind,
    _names_without_ref,
    _runners,
    _refs,
    _workflows,
    _numbers,
)


def _wide(watch: Watch, known_issuers: Collection[str]) -> Iterator[str]:
    for pattern in watch.patterns:
        yield from _wide_pattern(pattern)
    if kind_of(watch) == _PERSON and watch.expect != "never" and not any(True for _ in _issuers(watch)):
        yield "without an issuer, any identity provider may vouch for the address: give expect.issuer"
    if not any(p.field in HASH_FIELDS or p.field != "issuer" for p in watch.patterns):
        yield "it takes everybody of an issuer"
    if any(pattern.field == "digest" for pattern in watch.patterns):
        yield "attestations on Rekor v2 do not name their artifact: by digest only signatures of files are found there"
    for path, values in _issuers(watch):
        for value in values:
            if known_issuers and value.form == "exact" and value.text not in known_issuers:
                yield f"{path} {value.text!r} is no issuer that the authority's configuration names"


def _wide_pattern(pattern: Pattern) -> Iterator[str]:
    if pattern.field == "email-domain" and pattern.value.casefold() in _PUBLIC_MAIL:
        yield f"{pattern.value} has millions of addresses"
    if pattern.form not in ("glob", "regex"):
        return
    hit = [text for text in _ANYBODY if matches(pattern.form, pattern.value, text, unanchored=pattern.unanchored)]
    if pattern.field == "name" and hit:
        yield f"{pattern.value!r} matches strangers, {hit[0]} for one"
    elif not sieve_literals(pattern):
        yield f"{pattern.value!r} holds no fixed text of three characters: it is tried on every name, which is slow"
    if pattern.form == "regex" and re.search(r"(?<!\\)\b(github|gitlab|google)\.com", pattern.value):
        yield f"{pattern.value!r} has a dot that stands for any character: write \\."
