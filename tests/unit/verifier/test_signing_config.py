"""Are the services chosen that sigstore-go would choose, and is an undefined choice refused?"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from verifier.errors import Malformed, Refused
from verifier.signing_config import Selection, Service, SigningConfig, choose_services
from verifier.window import Window

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KIND = "application/vnd.dev.sigstore.signingconfig.v0.2+json"


def service(
    name: str, version: int = 1, start: int = 1, end: int | None = None, operator: str | None = None
) -> Service:
    window = Window(datetime(2026, start, 1, tzinfo=UTC), datetime(2026, end, 1, tzinfo=UTC) if end else None)
    return Service(f"https://{name}.test", version, window, name if operator is None else operator)


A, B, C = service("a"), service("b", start=3), service("c", start=2)


def names(*arguments: Any, now: datetime = NOW, supported: tuple[int, ...] = (1, 2)) -> list[str]:
    services, selector, count = arguments
    return [one.url[8:-5] for one in choose_services(services, selector, count, now, supported)]


def test_newest_start_first() -> None:
    assert names([A, B, C], "ANY", 0) == ["b"]
    assert names([A, B, C], "ALL", 0) == ["b", "c", "a"]
    assert names([A, B, C], "EXACT", 2) == ["b", "c"]


def test_windows_are_inclusive() -> None:
    ends, starts = service("old", end=6), service("new", start=6)
    assert names([ends, starts], "ALL", 0) == ["new", "old"]
    assert names([ends, starts], "ALL", 0, now=datetime(2026, 6, 1, 0, 0, 1, tzinfo=UTC)) == ["new"]
    assert names([ends, starts], "ALL", 0, now=datetime(2026, 5, 31, tzinfo=UTC)) == ["old"]


def test_only_the_highest_supported_version() -> None:
    two, three = service("two", version=2), service("three", version=3)
    assert names([A, two, three, B], "ALL", 0) == ["two"]
    assert names([A, two, three, B], "ALL", 0, supported=(1,)) == ["b", "a"]
    with pytest.raises(Refused):  # versions are not mixed, even to reach the count
        names([A, two, B], "EXACT", 2)


def test_one_per_operator() -> None:
    assert names([service("x", operator="o"), service("y", start=2, operator="o"), A], "ALL", 0) == ["y", "a"]
    with pytest.raises(Refused):
        names([service("x", operator="o"), service("y", operator="o")], "EXACT", 2)


def test_equal_starts_keep_their_order() -> None:
    assert names([service("x"), service("y")], "ALL", 0) == ["x", "y"]


def test_nothing_listed_is_nothing_chosen_but_nothing_usable_is_refused() -> None:
    assert choose_services([], "", 0, NOW, (1,)) == ()
    for selector in ("ANY", "ALL", "EXACT"):
        with pytest.raises(Refused) as caught:
            names([service("late", start=12)], selector, 1)
        assert caught.value.hint


@pytest.mark.parametrize(("selector", "count"), [("", 0), ("SOME", 1), ("EXACT", 0), ("EXACT", -1)])
def test_an_undefined_choice_is_refused(selector: str, count: int) -> None:
    with pytest.raises(Refused) as caught:
        names([A], selector, count)
    assert caught.value.code == "no-selector"


def config(**changes: Any) -> bytes:
    one = {
        "url": "https://a.test",
        "majorApiVersion": 1,
        "validFor": {"start": "2026-01-01T00:00:00Z"},
        "operator": "o",
    }
    whole = {
        "mediaType": KIND,
        "caUrls": [one],
        "oidcUrls": [one],
        "rekorTlogUrls": [one, {**one, "url": "http://127.0.0.1:5550"}],
        "tsaUrls": [one],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "EXACT", "count": 2},
        **changes,
    }
    return json.dumps(whole).encode()


def test_a_whole_config() -> None:
    found = SigningConfig.parse(config())
    assert [len(group) for group in (found.rekor_tlogs, found.cas, found.oidcs, found.tsas)] == [2, 1, 1, 1]
    assert (found.rekor_selection, found.tsa_selection) == (Selection("ANY"), Selection("EXACT", 2))
    assert found.cas[0] == Service("https://a.test", 1, Window(datetime(2026, 1, 1, tzinfo=UTC)), "o")


def test_numbers_and_absent_members_as_protobuf_writes_them() -> None:
    found = SigningConfig.parse(config(rekorTlogConfig={"selector": 1}, tsaConfig={}, caUrls=None))
    assert (found.rekor_selection, found.tsa_selection, found.cas) == (Selection("ALL"), Selection(), ())
    assert (
        SigningConfig.parse(config(tsaConfig={"selector": "SERVICE_SELECTOR_UNDEFINED"})).tsa_selection == Selection()
    )
    assert SigningConfig.parse(json.dumps({"mediaType": KIND}).encode()) == SigningConfig()


def test_the_legacy_form() -> None:
    raw = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.1+json",
        "caUrl": "https://ca.test",
        "oidcUrl": "https://oidc.test",
        "tlogUrls": ["https://r1.test", "https://r2.test"],
        "tsaUrls": ["https://tsa.test"],
    }
    found = SigningConfig.parse(json.dumps(raw).encode())
    assert [one.url for one in found.rekor_tlogs] == ["https://r1.test", "https://r2.test"]
    assert choose_services(found.rekor_tlogs, found.rekor_selection.selector, 0, NOW, (1,))[0].url == "https://r1.test"
    assert found.cas[0].window == Window()


@pytest.mark.parametrize(
    "changes",
    [
        {"mediaType": "text/plain"},
        {"mediaType": None},
        {"caUrls": ["https://a.test"]},
        {"caUrls": [{"url": "https://a.test", "majorApiVersion": 1}]},
        {"caUrls": [{"url": "https://a.test", "majorApiVersion": 1, "validFor": {"end": "2026-01-01T00:00:00Z"}}]},
        {"caUrls": [{"url": "ftp://a.test", "majorApiVersion": 1, "validFor": {"start": "2026-01-01T00:00:00Z"}}]},
        {"caUrls": [{"url": "https://", "majorApiVersion": 1, "validFor": {"start": "2026-01-01T00:00:00Z"}}]},
        {"caUrls": [{"url": "https://a:x/", "majorApiVersion": 1, "validFor": {"start": "2026-01-01T00:00:00Z"}}]},
        {"caUrls": [{"majorApiVersion": 1, "validFor": {"start": "2026-01-01T00:00:00Z"}}]},
        {"caUrls": [{"url": "https://a.test", "majorApiVersion": 1.5, "validFor": {"start": "2026-01-01T00:00:00Z"}}]},
        {"rekorTlogConfig": {"selector": "SOME"}},
        {"rekorTlogConfig": {"selector": 9}},
        {"rekorTlogConfig": {"selector": True}},
        {"rekorTlogConfig": {"selector": "EXACT", "count": "many"}},
        {"rekorTlogConfig": []},
    ],
)
def test_what_is_no_signing_config_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        SigningConfig.parse(config(**changes))
    assert caught.value.code == "signing-config"
