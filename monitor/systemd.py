"""How does the service manager know that we are up, alive, or about to end? sd_notify(3), without a dependency."""

import logging
import socket
import time

log = logging.getLogger(__name__)


class Notifier:
    """Sends states to the socket of ``NOTIFY_SOCKET``; does nothing where there is none."""

    def __init__(self, address: str | None, watchdog_usec: str | None = None) -> None:
        """`address` and `watchdog_usec` are the values of NOTIFY_SOCKET and WATCHDOG_USEC, read by the command line."""
        self._address = _path(address or "")
        self.watchdog_seconds = int(watchdog_usec) / 2e6 if (watchdog_usec or "").isdecimal() and watchdog_usec else 0.0
        """How often to say that we are alive: half of what systemd waits; 0 where it does not."""

    def ready(self, status: str) -> None:
        """We are up and watching."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def reloading(self) -> None:
        """We are reading the configuration again; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        """We are about to end."""
        self._send(f"STOPPING=1\nSTATUS={_line(status)}")

    def alive(self) -> None:
        """Keep the watchdog from restarting us."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send(f"STATUS={_line(text)}")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(1.0)
                sender.sendto(state.encode(), self._address)
        except OSError as error:
            log.warning("the service manager was not reached: %s", error)


def _path(address: str) -> str:
    """An absolute path, or an abstract name, which is written with @ for its leading NUL."""
    if address.startswith("@"):
        return "\0" + address[1:]
    return address if address.startswith("/") else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
