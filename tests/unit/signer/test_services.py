"""Which services sign: cosign's rules, explicit URLs first, and hopeless plans refused before a login."""

from datetime import UTC, datetime, timedelta

import pytest

from signer.services import Log, Overrides, Services, choose
from verifier.errors import Refused
from verifier.signing_config import Selection, Service, SigningConfig
from verifier.window import Window

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)
OPEN = Window(NOW - DAY, None)
ANY, ALL = Selection("ANY"), Selection("ALL")


def service(url: str, version: int = 1, window: Window = OPEN, operator: str = "") -> Service:
    return Service(url, version, window, operator or url)


def config(**changes: object) -> SigningConfig:
    members: dict[str, object] = {
        "rekor_tlogs": (service("https://v1/", 1), service("https://v2", 2)),
        "cas": (service("https://ca/"),),
        "oidcs": (service("https://oidc/auth"),),
        "tsas": (service("https://tsa/api/v1/timestamp"),),
        "rekor_selection": ANY,
        "tsa_selection": ANY,
    }
    return SigningConfig(**(members | changes))  # type: ignore[arg-type]


def test_everything_from_the_config() -> None:
    found = choose(config(), Overrides(), NOW, keyless=True)
    assert found == Services(
        "https://ca", "https://oidc/auth", (Log("https://v2", 2),), ("https://tsa/api/v1/timestamp",)
    )


def test_a_key_needs_neither_authority_nor_issuer() -> None:
    found = choose(config(), Overrides(), NOW, keyless=False)
    assert (found.fulcio, found.issuer) == (None, None)


def test_named_urls_win() -> None:
    urls = Overrides("https://my-ca/", "https://me", "https://my-log/", 1, "https://my-tsa/stamp")
    found = choose(config(), urls, NOW, keyless=True)
    assert found == Services("https://my-ca", "https://me", (Log("https://my-log", 1),), ("https://my-tsa/stamp",))


def test_a_named_log_needs_no_rule_for_the_logs_of_the_config() -> None:
    found = choose(config(rekor_selection=Selection()), Overrides(rekor="https://mine"), NOW, keyless=False)
    assert found.logs == (Log("https://mine", 1),)


def test_without_logs() -> None:
    assert choose(config(), Overrides(use_logs=False), NOW, keyless=True).logs == ()
    assert choose(None, Overrides(rekor="https://x", use_logs=False), NOW, keyless=False) == Services()


def test_no_rule_is_refused() -> None:
    with pytest.raises(Refused) as error:
        choose(config(rekor_selection=Selection()), Overrides(), NOW, keyless=False)
    assert error.value.code == "no-selector"


def test_services_that_are_over_are_not_used() -> None:
    over = service("https://old", 1, Window(NOW - 2 * DAY, NOW - DAY))
    with pytest.raises(Refused):
        choose(config(cas=(over,)), Overrides(), NOW, keyless=True)


@pytest.mark.parametrize("logs", [(), (service("https://v2", 2),)])
def test_nothing_that_proves_the_time_is_refused_before_a_login(logs: tuple[Service, ...]) -> None:
    with pytest.raises(Refused) as error:
        choose(config(rekor_tlogs=logs, tsas=()), Overrides(), NOW, keyless=True)
    assert error.value.code == "no-time"
    assert choose(config(rekor_tlogs=logs, tsas=()), Overrides(), NOW, keyless=False).tsas == ()


def test_a_v1_log_proves_the_time() -> None:
    assert choose(config(rekor_tlogs=(service("https://v1"),), tsas=()), Overrides(), NOW, keyless=True).logs


def test_without_an_authority_an_identity_cannot_sign() -> None:
    with pytest.raises(Refused) as error:
        choose(config(cas=()), Overrides(), NOW, keyless=True)
    assert error.value.code == "no-service"
