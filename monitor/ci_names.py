"""Which repository, workflow and ref does the name of a CI job spell?

GitHub: ``https://HOST/OWNER/REPO/PATH@REF``; GitLab: ``https://HOST/GROUP/…/PROJECT//PATH@REF`` (protocol.md section
6.3).
"""

import re
from typing import NamedTuple

GITHUB, GITLAB = "github.com", "gitlab.com"
_URI = re.compile(r"https://([^/@]+)/([^@]*)(?:@(.*))?", re.DOTALL)


class CiName(NamedTuple):
    """The parts of one name: `project` is OWNER/REPO or GROUP/…/PROJECT, `path` the workflow's file, "" if absent."""

    host: str
    project: str
    path: str
    ref: str

    @property
    def owner(self) -> str:
        """The organisation or top group."""
        return self.project.partition("/")[0]


def read_ci_name(text: str) -> CiName | None:
    """The parts of a CI job's name or a repository's URI; None if it is neither."""
    match = _URI.fullmatch(text)
    if not match:
        return None
    host, path, ref = match[1], match[2].rstrip("/"), match[3] or ""
    if "//" in path:
        project, _, file = path.partition("//")
    else:
        parts = path.split("/", 2)
        project, file = "/".join(parts[:2]), parts[2] if len(parts) > 2 else ""
    return CiName(host, project, file, ref) if project else None


def repository_of(uri: str) -> CiName | None:
    """The parts of a repository's URI, whose whole path is the project (GitLab groups nest)."""
    match = _URI.fullmatch(uri)
    return CiName(match[1], match[2].rstrip("/"), "", "") if match and match[2] and match[3] is None else None
