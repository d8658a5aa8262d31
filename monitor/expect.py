"""What is expected of a signature, and in what does one differ?

An expectation is a block of requirements that must all hold; any one block that is met is enough. Where a certificate
gives a fact twice (.1 and .8, two SANs), every value must be as required: a verifier may look at either.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from monitor.ci_names import CiName, read_ci_name, repository_of
from monitor.facts import Subject
from monitor.findings import Difference
from monitor.regexes import Form, check_regex, matches, split_form
from monitor.selectors import extension_name, read_digest, refuse, strings

ABSENT = "(absent)"
_SHORT = {
    "runner": "runner-environment",
    "trigger": "build-trigger",
    "repo_id": "source-repository-identifier",
    "owner_id": "source-repository-owner-identifier",
}
# The deprecated extension that says the same, for certificates from before 2023.
_OLDER = {"trigger": "github-workflow-trigger"}
_OWN_FIELDS = ("issuer", "workflow", "ref", "san", "repository", *_SHORT)


class Value(NamedTuple):
    """One accepted value, in one of the forms."""

    form: Form
    text: str

    def accepts(self, text: str) -> bool:
        """Whether all of `text` is of this form."""
        return matches(self.form, self.text, text)


class Requirement(NamedTuple):
    """One field and its accepted values."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Expectation:
    """One block: requirements, at most `per_run` signatures of one run, only of artifacts in `digests`."""

    requirements: tuple[Requirement, ...]
    per_run: int | None = None
    digests: frozenset[str] | None = None


class Signed(NamedTuple):
    """A signature as expectations see it: who, which of its names was watched, and the watched ``host/project``s.

    `owners` are watched ``host/organisation``s. Both are empty for watches without a repository.
    """

    subject: Subject
    name: str
    projects: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    def ours(self, name: CiName) -> bool:
        """Whether a repository is a watched one (hosts ignore case); any is where none was named."""
        if not self.projects and not self.owners:
            return True
        place, owner = f"{name.host}/{name.project}".casefold(), f"{name.host}/{name.owner}".casefold()
        return place in map(str.casefold, self.projects) or owner in map(str.casefold, self.owners)


def build_expectations(value: Any, where: str) -> tuple[Expectation, ...] | Literal["never"]:
    """``expect`` of a watch: a table, a list of tables, ``"never"`` or nothing. Refused names path and reason."""
    if value == "never":
        return "never"
    blocks = [value] if isinstance(value, Mapping) else value
    if not isinstance(blocks, Sequence) or isinstance(blocks, str):
        raise refuse(where, f'{value!r} is neither a table nor "never"')
    if len(blocks) == 1:
        return (_block(blocks[0], where),)
    return tuple(_block(block, f"{where}.{at}") for at, block in enumerate(blocks))


def _block(block: Any, where: str) -> Expectation:
    if not isinstance(block, Mapping) or not block:
        raise refuse(
            where, "an empty block would accept everything", "without expect, every hit is recorded as expected"
        )
    requirements: list[Requirement] = []
    for field, value in block.items():
        if field not in ("per_run", "digests"):
            requirements += _requirements(field, value, f"{where}.{field}")
    return Expectation(tuple(requirements), _per_run(block, where), _digests(block, where))


def _requirements(field: str, value: Any, where: str) -> list[Requirement]:
    if field == "extensions" and isinstance(value, Mapping):
        return [one for name, inner in value.items() for one in _requirements(name, inner, f"{where}.{name}")]
    name = field if field in _OWN_FIELDS else extension_name(field, where)
    values = tuple(Value(*split_form(text)) for text in strings(value, where))
    for form, text in values:
        if not text:
            raise refuse(where, f"an empty {form} matches nothing")
        if form == "regex":
            check_regex(text, where)
    return [Requirement(name, values)]


def _per_run(block: Mapping[str, Any], where: str) -> int | None:
    value = block.get("per_run")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise refuse(f"{where}.per_run", "it is a number of signatures, at least 1")
    return value


