"""At which times did the signature provably exist?

Protocol.md 5.6 C: RFC 3161 timestamps over the raw signature, and the integrated times that v1 logs promised. Distinct
authorities count, however often one of them speaks.
"""

from collections.abc import Sequence
from datetime import timedelta

from verifier.bundle import Bundle
from verifier.errors import SigwardenError, Untrue
from verifier.holder import Holder
from verifier.inclusion import ProvenEntry
from verifier.moment import Moment
from verifier.policy import Policy
from verifier.timestamp import check_timestamp
from verifier.trust import TrustedRoot

# A v2 log signs no time; its key's period is held against the timestamps, taken moments before or after logging.
_LOG_SLACK = timedelta(minutes=10)


def check_moments(
    bundle: Bundle,
    entries: Sequence[ProvenEntry],
    holder: Holder,
    rules: tuple[TrustedRoot, Policy],
    warnings: list[str],
) -> tuple[Moment, ...]:
    """Every proven time, from at least as many distinct authorities as the policy demands; Untrue otherwise."""
    trust, policy = rules
    stamped = _timestamps(bundle, trust, policy, holder, warnings)
    logged = tuple(one.moment for one in entries if one.moment is not None)
    if len({one.authority for one in stamped}) < policy.timestamps:
        raise Untrue(
            f"not enough verified signed timestamps: {len(stamped)} < {policy.timestamps}",
            code="timestamp-threshold",
            hint="the policy demands RFC 3161 timestamps that the bundle does not have",
        )
    _check_v2_windows(entries, stamped)
    moments = (*stamped, *logged)
    if holder.certificate is None:
        return moments
    if not moments and policy.insecure_ignore_logs and policy.insecure_clock is not None:
        warnings.append("nothing proves when it was signed: the certificate was checked against the clock")
        return (Moment(policy.insecure_clock, "clock", "clock"),)
    count = len({one.authority for one in moments})
    if count < policy.times:
        raise Untrue(
            f"not enough proven times: {count} < {policy.times}, so the certificate's validity cannot be checked",
            code="time-threshold",
            hint="a timestamp, or an entry of a Rekor v1 log with its promise, is needed",
        )
    return moments


def _timestamps(
    bundle: Bundle, trust: TrustedRoot, policy: Policy, holder: Holder, warnings: list[str]
) -> tuple[Moment, ...]:
    """Moments of the timestamps that verify. One bad one beside a good one is a warning; only bad ones are a failure.

    With a key, and no authority in the trust root, timestamps are left alone: nothing depends on them.
    """
    moments: list[Moment] = []
    failure: SigwardenError | None = None
    for data in bundle.timestamps:
        try:
            moments.append(check_timestamp(data, bundle.signature, trust.tsas))
        except SigwardenError as error:
            failure = failure or error
            warnings.append(f"a timestamp does not count: {error.message}")
    needless = holder.certificate is None and not trust.tsas and not policy.timestamps
    if failure is not None and not moments and not needless:
        raise failure
    return tuple(moments)


def _check_v2_windows(entries: Sequence[ProvenEntry], stamped: Sequence[Moment]) -> None:
    """A log whose key had expired when the signature was made cannot vouch for it (cosign.md section 7, 4)."""
    for one in entries:
        if one.moment is not None:
            continue
        for moment in stamped:
            near = (moment.time - _LOG_SLACK, moment.time, moment.time + _LOG_SLACK)
            if not any(one.log.window.contains(time) for time in near):
                raise Untrue(
                    f"the key of the log {one.log.base_url} was not valid at {moment.time:%Y-%m-%dT%H:%M:%SZ}",
                    code="log-window",
                    hint="the trust root says when each log's key was in use",
                )
