"""Who is this machine, according to the place it runs in?

Ambient identity tokens, one row a provider, asked in cosign's order; the first that is present answers. A provider that
is present but fails is an error, not a reason to ask the next one: nobody should sign as somebody unexpected.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from signer.answers import text_of
from signer.spiffe import fetch_jwt_svid
from verifier.errors import Refused, Unreachable
from verifier.fetch.call import Call, Reply, expect

if TYPE_CHECKING:
    from verifier.fetch.http import Http

_TOKEN_FILE = Path("/var/run/sigstore/cosign/oidc-token")
_PRODUCT = Path("/sys/class/dmi/id/product_name")
_METADATA = "metadata.google.internal"
_IAM = "https://iamcredentials.googleapis.com"
_CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LARGEST = 1 << 20
# Where a job surely could have a token, and what it needs for that.
_FORGOTTEN = {
    "GITHUB_ACTIONS": "give the job 'permissions: id-token: write'",
    "GITLAB_CI": "give the job 'id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore'",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where we run: its variables, the files that providers leave, and the way to their services."""

    env: Mapping[str, str] = field(repr=False)
    http: "Http"
    token_file: Path = _TOKEN_FILE
    product: Path = _PRODUCT
    iam_url: str = _IAM


class Provider(NamedTuple):
    """A row: its name, whether it is here, and its token for an audience."""

    name: str
    present: Callable[[Place], bool]
    fetch: Callable[[Place, str], str]


def ambient_token(place: Place, audience: str, wanted: str = "") -> tuple[str, str] | None:
    """(name of the provider, token) of the first provider that is here, or of `wanted`; None if there is none.

    Refused for an unknown name, or one that is not here; Unreachable where the provider does not answer.
    """
    if wanted and wanted not in PROVIDERS:
        raise Refused(
            f"unknown identity provider '{wanted}'", code="oidc-provider", hint=f"one of {', '.join(PROVIDERS)}"
        )
    for row in PROVIDERS.values():
        if wanted and row.name != wanted:
            continue
        if row.present(place):
            return row.name, row.fetch(place, audience).strip()
        if wanted:
            raise Refused(f"the identity provider '{wanted}' is not available here", code="oidc-provider")
    for name, hint in _FORGOTTEN.items():
        if place.env.get(name):
            raise Refused("this CI job has no identity token", code="oidc-permission", hint=hint)
    return None


def _github(place: Place, audience: str) -> str:
    url, secret = place.env.get("ACTIONS_ID_TOKEN_REQUEST_URL"), place.env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not secret:
        raise Refused("this CI job has no identity token", code="oidc-permission", hint=_FORGOTTEN["GITHUB_ACTIONS"])
    joined = f"{url}{'&' if '?' in url else '?'}audience={quote(audience, safe='')}"
    headers = {"Authorization": f"bearer {secret}"}
    return text_of(_ask(place, Call("GET", joined, _LARGEST, headers=headers), "GitHub Actions"), "value")


def _buildkite(place: Place, audience: str) -> str:
    endpoint = place.env.get("BUILDKITE_AGENT_ENDPOINT") or "https://agent.buildkite.com/v3"
    job, secret = place.env.get("BUILDKITE_JOB_ID"), place.env["BUILDKITE_AGENT_ACCESS_TOKEN"]
    if not job:
        raise Refused("BUILDKITE_JOB_ID is not set", code="oidc-provider")
    headers = {"Authorization": f"Token {secret}", "Content-Type": "application/json"}
    url = f"{endpoint.rstrip('/')}/jobs/{quote(job, safe='')}/oidc/tokens"
    body = b'{"audience":"%s"}' % quote(audience, safe="-._~:/").encode()
    return text_of(_ask(place, Call("POST", url, _LARGEST, headers=headers, content=body), "Buildkite"), "token")


def _file(place: Place, _audience: str) -> str:
    try:
        return place.token_file.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        raise Refused(f"the token file {place.token_file} cannot be read", code="oidc-provider") from None


def _on_google(place: Place) -> bool:
    try:
        return "Google" in place.product.read_text("utf-8", "replace")
    except OSError:
        return False


def _google(place: Place, audience: str) -> str:
    path = f"identity?audience={quote(audience, safe='')}&format=full"
    return _metadata(place, path).body.decode("ascii", "replace")


def _impersonate(place: Place, audience: str) -> str:
    account = place.env["GOOGLE_SERVICE_ACCOUNT_NAME"]
    secret = text_of(_metadata(place, f"token?scopes={quote(_CLOUD_SCOPE, safe='')}"), "access_token")
    url = f"{place.iam_url}/v1/projects/-/serviceAccounts/{quote(account, safe='@')}:generateIdToken"
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    body = b'{"audience":"%s","includeEmail":true}' % quote(audience, safe="-._~:/").encode()
    return text_of(_ask(place, Call("POST", url, _LARGEST, headers=headers, content=body), "Google IAM"), "token")


def _metadata(place: Place, path: str) -> Reply:
    host = place.env.get("GCE_METADATA_HOST") or _METADATA
    url = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/{path}"
    return _ask(place, Call("GET", url, _LARGEST, headers={"Metadata-Flavor": "Google"}), "the Google metadata server")


def _spiffe(place: Place, audience: str) -> str:
    return fetch_jwt_svid(place.env["SPIFFE_ENDPOINT_SOCKET"], audience)


def _ask(place: Place, call: Call, who: str) -> Reply:
    """The answer, without URL or body in any message: both may hold secrets."""
    try:
        return expect(place.http.send(call), 200, 201)
    except Unreachable as error:
        raise Unreachable(
            f"{who} gave no identity token" + (f" (status {error.status})" if error.status else f" ({error.cause})"),
            code="oidc-provider",
            cause=error.cause,
            status=error.status,
        ) from None


def _has(*names: str) -> Callable[[Place], bool]:
    return lambda place: all(place.env.get(name) for name in names)


PROVIDERS: dict[str, Provider] = {
    row.name: row
    for row in (
        Provider("github-actions", _has("ACTIONS_ID_TOKEN_REQUEST_URL"), _github),
        Provider("buildkite-agent", _has("BUILDKITE_AGENT_ACCESS_TOKEN"), _buildkite),
        Provider("envvar", _has("SIGSTORE_ID_TOKEN"), lambda place, _audience: place.env["SIGSTORE_ID_TOKEN"]),
        Provider("filesystem", lambda place: place.token_file.is_file(), _file),
        Provider("google-workload-identity", _on_google, _google),
        Provider("google-impersonate", _has("GOOGLE_SERVICE_ACCOUNT_NAME"), _impersonate),
        Provider("spiffe", _has("SPIFFE_ENDPOINT_SOCKET"), _spiffe),
    )
}
