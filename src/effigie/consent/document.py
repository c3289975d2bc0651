"""Signed consent documents: requests, records and revocations. None exists unless its signatures are valid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, Self

from effigie.consent.canonical import canonical_json, damaged_error, json_digest, parse_document, read_bytes
from effigie.consent.keys import SigningKey
from effigie.consent.signature import (
    CONSENT,
    OPERATOR,
    REQUEST,
    REVOCATION,
    SUBJECT,
    VERSION,
    VOICE_VERSION,
    WITNESS_VERSION,
    Signature,
)
from effigie.consent.terms import ID_PATTERN, MAX_TEXT_LENGTH, Terms
from effigie.consent.values import SHA256_PATTERN, check_text
from effigie.errors import ConsentError, UsageError
from effigie.io.atomic_write import atomic_write

# Whose signatures a record of each strength carries. A request carries the operator's. The subject of a witnessed
# record need not have a key; one who has may sign as well, and can then revoke it.
SIGNERS = {
    "attested": ((OPERATOR,),),
    "granted": ((OPERATOR, SUBJECT),),
    "witnessed": ((OPERATOR,), (OPERATOR, SUBJECT)),
}


class _Document:
    """A file of canonical JSON that somebody signed."""

    KIND: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """The document: JSON values."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """The document as it is written: canonical JSON and a line feed."""
        return canonical_json(self.to_json()) + b"\n"

    def save(self, path: Path, replace: bool = False) -> None:
        """Write it, whole or not at all. The same document may be written again.

        Raises:
            UsageError: another file lies there, and ``replace`` is not set.
        """
        path, data = Path(path), self.to_bytes()
        if path.is_dir():
            raise UsageError(f"{path} is a folder: name a file")
        if path.exists() and not replace and path.read_bytes() != data:
            raise UsageError(f"{path} exists: choose another name, or say that it is to be replaced (--replace)")
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a document that anybody may have written.

        Raises:
            ConsentError: missing, damaged, edited, forged or of a newer version.
        """
        return cls.from_bytes(read_bytes(Path(path)), str(path))

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Self:
        """As :meth:`load`, of bytes in memory that messages call ``name``."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, kw_only=True)
class _SignedTerms(_Document, Terms):
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check()

    def _allowed_signers(self) -> tuple[tuple[str, ...], ...]:
        """Each a whole list of roles in their order."""
        raise NotImplementedError

    def check(self) -> None:
        """Check every signature again.

        Raises:
            ConsentError: one is missing or does not hold.
        """
        allowed = self._allowed_signers()
        roles = tuple(signature.role for signature in self.signatures)
        if roles not in allowed:
            raise ConsentError(f"it needs the signature of {' and '.join(allowed[0])}, and has {roles or 'none'}")
        digest = self.digest
        for signature in self.signatures:
            if not signature.is_valid(self.KIND, digest):
                raise ConsentError(f"the {signature.role}'s signature does not belong to these terms")
        if len({signature.public_key for signature in self.signatures}) < len(self.signatures):
            raise ConsentError("operator and subject signed with one key: the subject signs with their own")

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.KIND,
            "version": WITNESS_VERSION if self.witness else VOICE_VERSION if self.voices else VERSION,
            "id": self.id,
            "terms": self.body(),
            "signatures": [signature.to_json() for signature in self.signatures],
        }

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Self:
        document = parse_document(data, cls.KIND, name, WITNESS_VERSION)
        try:
            if set(document) != {"format", "version", "id", "terms", "signatures"}:
                raise ValueError("its fields are not those of its kind")
            signatures = document["signatures"]
            if not isinstance(signatures, list) or len(signatures) > len((OPERATOR, SUBJECT)):
                raise ValueError("its signatures are no list")
            instance = cls(
                **cls.parse_fields(document["terms"]),
                signatures=tuple(Signature.from_json(signature) for signature in signatures),
            )
            if document["id"] != instance.id:
                raise ValueError("its id is not that of its terms")
            if instance.to_bytes() != data:
                raise ValueError("it is not written as effigie writes it")
        except ConsentError as error:
            raise ConsentError(
                f"{name} is forged or was edited ({error}): ask for the original, or make a new record"
            ) from error
        except (ValueError, UsageError) as error:
            raise damaged_error(name, str(error)) from error
        return instance


@dataclass(frozen=True, eq=False, kw_only=True)
class Consent(_SignedTerms):
    """A consent record: terms with valid signatures; invalid ones raise."""

    KIND: ClassVar[str] = CONSENT

    def _allowed_signers(self) -> tuple[tuple[str, ...], ...]:
        return SIGNERS[self.strength]

    def is_valid_on(self, day: date) -> bool:
        """Whether a day lies in its time."""
        return self.begins <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, eq=False, kw_only=True)
class ConsentRequest(_SignedTerms):
    """Terms that an operator asks a subject to sign; not a consent yet."""

    KIND: ClassVar[str] = REQUEST

    def _allowed_signers(self) -> tuple[tuple[str, ...], ...]:
        if self.strength != "granted":
            raise ConsentError("a request asks for a granted record")
        return ((OPERATOR,),)


@dataclass(frozen=True)
class Revocation(_Document):
    """A signed revocation of a consent record; an invalid signature raises.

    Attributes:
        consent: id of the record.
        digest: hex SHA-256 of the record's terms.
        reason: in words; may be empty.
        signature: of one who signed the record.
    """

    consent: str
    digest: str
    reason: str
    signature: Signature

    KIND: ClassVar[str] = REVOCATION

    def __post_init__(self) -> None:
        if not is_id(self.consent):
            raise UsageError("a consent's id is c- and 16 hex digits")
        if not isinstance(self.digest, str) or not SHA256_PATTERN.fullmatch(self.digest):
            raise UsageError("terms are named by the 64 hex digits of their SHA-256")
        check_text("the reason", self.reason, MAX_TEXT_LENGTH, empty=True)
        if not self.signature.is_valid(REVOCATION, json_digest(self.body())):
            raise ConsentError("its signature does not belong to it")

    @classmethod
    def create(cls, consent: Consent, reason: str, role: str, key: SigningKey) -> Revocation:
        """Revoke ``consent`` as one who signed it in ``role``."""
        check_text("the reason", reason, MAX_TEXT_LENGTH, empty=True)
        body = {"consent": consent.id, "sha256": consent.digest, "reason": reason}
        signature = Signature.create(REVOCATION, json_digest(body), role, key)
        return cls(consent.id, consent.digest, reason, signature)

    @property
    def signed_at(self) -> datetime:
        """When it was signed, as the signer's clock said, UTC."""
        return self.signature.signed_at

    def revokes(self, consent: Consent) -> bool:
        """Whether it is about this record and by one who signed it."""
        signers = {(signature.role, signature.public_key) for signature in consent.signatures}
        return self.digest == consent.digest and (self.signature.role, self.signature.public_key) in signers

    def body(self) -> dict[str, str]:
        """JSON values of what is signed."""
        return {"consent": self.consent, "sha256": self.digest, "reason": self.reason}

    def to_json(self) -> dict[str, Any]:
        return {
            "format": REVOCATION,
            "version": VERSION,
            "revocation": self.body(),
            "signatures": [self.signature.to_json()],
        }

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Self:
        document = parse_document(data, REVOCATION, name, VERSION)
        try:
            body, signatures = document["revocation"], document["signatures"]
            if (
                set(document) != {"format", "version", "revocation", "signatures"}
                or set(body) != {"consent", "sha256", "reason"}
                or len(signatures) != 1
            ):
                raise ValueError("its fields are not those of a revocation")
            return cls(body["consent"], body["sha256"], body["reason"], Signature.from_json(signatures[0]))
        except (ValueError, KeyError, TypeError, UsageError, ConsentError) as error:
            raise damaged_error(name, str(error)) from error


def is_id(text: Any) -> bool:
    """Whether something is a consent's id: nothing that could be a path."""
    return isinstance(text, str) and ID_PATTERN.fullmatch(text) is not None
