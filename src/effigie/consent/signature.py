"""One signature below one body: who signed it, as what, and when."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from effigie.consent.canonical import canonical, unpack_bytes
from effigie.consent.keys import SigningKey, fingerprint, verify
from effigie.consent.terms import TIME, now, parse_time

VERSION = 1
CONSENT, REQUEST, REVOCATION = (
    "effigie consent record",
    "effigie consent request",
    "effigie consent revocation",
)
OPERATOR, SUBJECT = "operator", "subject"


@dataclass(frozen=True)
class Signature:
    """One signature.

    Attributes:
        role: ``operator`` or ``subject``.
        public: base64 of the signer's 32-byte Ed25519 key.
        when: as the signer's clock said, UTC.
        signature: base64 of the 64 bytes.
    """

    role: str
    public: str
    when: datetime
    signature: str

    @classmethod
    def make(cls, kind: str, digest: str, role: str, key: SigningKey) -> Signature:
        """Sign the document of ``kind`` whose body hashes to ``digest``."""
        when = now()
        signature = key.sign(statement(kind, digest, role, when))
        return cls(role, key.public, when, base64.b64encode(signature).decode("ascii"))

    def holds(self, kind: str, digest: str) -> bool:
        """Whether the owner of the key signed just that, in this role, at this time."""
        try:
            raw = unpack_bytes(self.signature)
        except ValueError:
            return False
        return verify(self.public, raw, statement(kind, digest, self.role, self.when))

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that name the key."""
        return fingerprint(self.public)

    def to_json(self) -> dict[str, str]:
        """JSON values."""
        return {
            "role": self.role,
            "public": self.public,
            "when": self.when.strftime(TIME),
            "signature": self.signature,
        }

    @classmethod
    def from_json(cls, value: Any) -> Signature:
        """The signature that a document describes.

        Raises:
            ValueError: none.
        """
        if not isinstance(value, dict) or set(value) != {"role", "public", "when", "signature"}:
            raise ValueError("a signature has role, public, when and signature")
        if not all(isinstance(item, str) for item in value.values()):
            raise ValueError("a signature is of text")
        return cls(value["role"], value["public"], parse_time(value["when"]), value["signature"])


def statement(kind: str, digest: str, role: str, when: datetime) -> bytes:
    """What is signed: which body, as what, by whom and when, so that no signature can be used for another purpose."""
    # A request is signed as the record that it asks for: granting adds a signature and changes nothing else.
    kind = CONSENT if kind == REQUEST else kind
    return canonical(
        {"signed": kind, "version": VERSION, "sha256": digest, "role": role, "when": when.strftime(TIME)}
    )


def body_digest(body: dict[str, Any]) -> str:
    """Hex SHA-256 of a body's canonical form."""
    return hashlib.sha256(canonical(body)).hexdigest()
