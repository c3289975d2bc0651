"""The local certificate authority and signer, made at first use and readable by their owner only."""

from __future__ import annotations

import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effigie.errors import EffigieError
from effigie.io.atomic_write import write_private_file
from effigie.io.home import home

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

AUTHORITY_DAYS, SIGNER_DAYS = 30 * 365, 5 * 365
RENEWAL_PERIOD = timedelta(days=30)
CLOCK_SLACK = timedelta(hours=1)
"""A clock that was set back a little does not make a fresh certificate invalid."""
CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
"""Extended key usage of C2PA's certificate profile (specification 2.x §14.5); older readers know emailProtection."""
MAX_FILE_BYTES = 1 << 20  # bytes of a PEM file


def local_signer() -> tuple[list[Certificate], EllipticCurvePrivateKey]:
    """The certificate of this machine with its issuer, and its P-256 key.

    Both lie under ``home()/certificates``, key and certificate in one file each, so that they never part. The
    certificate is renewed a month before it runs out. It names nobody.
    """
    folder = home() / "certificates"
    path = folder / "signer.pem"
    if path.exists():
        chain, key = _load_bundle(path)
        if chain[0].not_valid_after_utc - datetime.now(UTC) > RENEWAL_PERIOD:
            return chain, key
    with contextlib.suppress(OSError):  # one that is there already may be open to others
        folder.chmod(0o700)
    issuer, issuer_key = _load_authority(folder)
    signer, key = _issue_certificate("signer", SIGNER_DAYS, issuer, issuer_key)
    pem = key_to_pem(key) + certificate_to_pem(signer) + certificate_to_pem(issuer)
    write_private_file(path, pem.encode("ascii"), replace=True)
    return [signer, issuer], key


def local_authorities() -> list[Certificate]:
    """The authority of this machine, if it has made one, and those that it had before."""
    return [_load_bundle(file)[0][0] for file in sorted((home() / "certificates").glob("authority*.pem"))]


def _load_authority(folder: Path) -> tuple[Certificate, EllipticCurvePrivateKey]:
    path = folder / "authority.pem"
    if path.exists():
        chain, private = _load_bundle(path)
        lifetime = chain[0].not_valid_after_utc - datetime.now(UTC)
        if lifetime > timedelta(days=SIGNER_DAYS):
            return chain[0], private
        # A new signer would outlive it. What it vouched for stays trusted: every authority*.pem is an anchor.
        path.replace(folder / f"authority-{chain[0].serial_number:x}.pem")
    authority, key = _issue_certificate("authority", AUTHORITY_DAYS)
    pem = key_to_pem(key) + certificate_to_pem(authority)
    write_private_file(path, pem.encode("ascii"), replace=False)
    chain, private = _load_bundle(path)  # of two processes that made one at once, the first counts
    return chain[0], private


def _issue_certificate(
    role: str, days: int, issuer: Certificate | None = None, issuer_key: EllipticCurvePrivateKey | None = None
) -> tuple[Certificate, EllipticCurvePrivateKey]:
    """A fresh key and its certificate: a signer's, or without an issuer an authority's."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    public, parent_key = key.public_key(), issuer_key or key
    # No user or machine name: everybody who gets the output could read it.
    common_name = f"effigie {role} {uuid.uuid4().hex[:8]}"
    names = ((NameOID.ORGANIZATION_NAME, "effigie (local certificate)"), (NameOID.COMMON_NAME, common_name))
    subject = x509.Name([x509.NameAttribute(kind, text) for kind, text in names])
    is_authority = issuer is None
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    usage = dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)
    usage |= {"digital_signature": not is_authority, "key_cert_sign": is_authority, "crl_sign": is_authority}
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.BasicConstraints(is_authority, 0 if is_authority else None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
    )
    if not is_authority:
        uses = [x509.ObjectIdentifier(CLAIM_SIGNING), ExtendedKeyUsageOID.EMAIL_PROTECTION]
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    parent = x509.AuthorityKeyIdentifier.from_issuer_public_key(parent_key.public_key())
    return builder.add_extension(parent, critical=False).sign(parent_key, hashes.SHA256()), key


def _load_bundle(path: Path) -> tuple[list[Certificate], EllipticCurvePrivateKey]:
    """Load certificates and key from one of effigie's own files."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        data = read_pem(path)
        private = load_pem_private_key(data, None)
        chain = x509.load_pem_x509_certificates(data)
    except (ValueError, TypeError) as error:
        raise EffigieError(f"{path} is damaged: move it away, and a new one is made") from error
    if not isinstance(private, EllipticCurvePrivateKey) or chain[0].public_key() != private.public_key():
        raise EffigieError(f"{path} holds a key and a certificate that do not match: move it away")
    return chain, private


def certificate_to_pem(certificate: Certificate) -> str:
    """PEM text of a certificate."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def key_to_pem(private: Any) -> str:
    """PEM text of a private key, PKCS 8 without a password."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode("ascii")


def read_pem(path: Path) -> bytes:
    """The bytes of a PEM file."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES)
    except OSError as error:
        raise EffigieError(f"cannot read {path} ({error.strerror}): check the path") from error
