"""Does a Rekor v1 answer count only when it is exactly what was asked for?"""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from monitor.logs.log import LogSpec
from monitor.logs.rekor_v1 import RekorV1Log, RekorV1Service
from verifier.errors import Malformed, Refused, Unreachable, Untrue
from verifier.fetch.http import Http, HttpPolicy
from verifier.merkle import hash_leaf

TREE = 0x6A12BB298AA05D9F
BASE = 677
SIZE = 45
URL = "https://rekor.test"
SPEC = LogSpec("rekor-v1", f"rekor.test - {TREE}", URL, tree_id=TREE, base=BASE)


def body(index: int) -> bytes:
    return b'{"kind":"test","n":%d}' % index


def entry(index: int, data: bytes | None = None, **members: object) -> dict[str, Any]:
    data = body(index) if data is None else data
    key = f"{TREE:016x}{hash_leaf(data).hex()}"
    shown = {
        "body": base64.b64encode(data).decode(),
        "integratedTime": 1,
        "logID": "ab" * 32,
        "logIndex": index,
        "verification": {"inclusionProof": {"logIndex": index - BASE, "hashes": []}},
    }
    return {key: shown | members}


Serve = Callable[[list[int], int], httpx.Response]


def reply(items: list[dict[str, Any]], status: int = 200) -> httpx.Response:
    return httpx.Response(status, stream=httpx.ByteStream(json.dumps(items).encode() + b"\n"))


class Server:
    """Answers retrieve by `serve(indexes, how many requests came before)`."""

    def __init__(self, serve: Serve) -> None:
        self.serve = serve
        self.asked: list[list[int]] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        indexes = json.loads(request.content)["logIndexes"]
        self.asked.append(indexes)
        return self.serve(indexes, len(self.asked) - 1)

    def log(self, ceiling: int = 1) -> RekorV1Log:
        policy = HttpPolicy(ceiling=ceiling, retries=1)
        return RekorV1Log(SPEC, Http(policy, transport=httpx.MockTransport(self), sleep=self.slept.append))

    def singly(self) -> list[list[int]]:
        return [indexes for indexes in self.asked if len(indexes) == 1]


def served(indexes: list[int]) -> list[dict[str, Any]]:
    return [entry(index) for index in indexes if index < BASE + SIZE]


def test_leaves_are_read_ten_a_request_in_order_whatever_the_order_of_the_answers() -> None:
    server = Server(lambda indexes, _: reply(served(indexes)[::-1]))
    leaves = server.log(ceiling=4).leaves(3, 43, SIZE)
    assert list(leaves.data) == [body(BASE + index) for index in range(3, 43)]
    assert sorted(server.asked) == [list(range(BASE + at, BASE + at + 10)) for at in (3, 13, 23, 33)]
    assert [json.loads(extra) for extra in leaves.extra] == [entry(BASE + index) for index in range(3, 43)]


def test_row_7_an_entry_left_out_is_asked_for_singly() -> None:
    server = Server(lambda indexes, _: reply(served(indexes) if len(indexes) == 1 else served(indexes)[:-2]))
    assert list(server.log().leaves(0, 10, SIZE).data) == [body(BASE + index) for index in range(10)]
    assert server.singly() == [[BASE + 8], [BASE + 9]]


def test_row_7_an_entry_left_out_for_good_is_withheld_and_named() -> None:
    gone = {BASE + 4, BASE + 5, BASE + 6, BASE + 17}
    server = Server(lambda indexes, _: reply([entry(index) for index in indexes if index not in gone]))
    with pytest.raises(Untrue) as caught:
        server.log().leaves(0, 20, SIZE)
    assert caught.value.code == "withheld-entries"
    assert caught.value.evidence["indexes"] == "4-6, 17"
    assert "leaves 4-6, 17 " in caught.value.message
    assert len(server.singly()) == 12
    assert server.slept == [0.0, 0.5, 2.0]


def test_row_61_a_lagging_replica_is_given_time() -> None:
    server = Server(lambda indexes, before: reply(served(indexes) if before > 20 else []))
    assert len(server.log().leaves(0, 10, SIZE).data) == 10


