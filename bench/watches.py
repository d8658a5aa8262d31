"""A thousand watches of mixed forms, as a big organisation would have them; one of them is the one that hits."""

import hashlib
from typing import Any

from monitor.watch import Watch, build_watches
from sandbox.bulk import WATCHED_REPO


def mixed_watches(count: int = 1000) -> tuple[Watch, ...]:
    """`count` watches; only the first concerns the sandbox's bulk logs."""
    tables: list[dict[str, Any]] = [{"github_repo": WATCHED_REPO, "expect": {"ref": "refs/tags/v*"}}]
    tables += [_FORMS[at % len(_FORMS)](at) | {"name": f"watch {at}"} for at in range(1, count)]
    return build_watches(tables)


def _hash(at: int) -> str:
    return hashlib.sha256(b"%d" % at).hexdigest()


_FORMS = (
    lambda at: {"github_repo": f"acme{at}/widget{at}", "github_repo_id": 100_000_000 + at},
    lambda at: {"github_org": f"acme-{at}"},
    lambda at: {"email": f"release{at}@acme{at}.example", "expect": {"issuer": "https://accounts.google.com"}},
    lambda at: {"email_domain": f"acme{at}.example"},
    lambda at: {"san": f"https://ci.acme{at}.example/job/{at}"},
    lambda at: {"san_glob": f"https://github.com/globbed{at}/*/.github/workflows/release.yml@refs/tags/*"},
    lambda at: {"san_regex": rf"https://ci\.acme{at}\.example/(build|release)/v[0-9]+\.[0-9]+"},
    lambda at: {"san_regex": rf"https://github\.com/[^/]+/tool{at}x/\.github/workflows/.*@refs/heads/main"},
    lambda at: {"key_fingerprint": _hash(at)},
    lambda at: {"digests": [f"sha256:{_hash(-at)}"]},
    lambda at: {"gitlab_project": f"group{at}/sub/project{at}"},
    lambda at: {"extensions": {"source-repository-owner-identifier": str(500_000_000 + at)}},
)
