"""Rows 79, 89 and 91 to 98: what somebody does who reads our configuration, or who writes it badly."""

import pytest

from cli.parts import open_store
from monitor.findings import Finding
from monitor.store import FindingFilter
from sandbox.keys import SigningKey
from sandbox.subjects import Subject, github
from tests.integration.scenarios.harness import World, expect, said
from verifier.errors import Refused

pytestmark = pytest.mark.integration

WIDGET = """
[[watch]]
name = "widget"
github_repo = "acme/widget"
expect.workflow = ".github/workflows/release.yml"
expect.ref = "refs/tags/v*"
expect.trigger = "push"
"""


def watching(world: World, text: str = WIDGET) -> World:
    """The world with this watch."""
    world.watch = text
    world.write()
    expect(world.once(), "OK", *rules_changed(world), exit_code=1)
    return world


def rules_changed(world: World) -> list[str]:
    """The default watch is gone, which is told."""
    return ["watch-weakened"]


def runs(world: World, *subjects: Subject) -> list[Finding]:
    """What the findings are when these sign and a head is published, in log order."""
    for number, subject in enumerate(subjects):
        world.log.sign_blob(subject, artifact=b"artifact %d" % number)
    world.grow(2)
    done = world.once()
    assert done.verdict == "OK", said(done)
    assert all(one.proven for one in done.findings)
    return sorted(done.findings, key=lambda one: one.index or 0)


def fields(finding: Finding) -> set[str]:
    """What differs."""
    return {one.field for one in finding.differs}


def test_row_91_more_from_one_run_than_there_should_be(world: World) -> None:
    watching(world, WIDGET + "expect.per_run = 2\n")
    found = runs(world, *[github("acme/widget", run=7)] * 2)
    assert [one.kind for one in found] == ["expected-identity"] * 2
    (third,) = runs(world, github("acme/widget", run=7))
    assert (third.kind, third.severity, fields(third)) == ("unexpected-identity", "high", {"per_run"})
    (other,) = runs(world, github("acme/widget", run=8))
    assert other.kind == "expected-identity"


def test_row_91_95_what_was_not_released(world: World) -> None:
    from hashlib import sha256

    (world.folder / "released").write_text(sha256(b"artifact 0").hexdigest() + "  widget.tar.gz\n")
    watching(world, WIDGET + 'expect.digests = "file:released"\n')
    one, other = runs(world, github("acme/widget", run=1), github("acme/widget", run=1))
    assert one.kind == "expected-identity"
    assert (other.kind, fields(other)) == ("unexpected-identity", {"digests"})


def test_row_92_the_same_name_registered_by_somebody_else(world: World) -> None:
    watching(world, WIDGET + "github_repo_id = 123456789\n")
    (found,) = runs(world, github("acme/widget", repo_id=666))
    assert (found.kind, found.severity) == ("unexpected-identity", "high")
    assert len(fields(found)) == 1
    assert "workflow" in found.same


@pytest.mark.parametrize(("policy", "kind"), [("page", "unexpected-identity"), ("count", "expected-identity")])
def test_row_93_outsiders_run_our_workflow(world: World, policy: str, kind: str) -> None:
    watching(world, f'\n[[watch]]\nname = "org"\ngithub_org = "acme"\nforeign_source = "{policy}"\n')
    (found,) = runs(world, github("acme/widget", source="stranger/thing"))
    assert found.kind == kind


def test_row_93_our_repository_runs_their_workflow(world: World) -> None:
    watching(world)
    (found,) = runs(world, github("other/ci", ".github/workflows/sign.yml", source="acme/widget"))
    assert (found.kind, "workflow" in fields(found)) == ("unexpected-identity", True)


def test_row_95_a_retired_key_signs(world: World) -> None:
    key = SigningKey.make("ecdsa-p256", "retired")
    (world.folder / "old.pub").write_bytes(key.pem)
    watching(world, '\n[[watch]]\nname = "old key"\nkey_file = "old.pub"\nexpect = "never"\nseverity = "critical"\n')
    world.log.sign_blob(key)
    world.grow(2)
    done = world.once()
    expect(done, "OK", "unexpected-identity", exit_code=1)
    assert (done.findings[0].severity, done.findings[0].proven) == ("critical", True)
    assert [row.state for row in world.owed("unexpected-identity")] == ["sent"]


def test_row_98_an_expectation_becomes_wider(world: World) -> None:
    watching(world)
    world.watch = WIDGET.replace("refs/tags/v*", "refs/*")
    world.write()
    done = world.once()
    expect(done, "OK", "watch-weakened", exit_code=1)
    assert "widget" in done.findings[0].message + done.findings[0].watch
    assert done.findings[0].severity == "medium"
    assert [row.state for row in world.owed("watch-weakened")] == ["sent", "sent"]
    expect(world.once(), "OK", exit_code=0)


def test_row_98_a_watch_becomes_stricter(world: World) -> None:
    watching(world)
    world.watch = WIDGET + "expect.per_run = 2\n"
    world.write()
    expect(world.once(), "OK", exit_code=0)


def test_row_79_a_watch_that_can_never_match(world: World) -> None:
    world.watch = WIDGET + 'expect.issuer = "https://accounts.google.com"\n'
    world.write()
    with pytest.raises(Refused, match="does not issue"):
        world.once()
    world.watch = WIDGET
    world.write()
    assert world.once().verdict == "OK"


def test_row_89_allowed_first_and_signed_then(world: World) -> None:
    """Everything as expected, from a tag that nobody used before: no alarm, and kept as the first of its kind."""
    watching(world)
    runs(world, github("acme/widget", ref="refs/tags/v1.0.0", run=1))
    (found,) = runs(world, github("acme/widget", ref="refs/tags/v6.6.6", run=2))
    assert found.kind == "expected-identity"
    again = runs(world, github("acme/widget", ref="refs/tags/v6.6.6", run=3))[0]
    with open_store(world.config) as store:
        kept = {one.finding.id: one.finding for one in store.findings(FindingFilter(kinds=("expected-identity",)))}
    assert len(kept) == 3
    before, after = kept[found.id].facts["history"], kept[again.id].facts["history"]
    assert (before["same_ref"], after["same_ref"]) == (0, 1)
    assert world.owed("expected-identity") == ()
