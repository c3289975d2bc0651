"""The gate's permit for a voice, by a record of a synthetic person."""

from __future__ import annotations

from datetime import date

import numpy as np

from effigie.consent.face_matching import SubjectFaces
from effigie.consent.gate import Permit, permit
from effigie.consent.keys import operator_key
from effigie.consent.record import Consent
from effigie.consent.signature import CONSENT, OPERATOR, Signature
from effigie.consent.terms import Terms
from effigie.consent.values import utc_now


def voice_permit() -> Permit:
    """A permit for the use ``voice``, by a record that this account signs."""
    return _make_permit("voice", "voice of Anna Ünal")


def face_permit() -> Permit:
    """A permit for the use ``animate``."""
    return _make_permit("animate", "face of Anna Ünal")


def _make_permit(use: str, subject: str) -> Permit:
    embeddings = np.eye(1, 128, dtype=np.float32)
    fields = {
        "subject": subject,
        "uses": (use,),
        "purpose": None,
        "territory": None,
        "begins": date(2020, 1, 1),
        "until": None,
        "evidence": (),
        "basis": "signed release",
        "strength": "attested",
        "embeddings": embeddings,
        "created": utc_now(),
    }
    signature = Signature.create(CONSENT, Terms(**fields).digest, OPERATOR, operator_key())
    record = Consent(**fields, signatures=(signature,))
    return permit(use, SubjectFaces(embeddings, np.array(["anna.wav"], object)), record)
