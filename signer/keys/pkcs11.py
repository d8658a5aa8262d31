"""Which key is on this token? (``pkcs11:`` URIs; extra ``pkcs11``)

ECDSA and RSA PKCS#1 v1.5 over a digest that we compute; raw r||s becomes DER. The private key never leaves the token.
"""

import threading
import weakref
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from signer.keys.key import SigningKey, der_signature
from signer.keys.token_uri import TokenUri, parse_uri
from verifier import der
from verifier.errors import Malformed, Refused, Untrue
from verifier.keys import PublicKey

if TYPE_CHECKING:
    from signer.keys import Access

_CURVES: dict[str, ec.EllipticCurve] = {
    "1.2.840.10045.3.1.7": ec.SECP256R1(),
    "1.3.132.0.34": ec.SECP384R1(),
    "1.3.132.0.35": ec.SECP521R1(),
}
_HASHES = {"ecdsa-p256": "sha256", "ecdsa-p384": "sha384", "ecdsa-p521": "sha512", "rsa": "sha256"}
# DigestInfo of SHA-256 (RFC 8017 section 9.2), which CKM_RSA_PKCS wants before the digest
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class TokenKey:
    """A private key on a token, in one session; calls are made one at a time, as tokens want it."""

    def __init__(self, private: Any, public: PublicKey, library: Any) -> None:
        self._private, self._library = private, library
        self.public = public
        self.hash_name = _HASHES.get(public.kind)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"TokenKey({self.public.kind})"

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`."""
        import hashlib

        return self.sign_digest(hashlib.new(self.hash_name or "sha256", message).digest())

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature over a digest of `hash_name`."""
        mechanism = self._library.Mechanism
        rsa_key = self.public.kind == "rsa"
        try:
            with self._lock:
                raw: bytes = self._private.sign(
                    _SHA256_INFO + digest if rsa_key else digest,
                    mechanism=mechanism.RSA_PKCS if rsa_key else mechanism.ECDSA,
                )
        except self._library.exceptions.PKCS11Error as error:
            raise _failed("the token did not sign", error) from None
        return raw if rsa_key else der_signature(raw)


def load(reference: str, access: "Access") -> SigningKey:
    """The key of a URI, the session open; the PIN is asked for if neither URI nor variable gives it."""
    library = _library()
    uri = parse_uri(reference, access.env)
    session = _session(library, uri, uri.pin if uri.pin is not None else access.pin())
    try:
        key = _key(session, library, uri)
    except BaseException:
        session.close()
        raise
    weakref.finalize(key, session.close)  # a login lasts as long as its session, and there can be one at a time
    return key


def public(reference: str, access: "Access") -> PublicKey:
    """The public half, without a PIN where the token shows it to everybody."""
    library = _library()
    uri = parse_uri(reference, access.env)
    try:
        with _session(library, uri, None) as session:
            return _public(session, library, uri)
    except Refused:
        with _session(library, uri, uri.pin if uri.pin is not None else access.pin()) as session:
            return _public(session, library, uri)


def _key(session: Any, library: Any, uri: TokenUri) -> TokenKey:
    private = _one(session, library, "PRIVATE_KEY", uri)
    public = _public(session, library, uri)
    if public.kind not in _HASHES:
        raise Refused(f"a {public.kind} key on a token is not supported", code="key-scheme")
    return TokenKey(private, public, library)


def _library() -> Any:
    try:
        import pkcs11
        import pkcs11.exceptions
    except ImportError:
        raise Refused(
            "tokens need the package python-pkcs11", code="key-extra", hint="install sigwarden[pkcs11]"
        ) from None
    return pkcs11


def _session(library: Any, uri: TokenUri, pin: str | None) -> Any:
    try:
        module = library.lib(uri.module)
        for slot in module.get_slots(token_present=True):
            token = slot.get_token()
            named = uri.token is None or token.label.rstrip() == uri.token
            if slot.slot_id == uri.slot if uri.slot is not None else named:
                return _open(library, token, pin)
    except library.exceptions.PinIncorrect:
        raise Untrue(
            "the PIN does not open the token", code="key-pin", hint="tokens lock after a few wrong PINs"
        ) from None
    except (library.exceptions.PKCS11Error, RuntimeError, OSError) as error:
        raise _failed("the token cannot be opened", error) from None
    raise Refused("there is no such token", code="key-token", hint="check token=, slot-id= and the module")


def _open(library: Any, token: Any, pin: str | None) -> Any:
    """A session; a token is logged in once for a whole process, so another key of it may have done that already."""
    if pin is None:
        return token.open()
    try:
        return token.open(user_pin=pin)
    except library.exceptions.UserAlreadyLoggedIn:
        return token.open()


def _one(session: Any, library: Any, kind: str, uri: TokenUri) -> Any:
    """The one object of a class that the URI means."""
    wanted: dict[Any, Any] = {library.Attribute.CLASS: getattr(library.ObjectClass, kind)}
    if uri.id is not None:
        wanted[library.Attribute.ID] = uri.id
    else:
        wanted[library.Attribute.LABEL] = uri.object
    try:
        found = list(session.get_objects(wanted))
    except library.exceptions.PKCS11Error as error:
        raise _failed("the token's objects cannot be listed", error) from None
    if len(found) != 1:
        raise Refused(f"the token has {len(found)} such keys, not one", code="key-token", hint="check id= and object=")
    return found[0]


def _public(session: Any, library: Any, uri: TokenUri) -> PublicKey:
    """From the public key object, else from the certificate with the same name."""
    attribute = library.Attribute
    try:
        found = _one(session, library, "PUBLIC_KEY", uri)
    except Refused:
        certificate = _one(session, library, "CERTIFICATE", uri)
        return _key_of_certificate(certificate[attribute.VALUE])
    if found.key_type == library.KeyType.RSA:
        numbers = (found[attribute.PUBLIC_EXPONENT], found[attribute.MODULUS])
        exponent, modulus = (int.from_bytes(one, "big") for one in numbers)
        return _of(rsa.RSAPublicNumbers(exponent, modulus).public_key())
    curve = _CURVES.get(_curve(found[attribute.EC_PARAMS]))
    if curve is None:
        raise Refused("the token's key is on a curve that Sigstore does not use", code="key-scheme")
    point = found[attribute.EC_POINT]
    # the standard wants an OCTET STRING around the point, some tokens give the point itself
    bare = point if point[:1] == b"\x04" and len(point) == 1 + 2 * ((curve.key_size + 7) // 8) else _inner(point)
    return _of(ec.EllipticCurvePublicKey.from_encoded_point(curve, bare))


def _inner(point: bytes) -> bytes:
    return der.content(point, der.outer(point, der.OCTET_STRING))


def _curve(parameters: bytes) -> str:
    return der.oid_text(der.content(parameters, der.outer(parameters, der.OID)))


def _key_of_certificate(data: bytes) -> PublicKey:
    try:
        return _of(x509.load_der_x509_certificate(data).public_key())
    except ValueError:
        raise Malformed("the certificate on the token cannot be read", code="key-format") from None


def _of(key: Any) -> PublicKey:
    return PublicKey.from_der(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _failed(what: str, error: Exception) -> Refused:
    """The name of the failure: messages of modules may hold what was passed in."""
    return Refused(f"{what} ({type(error).__name__})", code="key-token")
