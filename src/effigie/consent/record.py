"""Creation of consent records: attested by the operator, or requested and granted by the subject; and revocation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np

from effigie.consent.document import Consent, ConsentRequest, Revocation
from effigie.consent.keys import SigningKey, operator_key
from effigie.consent.references import compute_references
from effigie.consent.signature import CONSENT, OPERATOR, REQUEST, SUBJECT, Signature
from effigie.consent.terms import EMBEDDING_SIZE, USES, Evidence, Terms
from effigie.consent.values import local_today, utc_now
from effigie.consent.voice_matching import compute_voice_references
from effigie.errors import ConsentError, UsageError
from effigie.io.atomic_write import sha256
from effigie.progress import CancelToken, ProgressCallback, ignore_progress

__all__ = ["ONE_YEAR", "Consent", "ConsentRequest", "Revocation", "grant", "new_consent", "request_consent", "revoke"]

ONE_YEAR = timedelta(days=365)
RECORDING_SUFFIXES = {*(".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi"), *(".wav", ".mp3", ".m4a", ".flac", ".ogg")}


class ConsentOptions(TypedDict, total=False):
    """What :func:`new_consent` and :func:`request_consent` take by name."""

    begins: date | None
    """First day; today by default."""
    purpose: str | None
    """The only project or purpose it is for."""
    territory: str | None
    """Where outputs may be shown."""
    basis: str
    """What it rests on, in words."""
    evidence: Sequence[str | Path]
    """Files, such as a signed release, whose hashes the record keeps."""
    key: SigningKey | None
    """The operator's; by default the one of this account."""
    progress: ProgressCallback
    cancel: CancelToken | None
    recordings: Sequence[str | Path]
    """Sound or video files in which the subject speaks and nobody else, for the use ``voice``."""


def new_consent(
    subject: str,
    photos: Sequence[str | Path],
    uses: Sequence[str] = ("swap",),
    until: date | timedelta | None = ONE_YEAR,
    **options: Unpack[ConsentOptions],
) -> Consent:
    """An attested record: the operator says that the subject consents, and signs. Nothing is written.

    Args:
        subject: the person's name.
        photos: pictures or clips that show the person and nobody else as large.
        uses: of :data:`~effigie.consent.terms.USES`.
        until: last day, or how long from the first; None for no end.
        options: see :class:`ConsentOptions`.

    Raises:
        UsageError: a value that cannot be, or photos that do not show one person.
        MediaError: a photo cannot be read.
    """
    return Consent(**_sign_terms(CONSENT, "attested", subject, photos, uses, until, **options))


def request_consent(
    subject: str,
    photos: Sequence[str | Path],
    uses: Sequence[str] = ("swap",),
    until: date | timedelta | None = ONE_YEAR,
    **options: Unpack[ConsentOptions],
) -> ConsentRequest:
    """Terms for the subject to sign on their own machine with :func:`grant`; arguments as :func:`new_consent`."""
    return ConsentRequest(**_sign_terms(REQUEST, "granted", subject, photos, uses, until, **options))


def grant(request: ConsentRequest, key: SigningKey | None = None) -> Consent:
    """The granted record: the subject signs what was requested, unchanged.

    Args:
        key: the subject's; by default the one of this account.

    Raises:
        ConsentError: it is the key that the request was signed with.
    """
    key = key or operator_key()
    if key.public_key == request.signatures[0].public_key:
        raise ConsentError(
            "the request was signed with this very key: the subject grants it on their own machine, or with --key"
        )
    signature = Signature.create(CONSENT, request.digest, SUBJECT, key)
    return Consent(**Terms.parse_fields(request.body()), signatures=(*request.signatures, signature))


def revoke(consent: Consent, key: SigningKey | None = None, reason: str = "") -> Revocation:
    """A statement that the consent holds no longer, signed by one who signed the record. Nothing is written.

    Args:
        key: the operator's or the subject's; by default the one of this account.

    Raises:
        ConsentError: the key signed nothing in this record.
    """
    key = key or operator_key()
    roles = [signature.role for signature in consent.signatures if signature.public_key == key.public_key]
    if not roles:
        raise ConsentError(
            f"{consent.id} was not signed with the key {key.fingerprint}: revoke it with a key that signed it (--key)"
        )
    return Revocation.create(consent, reason, roles[0], key)


def _sign_terms(
    kind: str,
    strength: str,
    subject: str,
    photos: Sequence[str | Path],
    uses: Sequence[str],
    until: date | timedelta | None,
    *,
    begins: date | None = None,
    purpose: str | None = None,
    territory: str | None = None,
    basis: str = "",
    evidence: Sequence[str | Path] = (),
    key: SigningKey | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
    recordings: Sequence[str | Path] = (),
) -> dict[str, Any]:
    """The fields of a document of ``kind``, with the operator's signature."""
    begins = begins or local_today()
    if isinstance(uses, str):
        raise UsageError("uses are a list of words")
    if unknown := sorted(set(uses) - set(USES)):
        raise UsageError(f"{', '.join(unknown)} is no use: choose of {', '.join(USES)}")
    files = [Path(photo) for photo in photos]
    pieces = [_hash_evidence(Path(path), None) for path in evidence]
    sound_files = [Path(path) for path in recordings]
    pieces += [_hash_evidence(path, "reference") for path in (*files, *sound_files) if path.is_file()]
    if sound_files and "voice" not in uses:
        raise UsageError("recordings are for the use voice: add it to the uses, or leave them out")
    fields: dict[str, Any] = {
        "subject": subject.strip(),
        "uses": tuple(use for use in USES if use in uses),
        "purpose": purpose,
        "territory": territory,
        "begins": begins,
        "until": begins + until if isinstance(until, timedelta) else until,
        "evidence": tuple(pieces),
        "basis": basis.strip(),
        "strength": strength,
        "created": utc_now(),
    }
    # Wrong terms are said at once, not after the pictures were looked at.
    Terms(**fields, embeddings=np.eye(1, 128, dtype=np.float32))
    if files or not sound_files:
        fields["embeddings"] = compute_references(files, progress, cancel)
    else:
        if set(uses) != {"voice"}:
            raise UsageError("a record needs a photo or clip of the person for other uses than voice: --photo FILE")
        fields["embeddings"] = np.zeros((0, EMBEDDING_SIZE), np.float32)
    if sound_files:
        fields["voices"] = compute_voice_references(sound_files, progress, cancel)
    signature = Signature.create(kind, Terms(**fields).digest, OPERATOR, key or operator_key())
    return {**fields, "signatures": (signature,)}


def _hash_evidence(path: Path, kind: str | None) -> Evidence:
    if not path.is_file():
        raise UsageError(f"{path} is no file: check the name")
    kind = kind or ("recording" if path.suffix.lower() in RECORDING_SUFFIXES else "document")
    note = "".join(letter if letter.isprintable() else "?" for letter in path.name)
    return Evidence(kind, sha256(path), note[:200])