def _digests(block: Mapping[str, Any], where: str) -> frozenset[str] | None:
    if "digests" not in block:
        return None
    path = f"{where}.digests"
    return frozenset(read_digest(text, path) for text in strings(block["digests"], path))


class Judged(NamedTuple):
    """What differs and what was as required."""

    differs: tuple[Difference, ...]
    same: tuple[str, ...]


def judge(signed: Signed, requirements: Iterable[Requirement]) -> Judged:
    """One signature against requirements."""
    differs: list[Difference] = []
    same: list[str] = []
    for field, values in requirements:
        wrong = [got for got in values_of(signed, field) or ([ABSENT],) if not _any_accepted(values, got)]
        if wrong:
            differs.append(Difference(field, wrong[0][0], tuple(shown(value) for value in values)))
        else:
            same.append(field)
    return Judged(tuple(differs), tuple(same))


def shown(value: Value) -> str:
    """A value as it was written."""
    return f"{value.form}:{value.text}" if value.form in ("regex", "prefix") else value.text


def _any_accepted(values: tuple[Value, ...], spellings: Sequence[str]) -> bool:
    return any(value.accepts(text) for value in values for text in spellings if text != ABSENT)


def values_of(signed: Signed, field: str) -> list[list[str]]:
    """Every value that a signature has for a field; each as its spellings, one of which has to be accepted."""
    reader = _READERS.get(field)
    if reader:
        return reader(signed)
    texts = signed.subject.texts(_SHORT.get(field, field))
    if not texts and field in _OLDER:
        texts = signed.subject.texts(_OLDER[field])
    return [_numbers(text) if field.endswith(("_id", "-identifier")) else [text] for text in texts]


def _numbers(text: str) -> list[str]:
    """An id as written, and as an integer where Fulcio wrote it in scientific notation (before 2026-07)."""
    if "e+" in text:
        try:
            return [text, str(int(float(text)))]
        except (ValueError, OverflowError):
            pass
    return [text]


def ci_names(signed: Signed) -> list[CiName]:
    """The names of the certificate that spell a workflow; from its build signer if none does."""
    texts = [name.value for name in signed.subject.names] or list(signed.subject.texts("build-signer-uri"))
    found = [read_ci_name(text) for text in texts]
    return [name for name in found if name is not None and name.path]


def source_of(signed: Signed) -> CiName | None:
    """The repository that was built."""
    for text in signed.subject.texts("source-repository-uri"):
        return repository_of(text)
    for text in signed.subject.texts("github-workflow-repository"):
        return repository_of(f"https://github.com/{text}")
    return None


def _workflow(signed: Signed) -> list[list[str]]:
    return [_spellings(signed, name) for name in ci_names(signed)]


def _spellings(signed: Signed, name: CiName) -> list[str]:
    """``owner/repo/path``, just the path in a watched repository, each with and without its ref."""
    spelled = [f"{name.project}/{name.path}", f"https://{name.host}/{name.project}/{name.path}"]
    if signed.ours(name):
        spelled.insert(0, name.path)
    return spelled + [f"{text}@{name.ref}" for text in spelled]


def _ref(signed: Signed) -> list[list[str]]:
    """The ref that was built; also the workflow's own ref, unless the workflow is of another repository."""
    refs = list(signed.subject.texts("source-repository-ref") or signed.subject.texts("github-workflow-ref"))
    source = source_of(signed)
    own = (source.host, source.project) if source else None
    refs += [name.ref for name in ci_names(signed) if name.ref and own in (None, (name.host, name.project))]
    return [[ref] for ref in dict.fromkeys(refs)]


def _repository(signed: Signed) -> list[list[str]]:
    """``host/owner/repo`` of the source, else of the workflow."""
    source = source_of(signed)
    names = [source] if source else ci_names(signed)
    return [[f"{name.host}/{name.project}", name.project] for name in names]


def _san(signed: Signed) -> list[list[str]]:
    return [[signed.name]]


_READERS: dict[str, Callable[[Signed], list[list[str]]]] = {
    "workflow": _workflow,
    "ref": _ref,
    "repository": _repository,
    "san": _san,
}
