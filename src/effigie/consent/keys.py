"""Ed25519 signing keys: made at first use, readable by their owner only."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from effigie.consent.canonical import read_bytes, unpack_bytes
from effigie.errors import ConsentError, EffigieError, UsageError
from effigie.io.atomic_write import write_private_file
from effigie.io.home import home

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_KEY_BYTES, SIGNATURE_BYTES = 32, 64
MAX_KEY_FILE_BYTES = 1 << 14  # bytes of a PEM file


class SigningKey:
    """A private key. Use :meth:`create`, :meth:`load` or :func:`operator_key`."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @classmethod
    def create(cls, path: Path) -> SigningKey:
        """Generate a key and store it in a new file that only its owner may read (PKCS 8, PEM)."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        if not write_private_file(path, pem, replace=False):
            raise UsageError(f"{path} exists: a key is never replaced, choose another name")
        return cls(private)

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Read a key from a file."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            private = load_pem_private_key(read_bytes(path, MAX_KEY_FILE_BYTES), None)
        except ConsentError as error:  # nothing was refused: a file is not there
            raise EffigieError(str(error)) from None
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise EffigieError(
                f"{path} is no Ed25519 key in PEM without a password: restore it from a copy, or name another"
            ) from error
        if not isinstance(private, Ed25519PrivateKey):
            raise EffigieError(f"{path} is a key of another kind: an Ed25519 key is needed")
        return cls(private)

    @property
    def public_key(self) -> str:
        """The public key: base64 of its 32 bytes."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        raw = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode("ascii")

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits by which people compare keys."""
        return fingerprint(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self._private.sign(message)


def operator_key() -> SigningKey:
    """The key of this account's user, made at first use."""
    path = home() / "keys" / "operator.pem"
    if not path.exists():
        # Another process may have made it in between: theirs counts then.
        with contextlib.suppress(UsageError):
            return SigningKey.create(path)
    return SigningKey.load(path)


def fingerprint(public_key: str) -> str:
    """The first 16 hex digits of the SHA-256 of a public key's bytes."""
    return hashlib.sha256(unpack_bytes(public_key)).hexdigest()[:16]


def verify_signature(public_key: str, signature: bytes, message: bytes) -> bool:
    """Whether the owner of ``public_key`` (base64) signed exactly ``message``."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        raw = unpack_bytes(public_key)
        if len(raw) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
            return False
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
