"""Does a tiled log return exactly the leaves asked for, or say what is wrong?"""

import httpx
import pytest

from monitor.logs.log import LogSpec
from monitor.logs.tiled import TiledLog, TiledService
from sandbox.tree import Tree
from verifier.errors import Malformed, Unreachable, Untrue
from verifier.fetch.http import Http, HttpPolicy
from verifier.merkle import Tree as SignedTree
from verifier.merkle import check_consistency, hash_leaf

ORIGIN = "log.test"
BASE = "https://log.test"
SIZE = 600
LEAVES = [b"leaf %d" % number for number in range(SIZE)]


def bundle(start: int, end: int) -> bytes:
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in LEAVES[start:end])


def honest() -> dict[str, bytes]:
    """The files of a log of 600 entries, its partials collected but for the last."""
    tree = Tree(hash_leaf(leaf) for leaf in LEAVES)
    return {
        "checkpoint": f"{ORIGIN}\n{SIZE}\n{'A' * 43}=\n\n— {ORIGIN} AAAAAAAA\n".encode(),
        "tile/entries/000": bundle(0, 256),
        "tile/entries/001": bundle(256, 512),
        "tile/entries/002.p/88": bundle(512, 600),
        "tile/0/000": tree.tile(0, 0),
        "tile/0/001": tree.tile(0, 1),
        "tile/0/002.p/88": tree.tile(0, 2, 88),
        "tile/1/000.p/2": tree.tile(1, 0, 2),
    }


