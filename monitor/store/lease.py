"""Who may write: one daemon at a time, and none that has lost its turn."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from monitor.store.schema import lease
from verifier.errors import Refused

LEASE_TIME = timedelta(seconds=60)
"""How long a daemon that stopped without a word keeps others out (on the same machine: not at all)."""

_NAME = "monitor"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write until `expires_at`; `token` grows with every holder and fences the ones before."""

    holder: str
    token: int
    expires_at: datetime


def this_process() -> str:
    """Machine, process and its start: a number that is used again is another process."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def acquire(connection: Connection, holder: str, now: datetime) -> Lease:
    """The lease, or Refused(lease-held) while another living process has it."""
    row = connection.execute(select(lease).where(lease.c.name == _NAME)).one_or_none()
    if row is None:
        connection.execute(insert(lease).values(name=_NAME, holder=holder, token=1, expires_at=now + LEASE_TIME))
        return Lease(holder, 1, now + LEASE_TIME)
    # A clock that went back must not lock us out: a lease never ends later than one lease time from now.
    held = now < row.expires_at <= now + LEASE_TIME
    if held and row.holder != holder and not _is_dead(row.holder):
        raise Refused(
            f"another monitor works on this database: {row.holder}, until {row.expires_at:%H:%M:%SZ}",
            code="lease-held",
            hint="stop it first, or wait",
        )
    got = Lease(holder, row.token + 1, now + LEASE_TIME)
    _write(connection, got)
    return got


def check_and_renew(connection: Connection, mine: Lease, now: datetime) -> Lease:
    """The same lease for another while; Refused(lease-lost) when another holder has come since."""
    token = connection.execute(select(lease.c.token).where(lease.c.name == _NAME)).scalar_one_or_none()
    if token != mine.token:
        raise Refused(
            "another monitor has taken over this database", code="lease-lost", hint="this one stops; see the other one"
        )
    renewed = Lease(mine.holder, mine.token, now + LEASE_TIME)
    _write(connection, renewed)
    return renewed


def release(connection: Connection, mine: Lease, now: datetime) -> None:
    """Let the next one in at once."""
    here = (lease.c.name == _NAME, lease.c.token == mine.token)
    connection.execute(update(lease).where(*here).values(expires_at=now))


def _write(connection: Connection, one: Lease) -> None:
    values = {"holder": one.holder, "token": one.token, "expires_at": one.expires_at}
    connection.execute(update(lease).where(lease.c.name == _NAME).values(values))


def _is_dead(holder: str) -> bool:
    """Whether the holder was a process of this machine that is no more."""
    host, _, rest = holder.partition(":")
    number, _, started = rest.partition(":")
    if host != socket.gethostname() or not number.isdecimal():
        return False
    return _started(int(number)) != started


def _started(process: int) -> str:
    """The start time of a process in ticks since boot, empty if there is no such process (Linux; else its liveness)."""
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return "" if Path("/proc/self").exists() else _alive(process)
    except (OSError, IndexError):
        return _alive(process)


def _alive(process: int) -> str:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        return "?"
    return "?"