WRONG: dict[str, Callable[[list[int]], list[dict[str, Any]]]] = {
    "row 8, twice": lambda asked: [*served(asked), entry(asked[0])],
    "row 8, not asked for": lambda asked: [*served(asked), entry(asked[0] + 100)],
    "row 8, a neighbour instead": lambda asked: [entry(asked[1]), *served(asked)[1:]],
    "row 8, under another index": lambda asked: [
        {key: value | {"logIndex": asked[0]} for key, value in entry(asked[1]).items()},
        *served(asked)[1:],
    ],
    "row 8, in-tree index of another": lambda asked: [
        entry(asked[0], verification={"inclusionProof": {"logIndex": 7}}),
        *served(asked)[1:],
    ],
    "row 9, body swapped under the old key": lambda asked: [
        {next(iter(entry(asked[0]))): next(iter(entry(asked[0], b"other").values()))},
        *served(asked)[1:],
    ],
    "of another tree": lambda asked: [
        {key.replace(f"{TREE:016x}", "00000000000000ff"): value for key, value in entry(asked[0]).items()},
        *served(asked)[1:],
    ],
    "a number for a body": lambda asked: [entry(asked[0], body=5), *served(asked)[1:]],
    "not base64": lambda asked: [entry(asked[0], body="%%%"), *served(asked)[1:]],
    "an index of text": lambda asked: [entry(asked[0], logIndex="677"), *served(asked)[1:]],
    "no list": lambda _: {"code": 200},  # type: ignore[dict-item,return-value]
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_counts_for_nothing_and_is_asked_for_singly(
    wrong: Callable[[list[int]], list[dict[str, Any]]],
) -> None:
    server = Server(lambda indexes, _: reply(wrong(indexes) if len(indexes) > 1 else served(indexes)))
    assert list(server.log().leaves(0, 10, SIZE).data) == [body(BASE + index) for index in range(10)]
    assert len(server.singly()) == 10


def test_row_9_an_entry_that_stays_wrong_is_withheld_and_what_came_is_kept() -> None:
    def serve(indexes: list[int], _: int) -> httpx.Response:
        swapped = {next(iter(entry(BASE))): next(iter(entry(BASE, b"other").values()))}
        return reply([swapped if index == BASE else entry(index) for index in indexes])

    with pytest.raises(Untrue) as caught:
        Server(serve).log().leaves(0, 10, SIZE)
    assert caught.value.evidence["indexes"] == "0"
    assert "under a key that is not its tree and leaf hash" in caught.value.message
    assert b"b3RoZXI=" in bytes(caught.value.evidence["answer-0"])  # type: ignore[arg-type]


def test_a_batch_that_fails_as_a_whole_is_asked_for_singly() -> None:
    server = Server(lambda indexes, _: reply(served(indexes)) if len(indexes) == 1 else reply([], 500))
    assert len(server.log().leaves(0, 10, SIZE).data) == 10


def test_an_entry_that_the_server_cannot_give_is_named() -> None:
    server = Server(lambda indexes, _: reply([], 500) if BASE + 3 in indexes else reply(served(indexes)))
    with pytest.raises(Unreachable) as caught:
        server.log().leaves(0, 10, SIZE)
    assert (caught.value.status, caught.value.evidence["indexes"]) == (500, "3")


@pytest.mark.parametrize("status", [429, 503])
def test_row_55_an_overloaded_server_is_not_asked_singly(status: int) -> None:
    server = Server(lambda *_: reply([], status))
    with pytest.raises(Unreachable) as caught:
        server.log().leaves(0, 10, SIZE)
    assert caught.value.status == status
    assert server.singly() == []


def test_a_server_that_withholds_much_is_not_asked_for_each() -> None:
    server = Server(lambda *_: reply([]))
    with pytest.raises(Untrue) as caught:
        RekorV1Log(SPEC, server.log()._http).leaves(0, 960, 1000)
    assert "0-99 (and perhaps 160 more)" in caught.value.message
    assert len(server.singly()) == 300


def test_attestations_are_left_out_of_what_is_kept() -> None:
    server = Server(lambda indexes, _: reply([entry(index, attestation={"data": "A" * 1000}) for index in indexes]))
    leaves = server.log().leaves(0, 10, SIZE)
    assert [json.loads(extra) for extra in leaves.extra] == [entry(BASE + index) for index in range(10)]


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (5, 5), (0, SIZE + 1)])
def test_a_range_outside_the_signed_size_is_never_asked_for(start: int, end: int) -> None:
    server = Server(lambda indexes, _: reply(served(indexes)))
    with pytest.raises(Refused):
        server.log().leaves(start, end, SIZE)
    assert server.asked == []


