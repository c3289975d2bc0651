"""The local certificate authority and signer, made at first use and readable by their owner only."""

from __future__ import annotations

import contextlib
import os
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effigie.errors import EffigieError
from effigie.io.atomic_write import convert_os_error, discard
from effigie.io.home import home

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, KeyUsage, Name

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

    Raises:
        EffigieError: a file cannot be read or written, or is damaged.
    """
    folder = home() / "certificates"
    path = folder / "signer.pem"
    if path.exists():
        chain, key = _load_bundle(path)
        if chain[0].not_valid_after_utc - datetime.now(UTC) > RENEWAL_PERIOD:
            return chain, key
    issuer, issuer_key = _load_authority(folder)
    signer, key = _issue_signer(issuer, issuer_key)
    _write_private_file(
        path, key_to_pem(key) + certificate_to_pem(signer) + certificate_to_pem(issuer), replace=True
    )
    return [signer, issuer], key


def local_authorities() -> list[Certificate]:
    """The authority of this machine, if it has made one, and those that it had before.

    Raises:
        EffigieError: a file cannot be read, or is damaged.
    """
    return [_load_bundle(file)[0][0] for file in sorted((home() / "certificates").glob("authority*.pem"))]


def _load_authority(folder: Path) -> tuple[Certificate, EllipticCurvePrivateKey]:
    path = folder / "authority.pem"
    if path.exists():
        chain, private = _load_bundle(path)
        left = chain[0].not_valid_after_utc - datetime.now(UTC)
        if left > timedelta(days=SIGNER_DAYS):
            return chain[0], private
        # A new signer would outlive it. What it vouched for stays trusted: every authority*.pem is an anchor.
        path.replace(folder / f"authority-{chain[0].serial_number:x}.pem")
    authority, key = _issue_authority()
    _write_private_file(path, key_to_pem(key) + certificate_to_pem(authority), replace=False)
    chain, private = _load_bundle(path)  # of two processes that made one at once, the first counts
    return chain[0], private


def _issue_authority() -> tuple[Certificate, EllipticCurvePrivateKey]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = _build_name(f"effigie authority {uuid.uuid4().hex[:8]}")
    public = key.public_key()
    builder = (
        _build_certificate(name, name, public, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign=False, issue=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    return builder.sign(key, hashes.SHA256()), key


def _issue_signer(
    issuer: Certificate, issuer_key: EllipticCurvePrivateKey
) -> tuple[Certificate, EllipticCurvePrivateKey]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    uses = [x509.ObjectIdentifier(CLAIM_SIGNING), ExtendedKeyUsageOID.EMAIL_PROTECTION]
    parent = issuer_key.public_key()
    builder = (
        _build_certificate(
            _build_name(f"effigie signer {uuid.uuid4().hex[:8]}"),
            issuer.subject,
            key.public_key(),
            SIGNER_DAYS,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign=True, issue=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(parent), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256()), key


def _build_certificate(subject: Name, issuer: Name, public: Any, days: int) -> CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _build_name(common: str) -> Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    # No user or machine name: everybody who gets the output could read it.
    attributes = ((NameOID.ORGANIZATION_NAME, "effigie (local certificate)"), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in attributes])


def _key_usage(*, sign: bool, issue: bool) -> KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issue,
        crl_sign=issue,
        encipher_only=False,
        decipher_only=False,
    )


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

    certificate_to_pem: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate_to_pem.decode("ascii")


def read_pem(path: Path) -> bytes:
    """The bytes of a PEM file.

    Raises:
        EffigieError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES)
    except OSError as error:
        raise EffigieError(f"cannot read {path} ({error.strerror}): check the path") from error


def _write_private_file(path: Path, text: str, *, replace: bool) -> None:
    """Write a file that only its owner may read; without ``replace`` one that is there already stays."""
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(OSError):
            path.parent.chmod(0o700)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
        if replace:
            temporary.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
    except OSError as error:
        raise convert_os_error(error, path) from error
    finally:
        discard(temporary)
