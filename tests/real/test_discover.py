"""Are the logs of real trust roots and signing configs found?"""

from pathlib import Path

import pytest

from monitor.logs.discover import LogPin, discover
from monitor.logs.rekor_v1 import RekorV1Service
from monitor.logs.tiled import TiledService
from sandbox.replay_v1 import ReplayV1
from sandbox.static import StaticLog
from verifier.checkpoint import open_checkpoint
from verifier.errors import Refused
from verifier.fetch.http import Http, HttpPolicy
from verifier.trust import SigningConfig, TrustedRoot

SHARDS = ["log2025-alpha1", "log2025-alpha2", "log2025-alpha3"]


@pytest.mark.parametrize(
    ("instance", "names"),
    [
        ("production", ["rekor.sigstore.dev", "log2025-1.rekor.sigstore.dev"]),
        ("staging", ["rekor.sigstage.dev", *(f"{shard}.rekor.sigstage.dev" for shard in SHARDS)]),
    ],
)
def test_the_public_instances(real_data: Path, instance: str, names: list[str]) -> None:
    folder = real_data / "trust" / instance
    trust = TrustedRoot.parse((folder / "trusted_root.json").read_bytes())
    configs = [SigningConfig.parse(path.read_bytes()) for path in sorted(folder.glob("signing_config*.json"))]
    with Http(HttpPolicy()) as http:
        services = discover(trust, configs, [], http)
    assert [service.name for service in services] == names
    assert [type(service) for service in services] == [RekorV1Service] + [TiledService] * (len(names) - 1)


def test_the_recorded_v1_instance_is_read_where_we_say_and_believed_by_its_own_keys(real_data: Path) -> None:
    folder = real_data / "logs" / "rekor-v1"
    trust = TrustedRoot.parse((folder / "trusted_root.json").read_bytes())
    config = SigningConfig.parse((folder / "signing_config.json").read_bytes())
    with ReplayV1(folder) as replay, Http(HttpPolicy()) as http:
        pin = LogPin("ours", "rekor-v1", read_url=replay.url, origin="rekor.sigwarden.test")
        (service,) = discover(trust, [config], [pin], http)
        heads = service.heads()
        opened = [open_checkpoint(head.note, head.keys, origin=head.spec.origin) for head in heads]
    assert [one.size for one in opened] == [396, 281, 803]


def test_the_recorded_v2_log_is_read_where_we_say_and_believed_by_its_own_key(real_data: Path) -> None:
    folder = real_data / "logs" / "rekor-v2"
    trust = TrustedRoot.parse((folder / "trusted_root.json").read_bytes())
    config = SigningConfig.parse((folder / "signing_config.v0.2.json").read_bytes())
    with StaticLog(folder) as log, Http(HttpPolicy()) as http:
        pin = LogPin("ours", "rekor-v2", read_url=log.url, origin="log2026-1.example.test")
        (service,) = discover(trust, [config], [pin], http)
        (head,) = service.heads()
        assert open_checkpoint(head.note, head.keys, origin=head.spec.origin).size == 3111


def test_an_announced_log_without_a_key_is_told(real_data: Path) -> None:
    config = SigningConfig.parse((real_data / "logs" / "rekor-v1" / "signing_config.json").read_bytes())
    with Http(HttpPolicy()) as http:
        (service,) = discover(TrustedRoot(), [config], [], http)
        (head,) = service.heads()
    assert isinstance(head.problem, Refused)
