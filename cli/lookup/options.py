"""Which options do the look-ups share, and what do they open?"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from cli.config_model import parse_duration
from cli.version import VERSION
from verifier.errors import Refused

if TYPE_CHECKING:
    from verifier.fetch.http import Http

PUBLIC = "https://rekor.sigstore.dev"
STAGING = "https://rekor.sigstage.dev"


@dataclass(frozen=True, slots=True)
class Where:
    """Which server or shard is asked, how the answer is shown, and by which keys it is proven."""

    rekor_server: str | None
    origin: str | None
    read_url: str | None
    style: str
    timeout: str
    retry: int
    trusted_root: str | None
    rekor_public_key: str | None
    staging: bool

    @property
    def url(self) -> str:
        """The base URL of the Rekor v1 server."""
        return (self.rekor_server or (STAGING if self.staging else PUBLIC)).rstrip("/")

    @property
    def is_v2(self) -> bool:
        """Whether a shard of Rekor v2 is meant: it is named by its origin."""
        return self.origin is not None


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every look-up; each also from ``REKOR_<OPTION>``. The function gets a `Where`."""
    rows: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
        (
            ("--rekor_server", "--rekor-server", "--rekor-url", "rekor_server"),
            {"envvar": ["REKOR_REKOR_SERVER", "COSIGN_REKOR_URL"], "help": f"Rekor v1 server (default: {PUBLIC})."},
        ),
        (("--origin", "origin"), {"envvar": "REKOR_ORIGIN", "help": "A shard of Rekor v2, by its origin."}),
        (("--read-url", "read_url"), {"envvar": "REKOR_READ_URL", "help": "Where that shard's tiles are."}),
        (
            ("--format", "style"),
            {
                "type": click.Choice(("default", "json", "tle")),
                "default": "default",
                "envvar": "REKOR_FORMAT",
                "help": "How to show it.",
            },
        ),
        (("--timeout", "timeout"), {"default": "30s", "envvar": "REKOR_TIMEOUT", "help": "For each request."}),
        (("--retry", "retry"), {"type": click.IntRange(0, 20), "default": 3, "envvar": "REKOR_RETRY"}),
        (("--trusted-root", "trusted_root"), {"envvar": "REKOR_TRUSTED_ROOT", "help": "Trust root (JSON)."}),
        (
            ("--rekor-public-key", "rekor_public_key"),
            {"envvar": "SIGSTORE_REKOR_PUBLIC_KEY", "help": "The log's key (PEM), instead of a trust root."},
        ),
        (("--staging", "staging"), {"is_flag": True, "help": "The staging instance."}),
    )

    def call(**values: Any) -> Any:
        where = Where(**{field.name: values.pop(field.name) for field in fields(Where)})
        return function(where=where, **values)

    call.__doc__ = function.__doc__
    call.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    decorated: Callable[..., Any] = call
    for names, settings in reversed(rows):
        decorated = click.option(*names, **settings)(decorated)
    return decorated


def open_http(where: Where) -> "Http":
    """The HTTP client of one look-up."""
    from verifier.fetch.http import Http, HttpPolicy

    try:
        seconds = parse_duration(where.timeout).total_seconds()
    except ValueError as error:
        raise Refused(f"--timeout: {error}", code="usage") from None
    return Http(HttpPolicy(user_agent=f"sigwarden/{VERSION}", total_timeout=seconds, retries=where.retry))
