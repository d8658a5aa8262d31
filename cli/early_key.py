"""Can the key be opened while the rest of the program is still being loaded?

Deriving the key of an encrypted file takes a fifth of a second outside Python's lock; loading our modules takes half of
that inside it. Done at the same time, only the longer counts. Nothing is asked of anybody here, and what goes wrong is
told when the key is wanted.
"""

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signer.keys.key import SigningKey


class EarlyKey:
    """A key file that is being opened."""

    def __init__(self, path: str, password: bytes) -> None:
        self._path, self._password = path, password
        self._key: SigningKey | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._open, daemon=True, name="key")
        self._thread.start()

    def __repr__(self) -> str:
        return "EarlyKey"

    def key(self) -> "SigningKey":
        """The key, once it is open; raises what opening it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._key is not None
        return self._key

    def _open(self) -> None:
        try:
            from signer.keys.sealed import derive, is_sealed

            with open(self._path, "rb") as file:  # noqa: PTH123 - nothing is loaded for it
                data = file.read((64 << 10) + 1)
            derived = derive(data, self._password) if is_sealed(data) else None
            from signer.keys.pem import read_private_key

            self._key = read_private_key(data, lambda: self._password, derived)
        except BaseException as error:
            self._error = error


def begin(flags: Mapping[str, Any]) -> EarlyKey | None:
    """Begin to open the key file that ``--key`` names, if no question has to be asked for it."""
    path, password = flags["key"], os.environ.get("COSIGN_PASSWORD")
    if not path or password is None or ":" in path or not os.path.isfile(path):  # noqa: PTH113 - as above
        return None
    return EarlyKey(path, password.encode())
