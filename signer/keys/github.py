"""How does a new key get into the secrets of a repository or organisation? (``github://OWNER[/REPO]``, write-only)

GitHub's REST API: the secrets' public key, then PUT of each secret in a libsodium sealed box. GitHub never gives a
secret back, so that such a reference cannot sign.
"""

import base64
import re
from typing import TYPE_CHECKING, Any, NoReturn

from nacl.public import PublicKey as BoxKey
from nacl.public import SealedBox

from signer.answers import members_of
from signer.keys.key import generate
from signer.keys.pem import seal_key
from signer.keys.remote import ask, json_call, text_in
from verifier.errors import Malformed, Refused
from verifier.jsonstrict import b64

if TYPE_CHECKING:
    from signer.keys import Access, Created

_REFERENCE = re.compile(r"github://([A-Za-z0-9-]+)(?:/([A-Za-z0-9._-]+))?", re.ASCII)
_API = "https://api.github.com"
_NAMES = ("COSIGN_PASSWORD", "COSIGN_PRIVATE_KEY", "COSIGN_PUBLIC_KEY")


def load(_reference: str, _access: "Access") -> NoReturn:
    """Always Refused: secrets of GitHub cannot be read."""
    raise Refused(
        "a key at github:// cannot sign from here: GitHub does not give secrets back",
        code="key-write-only",
        hint="in a workflow use --key env://COSIGN_PRIVATE_KEY",
    )


def create(reference: str, access: "Access") -> "Created":
    """A new key pair in three secrets."""
    from signer.keys import Created

    match = _REFERENCE.fullmatch(reference)
    token = access.env.get("GITHUB_TOKEN")
    if match is None:
        raise Refused(
            "the reference is not usable: github://OWNER or github://OWNER/REPO is needed", code="key-reference"
        )
    if not token:
        raise Refused("GITHUB_TOKEN is not set", code="key-credentials", hint="a token that may write secrets")
    headers = {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"}
    base = _base(access.env.get("GITHUB_HOST") or "", match[1], match[2])
    answer = members_of(ask(access.http, json_call("GET", f"{base}/public-key", headers), "GitHub"))
    box, key_id = _box(text_in(answer, "key")), text_in(answer, "key_id")
    password, key = access.password(), generate()
    lines = []
    for name, value in zip(_NAMES, (password, seal_key(key, password), key.public.pem), strict=True):
        body: dict[str, Any] = {"encrypted_value": base64.b64encode(box.encrypt(value)).decode(), "key_id": key_id}
        if not match[2]:
            body["visibility"] = "all"  # of an organisation: every repository, as cosign does
        ask(access.http, json_call("PUT", f"{base}/{name}", headers, body), "GitHub")
        lines.append(f"{name} written to the secrets of {match[1]}{'/' + match[2] if match[2] else ''}")
    return Created(key.public, tuple(lines))


def _base(host: str, owner: str, repository: str | None) -> str:
    """The URL of the secrets; an enterprise server has its API below /api/v3."""
    bare = host.rstrip("/")
    api = _API if not bare or bare == "https://github.com" else f"{bare if '://' in bare else 'https://' + bare}/api/v3"
    where = f"repos/{owner}/{repository}" if repository else f"orgs/{owner}"
    return f"{api}/{where}/actions/secrets"


def _box(text: str) -> SealedBox[BoxKey]:
    raw = b64(text, "GitHub's public key")
    if len(raw) != BoxKey.SIZE:
        raise Malformed("GitHub's public key is not 32 bytes", code="service-reply")
    return SealedBox(BoxKey(raw))
