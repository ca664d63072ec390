#!/bin/sh
# c2pa-python 0.38.1: what its signing does that its documentation does not say.
#
# Expected: C2paSignerInfo takes certificate and key as strings, as its docstring says ("The signing certificate as a
# string"), as the algorithm beside them may be; and the same picture signed twice by an Ed25519 key, whose signatures are
# deterministic, gives the same file.
# Found: strings end in a TypeError of ctypes; only bytes are taken, while the algorithm may be either. And no two
# signatures agree, because each claim gets a random identifier, so signed files cannot be compared byte by byte.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q c2pa-python==0.38.1 cryptography==50.0.2 pillow==12.0.0
"$place/venv/bin/python" - <<'PYTHON'
import datetime
import io
import sys

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

root, key = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)


def certificate(name, public, is_root):
    called = [x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, each)]) for each in (name, "root")]
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                           "crl_sign", "encipher_only", "decipher_only"), False)
    made = (x509.CertificateBuilder().subject_name(called[0]).issuer_name(called[1]).public_key(public)
            .serial_number(x509.random_serial_number()).not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=365))
            .add_extension(x509.BasicConstraints(is_root, None), True)
            .add_extension(x509.KeyUsage(digital_signature=not is_root, key_cert_sign=is_root, **usage), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False))
    if not is_root:
        made = (made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), True)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), False))
    return made.sign(root, None).public_bytes(serialization.Encoding.PEM)


chain = certificate("signer", key.public_key(), False) + certificate("root", root.public_key(), True)
pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                        serialization.NoEncryption())
try:
    c2pa.C2paSignerInfo("ed25519", chain.decode(), pem.decode(), None)
    strings = "taken"
except TypeError as error:
    strings = f"TypeError: {error}"
print("c2pa-python", c2pa.__version__, "SDK", c2pa.sdk_version())
print("certificate and key as strings:", strings)

picture = io.BytesIO()
Image.effect_noise((64, 64), 40).save(picture, "PNG")
signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo("ed25519", chain, pem, None))
context = c2pa.Context(c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}}))
kind = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
manifest = {"claim_generator_info": [{"name": "probe", "version": "1"}], "format": "image/png", "assertions": [
    {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": kind}]}}]}
signed = []
for _ in range(2):
    out = io.BytesIO()
    c2pa.Builder(manifest, context).sign(signer, "image/png", io.BytesIO(picture.getvalue()), out)
    signed.append(out.getvalue())
    print("state:", c2pa.Reader("image/png", io.BytesIO(out.getvalue())).get_validation_state(), len(out.getvalue()))
differ = sum(a != b for a, b in zip(*signed)) + abs(len(signed[0]) - len(signed[1]))
print("bytes that differ between two signatures of one picture:", differ)
sys.exit(0 if strings.startswith("TypeError") and differ else 1)
PYTHON
