"""Where does a signing key live? A table of URI schemes, one provider a file.

A provider's module has ``load(reference, access) -> SigningKey``, and where it differs from the default ``public`` (the
public half alone) and ``create`` (a new key there). Modules and SDKs are imported when their scheme is used.
"""

import importlib
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING

from verifier.errors import Refused

if TYPE_CHECKING:
    from signer.keys.key import SigningKey
    from verifier.fetch.http import Http
    from verifier.keys import PublicKey

_SCHEME = re.compile(r"([a-z][a-z0-9-]*):", re.ASCII)
# scheme -> module; those that begin a URI with "//" and pkcs11, which does not (RFC 7512)
PROVIDERS: Mapping[str, str] = {
    "env": "file",
    "http": "file",
    "https": "file",
    "hashivault": "vault",
    "openbao": "vault",
    "k8s": "kubernetes",
    "gitlab": "gitlab",
    "github": "github",
    "awskms": "aws",
    "gcpkms": "gcp",
    "azurekms": "azure",
    "pkcs11": "pkcs11",
}


@dataclass(frozen=True, slots=True)
class Access:
    """How a provider reaches things: variables, HTTP, plain files and URLs, and the person (password, PIN).

    `password` and `pin` are asked only when they are needed; nothing of this is ever shown. `confirm` returns if a key
    that exists may be replaced, and raises Refused otherwise.
    """

    env: Mapping[str, str] = field(repr=False)
    http: "Http"
    read: Callable[[str], bytes]
    password: Callable[[], bytes]
    pin: Callable[[], str] = field(default=lambda: "")
    confirm: Callable[[str], None] = field(default=lambda _question: None)


@dataclass(frozen=True, slots=True)
class Created:
    """A key pair that a provider made: `public` half, and lines that tell where things are."""

    public: "PublicKey"
    lines: tuple[str, ...] = ()


def load_key(reference: str, access: Access) -> "SigningKey":
    """The key behind a reference, ready to sign."""
    key: SigningKey = _module(reference).load(reference, access)
    return key


def load_public(reference: str, access: Access) -> "PublicKey":
    """The public half of the key behind a reference."""
    module = _module(reference)
    if hasattr(module, "public"):
        key: PublicKey = module.public(reference, access)
        return key
    return load_key(reference, access).public


def create_key(reference: str, access: Access) -> Created:
    """A new key where the reference says; Refused where that provider makes none."""
    module = _module(reference)
    if not hasattr(module, "create"):
        raise Refused(f"keys cannot be made at {scheme_of(reference)}:", code="key-scheme")
    made: Created = module.create(reference, access)
    return made


def scheme_of(reference: str) -> str:
    """The scheme of a reference, empty for a path."""
    match = _SCHEME.match(reference)
    scheme = match[1] if match else ""
    if scheme == "pkcs11" or reference[len(scheme) + 1 :].startswith("//"):
        return scheme
    return ""


def _module(reference: str) -> ModuleType:
    scheme = scheme_of(reference)
    if not scheme:
        return importlib.import_module("signer.keys.file")
    name = PROVIDERS.get(scheme)
    if name is None and shutil.which(f"sigstore-kms-{scheme}"):
        name = "plugin"
    if name is None:
        raise Refused(
            f"unknown kind of key: {scheme}://",
            code="key-scheme",
            hint=f"known are {', '.join(PROVIDERS)}; a plug-in sigstore-kms-{scheme} is not on the PATH",
        )
    return importlib.import_module(f"signer.keys.{name}")