class Files:
    """A file server whose answers can be overruled, once or for ever."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.files = honest()
        self.once: dict[str, list[bytes]] = {}
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path.removeprefix("/"))
        if not path.startswith(self.prefix + "/"):
            return httpx.Response(404, stream=httpx.ByteStream(b""))
        name = path.removeprefix(self.prefix + "/")
        body = self.once[name].pop(0) if self.once.get(name) else self.files.get(name)
        return httpx.Response(404 if body is None else 200, stream=httpx.ByteStream(body or b""))

    def http(self) -> Http:
        return Http(HttpPolicy(), transport=httpx.MockTransport(self), sleep=lambda _: None)

    def log(self) -> TiledLog:
        return TiledLog(LogSpec("rekor-v2", ORIGIN, BASE + self.prefix), self.http())


def test_a_range_is_read_across_bundles() -> None:
    leaves = Files().log().leaves(200, 600, 600)
    assert (leaves.start, leaves.end) == (200, 600)
    assert list(leaves.data) == LEAVES[200:600]


def test_only_what_the_signed_size_implies_is_asked_for() -> None:
    server = Files()
    assert list(server.log().leaves(520, 530, 600).data) == LEAVES[520:530]
    assert server.asked == ["tile/entries/002.p/88"]


def test_row_12_a_partial_bundle_that_is_gone_is_cut_from_the_full_one() -> None:
    server = Files()
    assert list(server.log().leaves(256, 300, 300).data) == LEAVES[256:300]
    assert server.asked == ["tile/entries/001.p/44", "tile/entries/001"]


def test_row_12_a_partial_hash_tile_that_is_gone_is_cut_from_the_full_one() -> None:
    tree = Tree(hash_leaf(leaf) for leaf in LEAVES)
    proof = Files().log().consistency(256, 300)
    check_consistency(SignedTree(256, tree.root(256)), SignedTree(300, tree.root(300)), proof)


@pytest.mark.parametrize(
    "wrong",
    [
        bundle(0, 255),
        bundle(0, 257),
        bundle(0, 256) + b"\x00",
        bundle(0, 256)[:-1],
        b"",
        b"<html>not found</html>",
    ],
    ids=["255", "257", "trailing", "cut", "empty", "page"],
)
def test_row_11_a_bundle_of_another_length_is_asked_for_once_more_then_refused(wrong: bytes) -> None:
    server = Files()
    server.once["tile/entries/000"] = [wrong]
    assert list(server.log().leaves(0, 256, 600).data) == LEAVES[:256]
    server.files["tile/entries/000"] = wrong
    server.asked.clear()
    with pytest.raises(Malformed) as caught:
        server.log().leaves(0, 256, 600)
    assert caught.value.code == "bundle-length"
    assert caught.value.evidence["answer"] == wrong
    assert len(server.asked) == 2


def test_row_11_a_partial_path_must_not_give_more_than_it_names() -> None:
    server = Files()
    server.files["tile/entries/001.p/44"] = bundle(256, 512)
    with pytest.raises(Malformed):
        server.log().leaves(256, 300, 300)


@pytest.mark.parametrize("length", [0, 32, 8191, 8193])
def test_a_hash_tile_of_another_length_is_refused(length: int) -> None:
    server = Files()
    server.files["tile/0/001"] = bytes(length)
    with pytest.raises(Malformed) as caught:
        server.log().consistency(300, 600)
    assert caught.value.code == "tile-length"


def test_row_20_a_bundle_that_is_not_served_is_named() -> None:
    server = Files()
    del server.files["tile/entries/001"]
    with pytest.raises(Untrue) as caught:
        server.log().leaves(0, 600, 600)
    assert caught.value.code == "withheld-entries"
    assert "tile/entries/001" in caught.value.message
    assert server.asked.count("tile/entries/001") == 2


def test_row_10_leaves_and_hash_tiles_are_both_at_hand_for_comparison() -> None:
    log = Files().log()
    found = log.leaves(0, 600, 600).data
    assert [log.tiles(600).node(0, index) for index in (0, 255, 256, 599)] == [
        hash_leaf(found[index]) for index in (0, 255, 256, 599)
    ]


@pytest.mark.parametrize(("start", "end", "size"), [(5, 4, 9), (-1, 4, 9), (0, 10, 9)])
def test_a_range_outside_the_signed_size_is_never_asked_for(start: int, end: int, size: int) -> None:
    server = Files()
    with pytest.raises(Malformed):
        server.log().leaves(start, end, size)
    assert server.asked == []


@pytest.mark.parametrize("prefix", ["/api/v2", ""])
def test_the_read_url_is_the_variant_that_serves_the_origin_and_is_kept(prefix: str) -> None:
    server = Files(prefix)
    service = TiledService("v2", ORIGIN, [BASE + "/api/v2", BASE], (), server.http())
    assert [head.spec.read_url for head in service.heads()] == [BASE + prefix]
    server.asked.clear()
    (head,) = service.heads()
    assert server.asked == [f"{prefix}/checkpoint".removeprefix("/")]
    assert (head.problem, head.note) == (None, server.files["checkpoint"])


def test_row_16_a_note_of_another_origin_is_handed_on_to_be_judged() -> None:
    server = Files()
    server.files["checkpoint"] = server.files["checkpoint"].replace(b"log.test\n600", b"evil.test\n600")
    (head,) = TiledService("v2", ORIGIN, [BASE + "/api/v2", BASE], (), server.http()).heads()
    assert (head.problem, head.note, head.spec.origin) == (None, server.files["checkpoint"], ORIGIN)


def test_row_24_a_shard_that_cannot_be_reached_is_a_head_with_its_problem() -> None:
    server = Files()
    del server.files["checkpoint"]
    (head,) = TiledService("v2", ORIGIN, [BASE + "/api/v2", BASE], (), server.http()).heads()
    assert isinstance(head.problem, Unreachable)
    assert (head.problem.status, head.note, head.spec.origin) == (404, b"", ORIGIN)


def test_a_checkpoint_is_asked_for_past_caches() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["cache-control"])
        return httpx.Response(200, stream=httpx.ByteStream(honest()["checkpoint"]))

    http = Http(HttpPolicy(), transport=httpx.MockTransport(answer))
    assert TiledLog(LogSpec("rekor-v2", ORIGIN, BASE), http).checkpoint() == honest()["checkpoint"]
    assert seen == ["no-cache"]
