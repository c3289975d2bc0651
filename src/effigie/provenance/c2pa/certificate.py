"""The signing certificate of content credentials: a local one, or the user's own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effigie.errors import UsageError
from effigie.provenance.c2pa.authority import certificate_to_pem, key_to_pem, local_authorities, local_signer, read_pem

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class SigningIdentity:
    """A certificate chain and its private key.

    Attributes:
        certificate_chain_pem: the signer's certificate first, each followed by its issuer; the root may be left out.
        private_key_pem: PKCS 8 without a password.
        alg: C2PA's name of the signature algorithm: es256, es384, es512, ps256 or ed25519.
    """

    certificate_chain_pem: str
    private_key_pem: str = field(repr=False)
    alg: str


def select_identity(certificate: Path | None = None, key: Path | None = None) -> SigningIdentity:
    """The files given, else ``EFFIGIE_CERTIFICATE`` and ``EFFIGIE_KEY``, else the certificate of this machine."""
    if certificate is None and key is None:
        certificate_name, key_name = os.environ.get("EFFIGIE_CERTIFICATE"), os.environ.get("EFFIGIE_KEY")
        certificate, key = Path(certificate_name) if certificate_name else None, Path(key_name) if key_name else None
    if certificate is None and key is None:
        return local_identity()
    if certificate is None or key is None:
        raise UsageError("a certificate and its key go together: give both, or neither")
    return load_identity(certificate, key)


def load_identity(certificate: Path, key: Path) -> SigningIdentity:
    """A certificate chain and its key from PEM files.

    Raises:
        UsageError: they do not belong together, are out of date, are of a kind that C2PA does not accept, the
            certificate is its own issuer, or the key needs a password.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(read_pem(key), None)
    except TypeError as error:
        raise UsageError(f"{key} is protected by a password: give a copy without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{key} is no private key in PEM: check that it was not cut short") from error
    try:
        chain = x509.load_pem_x509_certificates(read_pem(certificate))
    except ValueError as error:
        raise UsageError(f"{certificate} holds no certificate in PEM: check that it was not cut short") from error
    ordered = _order_chain(chain, private.public_key())
    if not ordered:
        raise UsageError(f"no certificate in {certificate} belongs to {key}: name the two that were made together")
    signer = ordered[0]
    now = datetime.now(UTC)
    if not signer.not_valid_before_utc <= now <= signer.not_valid_after_utc:
        raise UsageError(
            f"{certificate} is valid from {signer.not_valid_before_utc:%Y-%m-%d} to "
            f"{signer.not_valid_after_utc:%Y-%m-%d}: get a new one"
        )
    if signer.issuer == signer.subject:
        raise UsageError(f"{certificate} is its own issuer, which C2PA forbids: have it issued by an authority")
    return SigningIdentity(
        "".join(map(certificate_to_pem, ordered)), key_to_pem(private), _select_algorithm(private, key)
    )


def local_identity() -> SigningIdentity:
    """The certificate of this machine, made at first use."""
    chain, key = local_signer()
    return SigningIdentity("".join(map(certificate_to_pem, chain)), key_to_pem(key), "es256")


def trust_anchors() -> str:
    """The roots whose signers count as trusted, in PEM; empty if there are none.

    Those are the authority of this machine, if it has made one, and the certificates in ``EFFIGIE_TRUST_ANCHORS``:
    a PEM file or a folder of them. Nothing is fetched.
    """
    from cryptography import x509

    certificates = local_authorities()
    location = os.environ.get("EFFIGIE_TRUST_ANCHORS")
    if location:
        path = Path(location)
        for file in sorted(path.glob("*.pem")) if path.is_dir() else [path]:
            try:
                certificates += x509.load_pem_x509_certificates(read_pem(file))
            except ValueError as error:
                raise UsageError(f"{file} (EFFIGIE_TRUST_ANCHORS) holds no certificate in PEM") from error
    return "".join(map(certificate_to_pem, certificates))


def _order_chain(chain: Sequence[Certificate], public: Any) -> list[Certificate]:
    """The certificate of ``public`` and, as far as they are there, its issuers in turn."""
    ordered = [certificate for certificate in chain if certificate.public_key() == public][:1]
    while ordered and ordered[-1].issuer != ordered[-1].subject:
        issuers = [c for c in chain if c.subject == ordered[-1].issuer and c not in ordered]
        if not issuers:
            break
        ordered.append(issuers[0])
    return ordered


def _select_algorithm(private: Any, path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in CURVES:
        return CURVES[private.curve.name]
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= 2048:
        return "ps256"
    raise UsageError(
        f"{path} is a key that C2PA does not accept: use P-256, P-384, P-521, Ed25519, or RSA from 2048 bits"
    )
