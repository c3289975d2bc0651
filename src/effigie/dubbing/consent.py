"""Which of the records that were given are for the face, and which for the voice."""

from __future__ import annotations

from pathlib import Path

from effigie.consent import Consent, default_store
from effigie.consent.gate import ConsentLike


def split_consents(consent: ConsentLike) -> tuple[ConsentLike, ConsentLike]:
    """Records for the face (use ``animate``), and for the voice; None where none was given for one.

    A record for neither stays with those for the face: the gate says what is wrong with it.

    Raises:
        ConsentError: a record cannot be found or read.
    """
    if consent is None:
        return None, None
    references = [consent] if isinstance(consent, (str, Path, Consent)) else list(consent)
    records = [one if isinstance(one, Consent) else default_store().locate(one)[0] for one in references]
    voices = [one for one, record in zip(references, records, strict=True) if "voice" in record.uses]
    faces = [
        one
        for one, record in zip(references, records, strict=True)
        if "animate" in record.uses or "voice" not in record.uses
    ]
    return faces or references, voices or None
