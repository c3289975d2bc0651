"""Consent records of synthetic faces, for tests that need no real ones."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from effigie.consent.face_matching import SubjectFaces
from effigie.consent.keys import SigningKey
from effigie.consent.record import Consent, ConsentRequest
from effigie.consent.signature import CONSENT, OPERATOR, REQUEST, Signature
from effigie.consent.terms import Evidence, Terms
from effigie.consent.values import utc_now

TODAY = date(2026, 6, 15)


def directions(count: int, seed: int = 0) -> np.ndarray:
    """(count, 128) float32 unit vectors, each nearly at right angles to the others."""
    vectors = np.random.default_rng(seed).normal(size=(count, 128))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def fields(**changed: Any) -> dict[str, Any]:
    return {
        "subject": "Anna Ünal",
        "uses": ("swap",),
        "purpose": None,
        "territory": "EU",
        "begins": date(2026, 1, 1),
        "until": date(2026, 12, 31),
        "evidence": (Evidence("document", "ab" * 32, "release.pdf"),),
        "basis": "signed release",
        "strength": "attested",
        "embeddings": directions(3),
        "created": utc_now(),
    } | changed


def made(key: SigningKey, **changed: Any) -> Consent:
    """An attested record."""
    values = fields(**changed)
    return Consent(**values, signatures=(Signature.create(CONSENT, Terms(**values).digest, OPERATOR, key),))


def asked(key: SigningKey, **changed: Any) -> ConsentRequest:
    """A request."""
    values = fields(strength="granted", **changed)
    signature = Signature.create(REQUEST, Terms(**values).digest, OPERATOR, key)
    return ConsentRequest(**values, signatures=(signature,))


def shown(consent: Terms, count: int = 20, clip: str = "interview") -> SubjectFaces:
    """The record's own faces."""
    rows = consent.embeddings[np.arange(count) % len(consent.embeddings)]
    return SubjectFaces(rows, np.full(count, clip, object))


def joined(*parts: SubjectFaces) -> SubjectFaces:
    return SubjectFaces(
        np.concatenate([part.embeddings for part in parts]), np.concatenate([part.clips for part in parts])
    )
