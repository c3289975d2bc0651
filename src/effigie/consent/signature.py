"""A signature of a document: who signed it, in which role, and when."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from effigie.consent.canonical import canonical_json, unpack_bytes
from effigie.consent.keys import SigningKey, fingerprint, verify_signature
from effigie.consent.values import TIME_FORMAT, parse_time, utc_now

VERSION = 1
VOICE_VERSION = 2  # of records that hold a voice: older programs say that they are too old for it
WITNESS_VERSION = 3  # of records that were granted by a challenge
CONSENT = "effigie consent record"
REQUEST = "effigie consent request"
REVOCATION = "effigie consent revocation"
OPERATOR, SUBJECT = "operator", "subject"


@dataclass(frozen=True)
class Signature:
    """One signature.

    Attributes:
        role: ``operator`` or ``subject``.
        public_key: base64 of the signer's 32-byte Ed25519 key.
        signed_at: as the signer's clock said, UTC.
        signature: base64 of the 64 bytes.
    """

    role: str
    public_key: str
    signed_at: datetime
    signature: str

    @classmethod
    def create(cls, kind: str, digest: str, role: str, key: SigningKey) -> Signature:
        """Sign the document of ``kind`` whose body hashes to ``digest``."""
        signed_at = utc_now()
        signature = key.sign(_signed_message(kind, digest, role, signed_at))
        return cls(role, key.public_key, signed_at, base64.b64encode(signature).decode("ascii"))

    def is_valid(self, kind: str, digest: str) -> bool:
        """Whether the owner of the key signed just that, in this role, at this time."""
        try:
            raw = unpack_bytes(self.signature)
        except ValueError:
            return False
        message = _signed_message(kind, digest, self.role, self.signed_at)
        return verify_signature(self.public_key, raw, message)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that name the key."""
        return fingerprint(self.public_key)

    def to_json(self) -> dict[str, str]:
        """JSON values."""
        return {
            "role": self.role,
            "public": self.public_key,
            "when": self.signed_at.strftime(TIME_FORMAT),
            "signature": self.signature,
        }

    @classmethod
    def from_json(cls, value: Any) -> Signature:
        """The signature that a document describes; ValueError if it describes none."""
        if not isinstance(value, dict) or set(value) != {"role", "public", "when", "signature"}:
            raise ValueError("a signature has role, public, when and signature")
        if not all(isinstance(item, str) for item in value.values()):
            raise ValueError("a signature is of text")
        return cls(value["role"], value["public"], parse_time(value["when"]), value["signature"])


def _signed_message(kind: str, digest: str, role: str, signed_at: datetime) -> bytes:
    """Kind, digest, role and time, so that no signature can be used for another purpose."""
    # A request is signed as the record that it asks for: granting adds a signature and changes nothing else.
    kind = CONSENT if kind == REQUEST else kind
    moment = signed_at.strftime(TIME_FORMAT)
    return canonical_json({"signed": kind, "version": VERSION, "sha256": digest, "role": role, "when": moment})
