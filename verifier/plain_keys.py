"""Which key is in these few, most usual forms of a SubjectPublicKeyInfo?

P-256, P-384, P-521 with an uncompressed point, and Ed25519: their DER has one constant prefix each (RFC 5480, RFC
8410), so that reading them needs no general parser, whose import takes longer than verifying a bundle. Everything
else is None.
"""

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

_CURVES: dict[bytes, tuple[type[ec.EllipticCurve], int]] = {
    bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"): (ec.SECP256R1, 64),
    bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004"): (ec.SECP384R1, 96),
    bytes.fromhex("30819b301006072a8648ce3d020106052b810400230381860004"): (ec.SECP521R1, 132),
}
_ED25519 = bytes.fromhex("302a300506032b6570032100")
_BY_LENGTH = {len(prefix) + size: (prefix, curve) for prefix, (curve, size) in _CURVES.items()}


def is_plain(spki: bytes) -> bool:
    """Whether the bytes have one of these forms; then they are the only DER that such a key has."""
    if len(spki) == len(_ED25519) + 32:
        return spki.startswith(_ED25519)
    known = _BY_LENGTH.get(len(spki))
    return known is not None and spki.startswith(known[0])


def plain_key(spki: bytes) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | None:
    """The key, or None for any other form; ValueError for a point that is not on its curve."""
    if not is_plain(spki):
        return None
    if spki.startswith(_ED25519):
        return ed25519.Ed25519PublicKey.from_public_bytes(spki[len(_ED25519) :])
    prefix, curve = _BY_LENGTH[len(spki)]
    return ec.EllipticCurvePublicKey.from_encoded_point(curve(), spki[len(prefix) - 1 :])