def http_of(answer: Callable[[httpx.Request], httpx.Response]) -> Http:
    return Http(HttpPolicy(retries=0), transport=httpx.MockTransport(answer), sleep=lambda _: None)


def text(value: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, stream=httpx.ByteStream(json.dumps(value).encode()))


def test_a_proof_that_a_replica_cannot_give_yet_is_asked_for_again() -> None:
    answers = [text({"code": 400, "message": "not observable"}, 400), text({"hashes": ["ab" * 32], "rootHash": ""})]
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.query.decode())
        return answers.pop(0)

    assert RekorV1Log(SPEC, http_of(answer)).consistency(3, 8) == (bytes.fromhex("ab" * 32),)
    assert seen == [f"firstSize=3&lastSize=8&treeID={TREE}"] * 2


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"hashes": ["zz"]},
        {"hashes": ["ab" * 31]},
        {"hashes": ["ab" * 32] * 129},
        {"hashes": None},
        {"hashes": [5]},
    ],
)
def test_row_5_a_malformed_proof_is_malformed(value: object) -> None:
    with pytest.raises(Malformed) as caught:
        RekorV1Log(SPEC, http_of(lambda _: text(value))).consistency(3, 8)
    assert caught.value.code == "proof-format"


def info(*trees: tuple[str, int], **more: object) -> dict[str, object]:
    rows = [
        {
            "treeID": name,
            "treeSize": size,
            "rootHash": "00" * 32,
            "signedTreeHead": f"rekor.test - {name}\n{size}\n{'A' * 43}=\n\n— rekor.test AAAAAAAA\n",
        }
        for name, size in trees
    ]
    return {**rows[-1], "inactiveShards": rows[:-1] or None, **more}


def service(value: object, status: int = 200) -> RekorV1Service:
    return RekorV1Service("v1", "rekor.test", URL, (), http_of(lambda _: text(value, status)))


def test_row_23_all_trees_come_out_of_one_answer_oldest_first() -> None:
    heads = service(info(("5", 10), ("7", 4), ("9", 0))).heads()
    assert [(head.spec.origin, head.spec.tree_id, head.spec.base, head.retired) for head in heads] == [
        ("rekor.test - 5", 5, 0, True),
        ("rekor.test - 7", 7, 10, True),
        ("rekor.test - 9", 9, 14, False),
    ]


def test_row_26_bases_are_the_signed_sizes_not_the_claimed_ones() -> None:
    claimed = info(("5", 10), ("7", 4))
    claimed["inactiveShards"][0]["treeSize"] = 3  # type: ignore[index]
    assert [head.spec.base for head in service(claimed).heads()] == [0, 10]


@pytest.mark.parametrize(
    "value",
    [
        info(("5", 10), ("5", 4)),
        info(("x", 10)),
        info(("-5", 10)),
        info(("05", 10)),
        info(("9" * 20, 10)),
        info(*[(str(number), 1) for number in range(1, 400)]),
        {"treeID": "5"},
        [],
        info(("5", 10), treeSize="many"),
    ],
    ids=["twice", "no number", "negative", "zero first", "too long", "too many", "incomplete", "no object", "size"],
)
def test_a_malformed_description_is_the_problem_of_every_tree(value: object) -> None:
    (head,) = service(value).heads()
    assert isinstance(head.problem, Malformed)


def test_row_24_what_was_known_before_keeps_its_name_when_the_server_fails() -> None:
    answers = [text(info(("5", 10), ("7", 4))), text({}, 404)]
    instance = RekorV1Service("v1", "rekor.test", URL, (), http_of(lambda _: answers.pop(0)))
    before = [head.spec for head in instance.heads()]
    after = instance.heads()
    assert [head.spec for head in after] == before
    assert all(isinstance(head.problem, Unreachable) for head in after)


def test_row_25_a_tree_that_is_no_longer_listed_is_said_to_be_gone() -> None:
    with pytest.raises(Untrue) as caught:
        RekorV1Log(SPEC, http_of(lambda _: text(info(("5", 10))))).checkpoint()
    assert caught.value.code == "tree-gone"
