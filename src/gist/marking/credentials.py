"""C2PA Content Credentials: a picture's origin, signed by a key of one's own, and the check of such a signature.

C2PA Technical Specification 2.2. Everything happens on this machine: no time-stamp server is asked, no revocation, no
remote manifest. Without a time stamp a signature holds as long as its certificate, so ours is made for long.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from gist.errors import InputError
from gist.files import atomic_path
from gist.marking.metadata import DIGITAL_SOURCE_TYPE
from gist.version import __version__

YEARS = 30
_MISSING = (
    "Content Credentials need c2pa-python, which is not installed: pip install 'gist-synth[credentials]'."
)
_OFFLINE = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"ocsp_fetch": False, "remote_manifest_fetch": False},
}
_UNVOUCHED = "signingCredential.untrusted"
_ASSERTIONS = [
    {
        "label": "c2pa.actions.v2",
        "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": DIGITAL_SOURCE_TYPE}]},
    }
]


@dataclass(frozen=True)
class Credentials:
    """What a file's Content Credentials are worth."""

    state: Literal["none", "valid", "broken", "not checked"]
    """`not checked`: there are some, and c2pa-python is missing."""
    signer: str = ""
    """As the certificate calls itself, which anybody can have made."""
    synthetic: bool = False
    """Whether valid ones declare a picture made by a trained algorithm."""
    faults: tuple[str, ...] = ()
    """The specification's codes of what does not hold."""


class Signer:
    """Signs PNG files with the key and certificates of a PEM file."""

    def __init__(self, file: Path) -> None:
        """Reads the file.

        Raises:
            InputError: it is missing or holds no key and certificate that C2PA allows, or c2pa-python is missing.
        """
        if find_spec("c2pa") is None:
            raise InputError(_MISSING)
        try:
            pem = file.read_bytes()
        except OSError:
            raise InputError(
                f"There is no key {file} (generate.credentials); `gist credentials FILE` makes one."
            ) from None
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        try:
            key = serialization.load_pem_private_key(pem, None)
            chain = x509.load_pem_x509_certificates(pem)
            matches = key.public_key() == chain[0].public_key()
        except (ValueError, TypeError, IndexError):
            matches = False
        if not matches:
            raise InputError(
                f"{file} does not hold an unencrypted private key and, the signer's first, its certificates as PEM; "
                "give such a file, or make one by `gist credentials FILE`."
            )
        encoding = serialization.Encoding.PEM
        self._key = key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._chain = b"".join(each.public_bytes(encoding) for each in chain)
        self._algorithm = _algorithm(key, file)
        try:
            self.signed(_probe())
        except Exception as error:
            raise InputError(
                f"The certificate in {file} cannot sign Content Credentials ({error}); it needs what C2PA asks of "
                "signers, or make one by `gist credentials FILE`."
            ) from None

    def signed(self, png: bytes) -> bytes:
        """The PNG file with a signed claim that a trained algorithm created it."""
        import c2pa

        made = {"name": "gist", "version": __version__}
        manifest = {"claim_generator_info": [made], "format": "image/png", "assertions": _ASSERTIONS}
        info = c2pa.C2paSignerInfo(self._algorithm, self._chain, self._key, None)
        with (
            c2pa.Context(c2pa.Settings.from_dict(_OFFLINE)) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(manifest, context) as builder,
        ):
            out = io.BytesIO()
            builder.sign(signer, "image/png", io.BytesIO(png), out)
        return out.getvalue()


def make_credentials(file: Path, name: str = "gist, local key") -> None:
    """Writes a new key and its certificates to a PEM file that only its owner may read.

    C2PA refuses certificates that sign themselves, so a root is made that signs this one; its key is thrown away.

    Raises:
        InputError: the file is there already, or c2pa-python is missing.
    """
    if find_spec("c2pa") is None:
        raise InputError(_MISSING)
    if file.exists():
        raise InputError(
            f"{file} is there already, and what it signed ends with it; choose another name, or delete it first."
        )
    if not 1 <= len(name) <= 64:
        raise InputError(f"The signer's name has {len(name)} letters; certificates allow 1 to 64.")
    from cryptography.hazmat.primitives import serialization

    encoding = serialization.Encoding.PEM
    key, chain = _made(name)
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with atomic_path(file) as unfinished:
        unfinished.write_bytes(private + b"".join(each.public_bytes(encoding) for each in chain))
    file.chmod(0o600)


def read_credentials(data: bytes, kind: str) -> Credentials:
    """Checks the Content Credentials in a file of a MIME type, without asking anybody."""
    if b"c2pa" not in data:
        return Credentials("none")
    if find_spec("c2pa") is None:
        return Credentials("not checked")
    import c2pa

    try:
        with (
            c2pa.Context(c2pa.Settings.from_dict(_OFFLINE)) as context,
            c2pa.Reader(kind, io.BytesIO(data), context=context) as reader,
        ):
            results: dict[str, Any] = reader.get_validation_results() or {}
            manifest: dict[str, Any] = reader.get_active_manifest() or {}
    except c2pa.C2paError.ManifestNotFound:
        return Credentials("none")
    except c2pa.C2paError as error:
        return Credentials("broken", faults=(str(error),))
    failures = results.get("activeManifest", {}).get("failure", [])
    faults = tuple(sorted({failure["code"] for failure in failures} - {_UNVOUCHED}))
    signed = manifest.get("signature_info") or {}
    signer = ", ".join(filter(None, (signed.get("common_name"), signed.get("issuer"))))
    synthetic = any(
        action.get("digitalSourceType") == DIGITAL_SOURCE_TYPE
        for assertion in manifest.get("assertions", ())
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"].get("actions", ())
    )
    return Credentials("broken" if faults else "valid", signer, synthetic and not faults, faults)


def _algorithm(key: Any, file: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    raise InputError(f"The key in {file} is of a kind that C2PA does not allow; P-256, Ed25519 and RSA are.")


_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


def _made(name: str) -> tuple[Any, tuple[Any, Any]]:
    """A key, its certificate by C2PA's profile (section 14.5), and that of its root."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    begins = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def certificate(called: str, public: ec.EllipticCurvePublicKey, is_root: bool) -> Any:
        subject, issuer = (
            x509.Name(
                [
                    x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
                    x509.NameAttribute(NameOID.COMMON_NAME, common),
                ]
            )
            for common in (called, "root of this key")
        )
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"),
            False,
        )
        builder = (
            x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + timedelta(days=365.25 * YEARS))
            .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), True)
            .add_extension(
                x509.KeyUsage(
                    **usage,
                    digital_signature=not is_root,
                    key_cert_sign=is_root,
                    encipher_only=False,
                    decipher_only=False,
                ),
                True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        )
        if not is_root:
            issuing = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
            builder = builder.add_extension(issuing, False).add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), True
            )
        return builder.sign(root_key, hashes.SHA256())

    signer = certificate("signer of synthetic images", key.public_key(), False)
    return key, (signer, certificate("root of this key", root_key.public_key(), True))


def _probe() -> bytes:
    """A small PNG to try a key on before the first picture."""
    import numpy as np

    from gist.images.png import encode_png

    return encode_png(np.zeros((16, 16), np.uint8))
