"""SHA256SUMS of a folder, as coreutils write and check it, and the signature over it."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from gist.files import sha256_of

SUMS, SIGNATURE, CERTIFICATES = "SHA256SUMS", "SHA256SUMS.sig", "SHA256SUMS.pem"
NOT_LISTED = (SUMS, SIGNATURE, CERTIFICATES)


def listed(folder: Path) -> list[Path]:
    """All files of a folder but the list and its signature, by name; links and other things, too."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = sorted((path.relative_to(folder).as_posix(), path) for path in found)
    return [path for name, path in names if name not in NOT_LISTED]


def sums_of(folder: Path) -> bytes:
    """The list: SHA-256, two blanks and the file from the folder on, a line each."""
    return "".join(
        f"{sha256_of(file)}  {file.relative_to(folder).as_posix()}\n" for file in listed(folder)
    ).encode()


def read_sums(content: bytes) -> dict[str, str]:
    """File -> SHA-256 of a list; lines that are none are left out."""
    lines = (line.partition("  ") for line in content.decode("utf-8", "replace").splitlines())
    return {name: digest for digest, _, name in lines if name}


def sign(folder: Path, key: Path) -> None:
    """Signs the list with a key as `gist credentials` makes it.

    Raises:
        InputError: there is no such key, it is damaged, or libraries are missing.
    """
    from gist.marking.credentials import Signer

    Signer(key)  # which tells what is wrong with it
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    pem = key.read_bytes()
    private: Any = serialization.load_pem_private_key(pem, None)
    (folder / SIGNATURE).write_bytes(private.sign((folder / SUMS).read_bytes(), *_how(private)))
    chain = x509.load_pem_x509_certificates(pem)
    encoded = (each.public_bytes(serialization.Encoding.PEM) for each in chain)
    (folder / CERTIFICATES).write_bytes(b"".join(encoded))


def signer_of(folder: Path) -> tuple[str, str]:
    """Who signed the list, by the certificate and its SHA-256, and what is wrong; both empty without a signature."""
    files = [folder / SIGNATURE, folder / CERTIFICATES]
    if not any(file.exists() for file in files):
        return "", ""
    if find_spec("cryptography") is None:
        return "", "The signature cannot be checked without pip install 'gist-synth[credentials]'."
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes

    try:
        signature, chain = (file.read_bytes() for file in files)
        certificates = x509.load_pem_x509_certificates(chain)
        for child, parent in pairwise(certificates):
            child.verify_directly_issued_by(parent)
        own = certificates[0]
        if not own.not_valid_before_utc <= datetime.now(UTC) <= own.not_valid_after_utc:
            return "", "The certificate of the signature is of another time."
        public: Any = own.public_key()
        public.verify(signature, (folder / SUMS).read_bytes(), *_how(public))
    except (OSError, ValueError, TypeError, AttributeError, IndexError, InvalidSignature):
        return "", "The signature of the checksums does not hold."
    return f"{own.subject.rfc4514_string()}, certificate {own.fingerprint(hashes.SHA256()).hex()}", ""


def _how(key: Any) -> tuple[Any, ...]:
    """Algorithm of a signature by, or to be held against, a key: PSS for RSA, ECDSA, Ed25519; all with SHA-256."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH), hashes.SHA256()
    curve = isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey)
    return (ec.ECDSA(hashes.SHA256()),) if curve else ()
