"""The fast identity reader never disagrees with the full one."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.verifier.cert_maker import EMAIL, URI, extension, fulcio, plain_certificate, raw_certificate, san, scts
from verifier import der
from verifier.errors import Malformed
from verifier.extensions import FULCIO_ARC, SAN
from verifier.identity import Identity, read_identity
from verifier.quick import quick_identity

texts = st.one_of(
    st.sampled_from(["https://issuer.example", "a@b.test", "x" * 130, "y" * 300, "é"]),
    st.text(st.characters(codec="utf-8"), max_size=40),
)
blobs = texts.map(str.encode) | st.binary(max_size=20)
names = st.tuples(st.sampled_from([EMAIL, URI, 0x82, 0x87, 0xA0, 0x88]), blobs)
sans = st.builds(lambda found, flag: san(*found, critical=flag), st.lists(names, max_size=3), st.booleans())
arcs = st.sampled_from([1, 8, 8, 9, 12, 21])
# Correct extensions, wrongly encoded ones, and other extensions that hold the bytes of the wanted ones.
hostile = st.one_of(
    st.builds(fulcio, arcs, texts),
    st.builds(lambda arc, blob: extension(f"{FULCIO_ARC}.{arc}", blob), arcs, blobs),
    st.builds(lambda arc, text: extension(f"{FULCIO_ARC}.{arc}", der.encode(0x16, text.encode())), arcs, texts),
    st.builds(lambda inner: extension("1.2.3.4", inner), sans | st.builds(fulcio, arcs, texts)),
    st.just(der.encode(der.SEQUENCE, b"\x06\x01\x2a")),
    st.just(der.encode(der.SET, b"")),
    st.builds(scts),
)
ascii_texts = st.text(st.characters(codec="ascii"), min_size=1, max_size=150)
plain_names = st.tuples(st.sampled_from([EMAIL, URI, 0x82]), ascii_texts.map(str.encode))
# What Fulcio issues, with at most one thing wrong.
usual = st.builds(
    lambda names, issuer, arcs, odd: raw_certificate(
        [san(*names), *odd[:1], *(fulcio(arc, issuer) for arc in arcs), *odd[1:], scts(bytes(200))]
    ),
    st.lists(plain_names, min_size=1, max_size=2),
    ascii_texts.map(lambda text: "h" + text),
    st.sampled_from([(1, 8), (8,), (1,), (), (1, 2, 3, 4, 5, 6, 8, 9, 10, 21), (8, 1), (24, 8)]),
    st.lists(hostile, max_size=1) | st.just([]),
)
certificates = st.builds(
    lambda first, rest, more: raw_certificate([*first, *rest, *more]),
    st.lists(hostile, max_size=3),
    st.lists(sans, min_size=1, max_size=1) | st.lists(sans, max_size=2),
    st.lists(hostile, max_size=4),
)
edits = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "add"]), st.integers(0, 4000), st.integers(0, 255)), max_size=3
)


def edited(data: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    out = bytearray(data)
    for how, place, value in changes:
        at = place % max(len(out), 1)
        if how == "set" and out:
            out[at] = value
        elif how == "cut":
            del out[at : at + 1 + value % 3]
        elif how == "add":
            out.insert(at, value)
    return bytes(out)


def full(data: bytes) -> Identity | None:
    try:
        return read_identity(data)
    except Malformed:
        return None


def check(data: bytes) -> bool:
    """Compare the two readers; whether the fast one answered."""
    quick = quick_identity(data)
    if quick is None:
        return False
    identity = full(data)
    assert identity is not None
    assert quick.names == identity.names
    assert quick.issuer == identity.issuer
    assert not {"issuer-mismatch", "issuer-encoding", "san-twice", "san-damaged"} & set(identity.anomalies)
    extensions = quick.extensions()
    assert extensions is None or extensions == identity.extensions
    return True


@given(usual | certificates)
@settings(max_examples=400, deadline=None)
def test_hostile_certificates(data: bytes) -> None:
    check(data)


@given(usual | certificates | st.just(plain_certificate()), edits)
@settings(max_examples=400, deadline=None)
@example(plain_certificate(), [])
def test_damaged_certificates(data: bytes, changes: list[tuple[str, int, int]]) -> None:
    check(edited(data, changes))


def test_every_byte_of_a_plain_certificate() -> None:
    plain = plain_certificate()
    answered = 0
    for place in range(len(plain)):
        for bit in range(8):
            answered += check(edited(plain, [("set", place, plain[place] ^ 1 << bit)]))
    assert answered > 1000


def test_plain_certificates_are_answered() -> None:
    long_uri = b"https://github.com/" + b"o" * 200
    for names in ([(EMAIL, b"a@b.test")], [(URI, long_uri)], [(EMAIL, b"a@b.test"), (URI, b"x:y")]):
        for issuers in ([fulcio(8, "i")], [fulcio(1, "i")], [fulcio(1, "i"), fulcio(8, "i")], []):
            rest = [fulcio(21, "https://run.example"), scts(bytes(300))]
            assert check(raw_certificate([san(*names), *issuers, *rest]))


def test_a_flag_twice_is_no_extension() -> None:
    plain = san((EMAIL, b"a@b.test"))
    flag = der.encode(der.BOOLEAN, b"\xff")
    twice = der.encode(der.SEQUENCE, plain[2:7] + flag + plain[7:])
    assert quick_identity(raw_certificate([plain, scts(bytes(200))])) is not None
    assert quick_identity(raw_certificate([twice, scts(bytes(200))])) is None


def test_text_that_looks_like_an_extension_is_none() -> None:
    fake = san((EMAIL, b"mallory@example.test"))
    assert quick_identity(raw_certificate([extension("1.2.3.4", fake), scts(bytes(200))])) is None
    assert quick_identity(raw_certificate([san((EMAIL, b"a@b.test")), extension("1.2.3.4", fulcio(8, "fake"))])) is None
    assert quick_identity(raw_certificate([san((EMAIL, b"a@b.test")), extension(SAN, b"\x30\x00")])) is None


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    check(data)
