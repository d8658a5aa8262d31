"""What is signed, file by file, and how did it go?

Each file is read once and streamed; one that fails does not keep the others from being signed.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.app import printable
from cli.cosign_flags import tell, warn
from cli.inputs import STDIN, read_artifact, read_input
from cli.sign_output import Output, outputs_of, write_output
from cli.sign_session import Session, session
from signer.sign import Work
from verifier.artifact import Artifact
from verifier.dsse import MAX_PAYLOAD, check_subject
from verifier.errors import Refused, SigwardenError, Untrue

Make = Callable[[str], Work]


def sign_files(files: Sequence[str], flags: Mapping[str, Any]) -> int:
    """``sign-blob``: a signature of each file; the exit code."""
    if not files:
        raise Refused("which file? give it, or - for standard input", code="usage")
    if files.count(STDIN) > 1:
        raise Refused("standard input can be read once", code="usage")
    flags = {**flags, "stdin_taken": STDIN in files}
    outputs = outputs_of(files, flags)
    with session(flags) as shared:
        needed = shared.needs(attest=False, pure=outputs[0].legacy)
        return _all(files, outputs, shared, lambda name: Work(name, read_artifact(name, needed)))


def attest_file(files: Sequence[str], flags: Mapping[str, Any]) -> int:
    """``attest-blob``: a signed statement about one file; the exit code."""
    if bool(flags["predicate"]) == bool(flags["statement"]):
        raise Refused("one of --predicate and --statement is needed", code="usage")
    if len(files) > 1 or (not files and not flags["hash"] and not flags["statement"]):
        raise Refused("one file is attested at a time", code="usage", hint="--hash gives its digest instead")
    names = files or (flags["statement"] or f"sha256:{flags['hash']}",)
    flags = {**flags, "stdin_taken": STDIN in (*files, flags["predicate"], flags["statement"])}
    outputs = outputs_of(names, flags)
    work = _attestation(files[0] if files else "", flags)
    with session(flags) as shared:
        return _all(names, outputs, shared, lambda _name: work)


def _all(names: Sequence[str], outputs: Sequence[Output], shared: Session, make: Make) -> int:
    def one(name: str, output: Output) -> Callable[[], list[str]]:
        return lambda: _one(name, output, shared, make)

    jobs = [one(name, output) for name, output in zip(names, outputs, strict=True)]
    if len(jobs) == 1:
        _say(jobs[0]())
        return 0
    if shared.workers == 1:
        return max([_outcome(name, job) for name, job in zip(names, jobs, strict=True)])
    from cli.side_by_side import side_by_side

    outcomes = side_by_side(jobs, shared.workers)
    return max([_outcome(name, outcome.get) for name, outcome in zip(names, outcomes, strict=True)])


def _outcome(name: str, job: Callable[[], list[str]]) -> int:
    """Tell how one of several files went; 1 if it failed."""
    try:
        _say(job())
    except SigwardenError as error:
        tell(error.message, error.hint)
        return 1
    return 0


def _one(name: str, output: Output, shared: Session, make: Make) -> list[str]:
    """Sign one file and write its outputs; the lines to tell."""
    lines = [] if name == STDIN else [f"Using payload from: {name}"]
    try:
        work = make(name)
        bundle = shared.sign(work)
    except SigwardenError as error:
        error.message = f"signing {name}: {error.message}"
        raise
    written = write_output(output, bundle, shared.key.public)
    shared.delivered(name)
    return [*lines, "Signing artifact...", *written]


def _say(lines: Sequence[str]) -> None:
    sys.stderr.writelines(f"{printable(line)}\n" for line in lines)


def _attestation(name: str, flags: Mapping[str, Any]) -> Work:
    """The statement to sign, and what it is about; read and checked before anybody logs in."""
    from signer.statement import make_statement, read_statement

    artifact = _subject(name, flags)
    if flags["statement"]:
        payload, statement = read_statement(read_input(flags["statement"], limit=MAX_PAYLOAD + 1))
        try:
            check_subject(statement, artifact)
        except Untrue:
            if name or flags["hash"]:
                warn("the statement is not about this file: it is signed as it is")
        return Work(name or flags["statement"], artifact, payload, about_artifact=False)
    predicate = read_input(flags["predicate"], limit=MAX_PAYLOAD + 1)
    digest = artifact.digest("sha256").hex()
    subject = (Path(name).name if name and name != STDIN else "", digest)
    payload = make_statement(subject, flags["type"], predicate, datetime.now(UTC))
    return Work(name or f"sha256:{digest}", artifact, payload)


def _subject(name: str, flags: Mapping[str, Any]) -> Artifact:
    if flags["hash"]:
        return Artifact.from_digest(f"sha256:{flags['hash'].removeprefix('sha256:').lower()}")
    if not name:
        return Artifact({})
    if name == STDIN and STDIN in (flags["predicate"], flags["statement"]):
        raise Refused("standard input can be read once", code="usage")
    return read_artifact(name, (("sha256",), False))
