"""A watch that makes no sense is refused at load, with the path of the setting and the reason."""

import pickle
from typing import Any

import pytest

from monitor.expect import Requirement, Value
from monitor.match import Matcher
from monitor.patterns import Pattern
from monitor.watch import Watch, build_watch, build_watches
from sandbox.keys import SigningKey
from tests.unit.monitor.watching import sandbox_ca
from verifier.errors import Refused

KEY = SigningKey.make("ecdsa-p256", "watch")
HEX = "abaf11c65a2970b130abe3c479be3e430041188600000000000000000000ffff"


def patterns(**table: Any) -> list[tuple[str, str, str]]:
    return [(one.field, one.form, one.value) for one in build_watch(table).patterns]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"san": "x@y.example"}, [("name", "exact", "x@y.example")]),
        ({"san": "https://ci.example/*"}, [("name", "glob", "https://ci.example/*")]),
        ({"san": ["regex:a.c", "exact:a*c"]}, [("name", "regex", "a.c"), ("name", "exact", "a*c")]),
        ({"github_repo": "acme/widget"}, [("repository", "exact", "github.com/acme/widget")]),
        ({"github_repo": "https://ghe.acme.example/a/b.git"}, [("repository", "exact", "ghe.acme.example/a/b")]),
        ({"github_org": "acme"}, [("organization", "exact", "github.com/acme")]),
        ({"gitlab_project": "a/b/c"}, [("project", "exact", "gitlab.com/a/b/c")]),
        ({"email_domain": "@acme.example"}, [("email-domain", "exact", "acme.example")]),
        ({"email_domain": "*.acme.example"}, [("name", "glob", "*@*.acme.example")]),
        ({"extensions": {"build_trigger": "push"}}, [("build-trigger", "exact", "push")]),
        ({"extensions": {"1.3.6.1.4.1.57264.1.20": "prefix:p"}}, [("build-trigger", "prefix", "p")]),
        ({"key_fingerprint": ":".join(HEX[at : at + 2].upper() for at in range(0, 64, 2))}, [("key", "exact", HEX)]),
        ({"key_fingerprint": f"sha256:{HEX}"}, [("key", "exact", HEX)]),
        ({"key_fingerprint": "openpgp4fpr:" + HEX[:40]}, [("key", "exact", HEX[:40])]),
        ({"digests": [HEX.upper()]}, [("digest", "exact", f"sha256:{HEX}")]),
    ],
)
def test_each_setting_makes_its_patterns(table: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    assert patterns(**table) == expected


@pytest.mark.parametrize(
    ("table", "path", "reason"),
    [
        ({}, "watch.0", "looks for nothing"),
        ({"expect": {"ref": "x"}}, "watch.0", "looks for nothing"),
        ({"email": []}, "watch.0.email", "empty list"),
        ({"email": "ann"}, "watch.0.email", "no e-mail address"),
        ({"email": " "}, "watch.0.email", "empty value"),
        ({"email": True}, "watch.0.email", "not bool"),
        ({"emial": "a@b.example"}, "watch.0.emial", "did you mean 'email'"),
        ({"github_repo": "acme"}, "watch.0.github_repo", "owner/repository"),
        ({"github_repo": "a/b/c"}, "watch.0.github_repo", "too many parts"),
        ({"github_org": "acme/widget"}, "watch.0.github_org", "no organisation"),
        ({"email_domain": "*"}, "watch.0.email_domain", "no domain"),
        ({"san_regex": "(?!x)y"}, "watch.0.san_regex", "negative look-ahead"),
        ({"san_regex": r"(a)\1"}, "watch.0.san_regex", "back reference"),
        ({"san_regex": "a("}, "watch.0.san_regex", "missing"),
        ({"san": "regex:("}, "watch.0.san", "missing"),
        ({"san": "regex:"}, "watch.0.san", "empty regex"),
        ({"extensions": {"nonsense": "x"}}, "watch.0.extensions.nonsense", "no such certificate extension"),
        ({"extensions": "x"}, "watch.0.extensions", "source-repository-uri"),
        ({"key_fingerprint": "abcd"}, "watch.0.key_fingerprint", "no fingerprint"),
        ({"certificate_fingerprint": HEX[:40]}, "watch.0.certificate_fingerprint", "SHA-256 of the certificate"),
        ({"digests": "sha256:12"}, "watch.0.digests", "no digest"),
        ({"key_file": "k.pem"}, "watch.0.key_file", "cannot be read"),
        ({"san": "x", "severity": "loud"}, "watch.0.severity", "critical"),
        ({"san": "x", "foreign_source": "ignore"}, "watch.0.foreign_source", "page, count"),
        ({"san": "x", "unanchored": "yes"}, "watch.0.unanchored", "true or false"),
        ({"san": "x", "name": "a\nb"}, "watch.0.name", "one line"),
        ({"san": "x", "expect": "always"}, "watch.0.expect", "never"),
        ({"san": "x", "expect": {}}, "watch.0.expect", "accept everything"),
        ({"san": "x", "expect": {"ref": []}}, "watch.0.expect.ref", "empty list"),
        ({"san": "x", "expect": {"reff": "a"}}, "watch.0.expect.reff", "no such certificate extension"),
        ({"san": "x", "expect": {"ref": "regex:(?<=a)"}}, "watch.0.expect.ref", "look-behind"),
        ({"san": "x", "expect": {"per_run": 0}}, "watch.0.expect.per_run", "at least 1"),
        ({"san": "x", "expect": {"per_run": True}}, "watch.0.expect.per_run", "at least 1"),
        ({"san": "x", "expect": [{"ref": "a"}, {"ref": ""}]}, "watch.0.expect.1.ref", "empty value"),
        ({"san": "x", "expect": {"digests": []}}, "watch.0.expect.digests", "empty list"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_path(table: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        build_watches([table])
    assert str(refused.value).startswith(f"{path}: ")
    assert reason in str(refused.value)


def test_two_watches_of_one_name_are_refused() -> None:
    with pytest.raises(Refused, match=r"watch\.1\.name"):
        build_watches([{"san": "x"}, {"san": "x", "severity": "low"}])


@pytest.mark.parametrize("form", ["pem", "der", "certificate pem", "certificate der"])
def test_a_key_file_may_hold_a_key_or_a_certificate(form: str) -> None:
    certified = sandbox_ca().certificate("ann@acme.example", key=KEY)
    files = {"pem": KEY.pem, "der": KEY.spki, "certificate pem": certified.pem, "certificate der": certified.der}
    watch = build_watch({"key_file": "k"}, read_file=lambda name: files[form] if name == "k" else b"")
    assert [(one.field, len(one.value)) for one in watch.patterns] == [("key", 64)]
    by_fingerprint = build_watch({"key_fingerprint": watch.patterns[0].value})
    assert by_fingerprint.patterns == watch.patterns


def test_a_key_file_with_something_else_is_refused() -> None:
    with pytest.raises(Refused, match="key_file"):
        build_watch({"key_file": "k"}, read_file=lambda _: b"no key")


def test_the_id_of_a_repository_is_an_alternative_to_its_name_and_both_are_required() -> None:
    watch = build_watch({"github_repo": "acme/widget", "github_repo_id": 7, "github_owner_id": 9})
    assert [(one.field, one.group) for one in watch.patterns] == [
        ("repository", "repository"),
        ("source-repository-identifier", "repository"),
    ]
    assert watch.require == (
        Requirement("repo_id", (Value("exact", "7"),)),
        Requirement("owner_id", (Value("exact", "9"),)),
        Requirement("repository", (Value("exact", "github.com/acme/widget"),)),
    )


def test_an_id_alone_is_looked_for() -> None:
    assert patterns(github_repo_id=7) == [("source-repository-identifier", "exact", "7")]
    assert patterns(github_owner_id=9) == [("source-repository-owner-identifier", "exact", "9")]


def test_watches_and_matchers_travel_to_workers() -> None:
    watches = build_watches(
        [{"san_regex": ["a.c"], "expect": [{"ref": "refs/tags/v*", "digests": [HEX]}]}, {"email": "a@b.example"}]
    )
    again = pickle.loads(pickle.dumps(Matcher(watches)))
    assert again.watches == watches


def test_unanchored_is_said_of_expressions_only() -> None:
    watch = build_watch({"san_regex": "acme", "unanchored": True})
    assert watch.patterns == (Pattern("name", "regex", "acme", "san", True),)
    assert not build_watch({"san_glob": "acme*", "unanchored": True}).patterns[0].unanchored


def test_the_name_follows_from_what_is_watched() -> None:
    assert build_watch({"github_repo": "acme/widget"}).name == "acme/widget"
    assert isinstance(build_watch({"email": "a@b.example"}), Watch)
