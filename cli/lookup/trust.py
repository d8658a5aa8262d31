"""By which keys is an entry that was looked up proven?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cli.inputs import read_input
from cli.trust_material import delivered
from verifier.checkpoint import Checkpoint, read_checkpoint
from verifier.entry import check_entry, check_set
from verifier.entry_json import LogEntry
from verifier.errors import SigwardenError, Untrue
from verifier.keys import PublicKey
from verifier.moment import Moment
from verifier.trust import TrustedLog, TrustedRoot, Window

_EVER = Window(datetime(1970, 1, 1, tzinfo=UTC), None)
_LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Trusted:
    """The logs that may speak. A key given alone (`by_key`) is trusted under whatever host its notes name."""

    logs: tuple[TrustedLog, ...]
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry with the checkpoint that contains it; `moment` where its SET verified."""

    entry: LogEntry
    checkpoint: Checkpoint
    moment: Moment | None

    @property
    def entry_id(self) -> str:
        """80 hex characters on v1 (tree id and leaf hash), the leaf hash on v2."""
        leaf = self.entry.leaf_hash.hex()
        tree = self.checkpoint.origin.rpartition(" - ")[2]
        return f"{int(tree):016x}{leaf}" if tree.isdecimal() and not self.entry.is_v2 else leaf


def trusted_logs(trusted_root: str | None, key: str | None, *, staging: bool) -> Trusted:
    """The logs of ``--trusted-root``, the one key of ``--rekor-public-key``, or those that TUF delivers."""
    if key:
        public = PublicKey.from_pem(read_input(key, limit=_LARGEST))
        return Trusted((TrustedLog("", public.sha256, public, _EVER),), by_key=True)
    if trusted_root:
        return Trusted(TrustedRoot.parse(read_input(trusted_root, limit=_LARGEST)).tlogs)
    return Trusted(delivered({"staging": staging, "offline": False}).tlogs)


def prove(entry: LogEntry, trusted: Trusted) -> Proven:
    """The entry, its signed entry timestamp, checkpoint and inclusion checked; Untrue or Malformed otherwise."""
    failure: SigwardenError | None = None
    for log in _candidates(entry, trusted):
        try:
            moment = check_set(entry, log) if entry.set is not None else None
            return Proven(entry, check_entry(entry, log), moment)
        except SigwardenError as error:
            failure = failure or error
    raise failure or Untrue(
        f"the entry is of a log that is not trusted (log id {entry.log_id.hex()})",
        code="unknown-log",
        hint="give its trust root with --trusted-root, or its key with --rekor-public-key",
    )


def _candidates(entry: LogEntry, trusted: Trusted) -> Sequence[TrustedLog]:
    known = [log for log in trusted.logs if log.log_id == entry.log_id]
    if trusted.by_key and entry.proof is not None and entry.proof.checkpoint:
        host = read_checkpoint(entry.proof.checkpoint).origin.rpartition(" - ")[0]
        known = [replace(log, base_url=f"https://{host}") for log in known]
    return known
