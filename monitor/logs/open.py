"""Which reader reads this kind of log?"""

from collections.abc import Callable, Mapping

from monitor.logs.log import Log, LogKind, LogSpec
from monitor.logs.rekor_v1 import RekorV1Log
from monitor.logs.tiled import TiledLog
from verifier.errors import Refused
from verifier.fetch.http import Http

READERS: Mapping[LogKind, Callable[[LogSpec, Http], Log]] = {
    "rekor-v1": RekorV1Log,
    "rekor-v2": TiledLog,
}


def open_log(spec: LogSpec, http: Http) -> Log:
    """The log that `spec` names; nothing is read yet."""
    reader = READERS.get(spec.kind)
    if reader is None:
        raise Refused(f"logs of kind {spec.kind} cannot be read yet", code="log-kind")
    return reader(spec, http)
