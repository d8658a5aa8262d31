"""Is a log that lies, lags or fails read right, or not at all? Rekor v1 and v2 over real HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from monitor.logs.discover import LogPin, discover
from monitor.logs.log import Head, Leaves, Log, LogKind
from monitor.logs.open import open_log
from sandbox.instance import Instance
from sandbox.rekor_v1 import SandboxV1
from sandbox.rekor_v2 import SandboxV2
from verifier.checkpoint import open_checkpoint
from verifier.errors import Malformed, SigwardenError, Unreachable, Untrue
from verifier.fetch.http import Http, HttpPolicy
from verifier.merkle import Frontier, check_consistency, hash_leaf
from verifier.trust import TrustedRoot

pytestmark = pytest.mark.integration

SIZE = 600
Sandbox = SandboxV1 | SandboxV2
IMPATIENT = HttpPolicy(idle_timeout=0.25, total_timeout=0.5, connect_timeout=1, retries=1, ceiling=4)


@pytest.fixture(params=["v1", "v2"])
def fake(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    made: Sandbox = SandboxV1(seed="reading") if request.param == "v1" else SandboxV2(seed="reading")
    with made:
        made.fill(SIZE)
        made.publish()
        yield made


@pytest.fixture
def fake_v1() -> Iterator[SandboxV1]:
    with SandboxV1(seed="reading") as made:
        made.fill(SIZE)
        made.publish()
        yield made


@pytest.fixture
def fake_v2() -> Iterator[SandboxV2]:
    with SandboxV2(seed="reading") as made:
        made.fill(SIZE)
        made.publish()
        yield made


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(IMPATIENT, sleep=lambda _: None) as client:
        yield client


def heads(fake: Sandbox, http: Http) -> list[Head]:
    trust = TrustedRoot.parse(fake.trusted_root)
    kind: LogKind = "rekor-v1" if isinstance(fake, SandboxV1) else "rekor-v2"
    origin = fake.host if isinstance(fake, SandboxV1) else fake.origin
    (service, *_) = discover(trust, [], [LogPin("fake", kind, read_url=fake.url, origin=origin)], http)
    return list(service.heads())


def opened(fake: Sandbox, http: Http) -> Log:
    return open_log(heads(fake, http)[-1].spec, http)


def proven(fake: Sandbox, http: Http, leaves: Leaves) -> bool:
    """Whether leaves from the start on hash into the head that the log signs."""
    head = heads(fake, http)[-1]
    tree = open_checkpoint(head.note, head.keys, origin=head.spec.origin).tree
    frontier = Frontier.empty()
    for data in leaves.data:
        frontier = frontier.append(hash_leaf(data))
    return frontier.tree == tree


def test_an_honest_log_is_read_whole(fake: Sandbox, http: Http) -> None:
    assert proven(fake, http, opened(fake, http).leaves(0, SIZE, SIZE))


def test_growth_is_proven(fake: Sandbox, http: Http) -> None:
    log, old = opened(fake, http), heads(fake, http)[-1]
    fake.fill(100)
    fake.publish()
    new = heads(fake, http)[-1]
    trees = [open_checkpoint(head.note, head.keys, origin=head.spec.origin).tree for head in (old, new)]
    check_consistency(trees[0], trees[1], log.consistency(SIZE, SIZE + 100))


def test_row_7_entries_left_out_for_good_are_named(fake_v1: SandboxV1, http: Http) -> None:
    log = opened(fake_v1, http)
    fake_v1.drop(41, 42, 43, 99)
    with pytest.raises(Untrue) as caught:
        log.leaves(0, SIZE, SIZE)
    assert caught.value.code == "withheld-entries"
    assert caught.value.evidence["indexes"] == "41-43, 99"


def test_row_7_entries_left_out_of_batches_only_are_read_singly(fake_v1: SandboxV1, http: Http) -> None:
    log = opened(fake_v1, http)
    fake_v1.drop(41, 42, 599, singly=False)
    assert proven(fake_v1, http, log.leaves(0, SIZE, SIZE))


@pytest.mark.parametrize("times", [1, None], ids=["once", "for ever"])
@pytest.mark.parametrize("relabel", [True, False])
def test_row_8_entries_in_each_others_place(fake_v1: SandboxV1, http: Http, times: int | None, relabel: bool) -> None:
    log = opened(fake_v1, http)
    fake_v1.reorder(17, 55, times=times, relabel=relabel)
    if times is None or relabel:  # where all labels fit, only the root tells
        refused_or_unproven(fake_v1, http, lambda: log.leaves(0, SIZE, SIZE))
    else:
        assert proven(fake_v1, http, log.leaves(0, SIZE, SIZE))


def test_row_8_an_entry_twice(fake: Sandbox, http: Http) -> None:
    log = opened(fake, http)
    fake.duplicate(300)
    refused_or_unproven(fake, http, lambda: log.leaves(0, SIZE, SIZE))


@pytest.mark.parametrize("rename", [False, True])
def test_row_9_a_swapped_body(fake: Sandbox, http: Http, rename: bool) -> None:
    log = opened(fake, http)
    fake.swap_leaf(300, b'{"apiVersion":"0.0.1","kind":"other","spec":{}}', rename=rename)
    refused_or_unproven(fake, http, lambda: log.leaves(0, SIZE, SIZE))


def refused_or_unproven(fake: Sandbox, http: Http, read: Callable[[], Leaves]) -> None:
    """A wrong answer is an error that names it, or leaves whose root differs: never leaves that are proven."""
    try:
        leaves = read()
    except (Untrue, Malformed) as error:
        assert error.code in ("withheld-entries", "bundle-length")
    else:
        assert not proven(fake, http, leaves)


@pytest.mark.parametrize("by", [1, 20])
@pytest.mark.parametrize("way", ["short", "long"])
def test_row_11_a_bundle_of_the_wrong_length(fake_v2: SandboxV2, http: Http, way: str, by: int) -> None:
    log = opened(fake_v2, http)
    make = fake_v2.short_bundle if way == "short" else fake_v2.long_bundle
    make(1, by, times=1)
    assert proven(fake_v2, http, log.leaves(0, SIZE, SIZE))
    make(1, by)
    with pytest.raises(Malformed) as caught:
        log.leaves(0, SIZE, SIZE)
    assert caught.value.code == "bundle-length"


def test_row_12_collected_partials(fake_v2: SandboxV2, http: Http) -> None:
    log = opened(fake_v2, http)
    before = log.leaves(0, SIZE, SIZE)
    fake_v2.fill(500)
    fake_v2.publish()
    fake_v2.collect_garbage()
    assert log.leaves(0, SIZE, SIZE).data == before.data
    assert len(log.consistency(300, SIZE)) > 0


def test_row_20_withheld_entries_are_named(fake: Sandbox, http: Http) -> None:
    log = opened(fake, http)
    fake.withhold(256, 300)
    with pytest.raises(Untrue) as caught:
        log.leaves(0, SIZE, SIZE)
    assert caught.value.code == "withheld-entries"
    assert log.leaves(0, 250, SIZE).end == 250


def test_row_23_a_new_shard_of_v1(fake_v1: SandboxV1, http: Http) -> None:
    fake_v1.new_shard(new_key=True)
    fake_v1.fill(30)
    fake_v1.publish()
    old, new = heads(fake_v1, http)
    assert (old.retired, old.spec.base, new.retired, new.spec.base) == (True, 0, False, SIZE)
    assert open_log(old.spec, http).leaves(0, SIZE, SIZE).end == SIZE
    assert proven(fake_v1, http, open_log(new.spec, http).leaves(0, 30, 30))


def test_row_23_a_new_shard_of_v2(fake_v2: SandboxV2, http: Http) -> None:
    successor = fake_v2.new_shard()
    successor.fill(30)
    successor.publish()
    trust = TrustedRoot.parse(fake_v2.trusted_root)
    pins = [LogPin(log.origin, "rekor-v2", read_url=log.url, origin=log.origin) for log in (fake_v2, successor)]
    services = discover(trust, [], pins, http)
    assert [len(service.heads()) for service in services] == [1, 1]
    leaves = open_log(services[1].heads()[0].spec, http).leaves(0, 30, 30)
    assert proven(successor, http, leaves)


def test_row_24_a_shard_that_does_not_answer_leaves_the_others_alone(fake_v2: SandboxV2, http: Http) -> None:
    gone = LogPin("gone", "rekor-v2", read_url="http://127.0.0.1:9", origin=fake_v2.origin)
    here = LogPin("here", "rekor-v2", read_url=fake_v2.url, origin=fake_v2.origin)
    trust = TrustedRoot.parse(fake_v2.trusted_root)
    found = [service.heads()[0] for service in discover(trust, [], [gone, here], http)]
    assert isinstance(found[0].problem, Unreachable)
    assert found[1].problem is None


def test_row_25_a_retired_shard_that_goes_away(fake_v1: SandboxV1, http: Http) -> None:
    fake_v1.new_shard()
    fake_v1.publish()
    old = open_log(heads(fake_v1, http)[0].spec, http)
    fake_v1.shard_gone(0)
    with pytest.raises(Untrue) as caught:
        old.checkpoint()
    assert caught.value.code == "tree-gone"


def test_row_26_another_size_of_a_retired_shard_shows_in_its_head(fake_v1: SandboxV1, http: Http) -> None:
    fake_v1.new_shard()
    fake_v1.fill(10)
    fake_v1.publish()
    before = [head.spec.base for head in heads(fake_v1, http)]
    fake_v1.change_inactive(0, 500)
    old, _new = heads(fake_v1, http)
    assert before == [0, SIZE]
    assert open_checkpoint(old.note, old.keys, origin=old.spec.origin).size == 500


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_row_55_and_56_a_storm_passes(fake: Sandbox, http: Http, code: int) -> None:
    log = opened(fake, http)
    fake.status(code, times=1, retry_after="0")
    assert proven(fake, http, log.leaves(0, SIZE, SIZE))


@pytest.mark.parametrize("code", [429, 503])
def test_row_55_a_storm_that_lasts_is_an_outage_not_a_lie(fake: Sandbox, http: Http, code: int) -> None:
    log = opened(fake, http)
    fake.status(code)
    with pytest.raises(Unreachable) as caught:
        log.leaves(0, SIZE, SIZE)
    assert caught.value.status == code


FAULTS: dict[str, tuple[Callable[[Sandbox], None], str]] = {
    "row 56, a page with 200": (lambda log: log.html_200(), "protocol"),
    "row 57, silence": (lambda log: log.silence(), "timeout"),
    "row 57, one byte a second": (lambda log: log.slow_drip(), "timeout"),
    "row 58, cut off": (lambda log: log.truncate(), "protocol"),
    "row 58, hung up": (lambda log: log.hang_up(), "protocol"),
    "row 60, redirect": (lambda log: log.redirect("http://127.0.0.1:9/"), "redirect"),
    "row 31, oversized": (lambda log: log.oversize(), "too-large"),
    "row 32, bomb": (lambda log: log.gzip_bomb(), "too-large"),
}


@pytest.mark.parametrize(("fault", "cause"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_of_the_way_are_named(fake: Sandbox, http: Http, fault: Callable[[Sandbox], None], cause: str) -> None:
    if cause != "too-large":
        check_cause(fake, http, fault, cause)
        return
    # a cap on bytes is met only by who waits for them, on a busy machine too
    with Http(replace(IMPATIENT, idle_timeout=20, total_timeout=60)) as patient:
        check_cause(fake, patient, fault, cause)


def check_cause(fake: Sandbox, http: Http, fault: Callable[[Sandbox], None], cause: str) -> None:
    log = opened(fake, http)
    fault(fake)
    for attempt in (lambda: log.leaves(0, 10, SIZE), log.checkpoint, lambda: log.consistency(300, SIZE)):
        with pytest.raises(Unreachable) as caught:
            attempt()
        assert caught.value.cause == cause
    assert {head.problem.cause for head in heads(fake, http) if isinstance(head.problem, Unreachable)} == {cause}
    fake.honest()
    assert log.leaves(0, 10, SIZE).end == 10


def test_row_58_an_answer_cut_off_behind_an_honest_length(fake: Sandbox, http: Http) -> None:
    """The structure tells: a bundle is short, JSON does not end."""
    log = opened(fake, http)
    fake.truncate(at=1000, honest_length=False)
    with pytest.raises((Malformed, Untrue)):
        log.leaves(0, 256, SIZE)


@pytest.mark.parametrize("form", ["flipped", "short", "long", "huge", "malformed"])
def test_row_5_a_wrong_proof_is_never_accepted(fake: Sandbox, http: Http, form: str) -> None:
    log, head = opened(fake, http), heads(fake, http)[-1]
    tree = open_checkpoint(head.note, head.keys, origin=head.spec.origin).tree
    fake.fill(10)
    fake.publish()
    head = heads(fake, http)[-1]
    grown = open_checkpoint(head.note, head.keys, origin=head.spec.origin).tree
    fake.wrong_proof(form)
    with pytest.raises(SigwardenError):
        check_consistency(tree, grown, log.consistency(tree.size, grown.size))


def test_row_61_one_of_three_replicas_lags(fake: Sandbox, http: Http) -> None:
    log = opened(fake, http)
    fake.lagging_replica(500)
    for _ in range(3):
        assert log.leaves(400, SIZE, SIZE).end == SIZE
        assert log.consistency(450, SIZE)


def test_row_62_a_cached_head_is_passed_by(fake: Sandbox, http: Http) -> None:
    fake.cached(300)
    head = heads(fake, http)[-1]
    assert open_checkpoint(head.note, head.keys, origin=head.spec.origin).size == SIZE


def test_row_74_a_skewed_clock_is_seen(fake: Sandbox, http: Http) -> None:
    fake.skewed_clock(3600)
    heads(fake, http)
    (skew,) = http.stats.counts().date_skew.values()
    assert 3590 < skew < 3610


def test_a_tick_with_nothing_new_is_one_request(fake: Sandbox, http: Http) -> None:
    trust = TrustedRoot.parse(fake.trusted_root)
    origin = fake.host if isinstance(fake, Instance) else fake.origin
    kind: LogKind = "rekor-v1" if isinstance(fake, SandboxV1) else "rekor-v2"
    (service,) = discover(trust, [], [LogPin("fake", kind, read_url=fake.url, origin=origin)], http)
    service.heads()
    before = len(fake.requests)
    service.heads()
    assert len(fake.requests) - before == 1
