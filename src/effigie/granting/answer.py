"""The check of an answer to a challenge; whoever passes has granted what they were asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from effigie.consent.document import Consent
from effigie.consent.face_matching import MATCH_THRESHOLD, reference_similarity
from effigie.consent.grant_challenge import GrantChallenge, grant_by_challenge
from effigie.consent.keys import SigningKey, operator_key
from effigie.consent.store import ConsentStore, default_store
from effigie.consent.terms import Terms
from effigie.consent.values import utc_now
from effigie.consent.witness import Witness
from effigie.errors import RefusedError
from effigie.granting.liveness import Liveness, judge_liveness
from effigie.granting.performance import Performance, measure_performance
from effigie.io.atomic_write import sha256
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

MIN_MATCHING_SHARE = 0.8
"""Of the frames looked at. The gate asks for 0.95 of faces that were chosen; here the person was told to turn away."""
CLOCK_SLACK = timedelta(minutes=1)


def answer_grant(
    challenge: GrantChallenge,
    clip: str | Path,
    *,
    key: SigningKey | None = None,
    subject_key: SigningKey | None = None,
    store: ConsentStore | None = None,
    now: datetime | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Consent:
    """The witnessed record that a clip earns by showing what its challenge asked for. Nothing is written.

    Checked are time, marks of effigie, liveness, face, words and voice, in that order; see docs/trust.md for what is
    not detected.

    Args:
        clip: the person before the camera; for a voice alone, sound is enough.
        key: of whoever drew the challenge; by default that of this account.
        subject_key: the person's own, if they sign as well.
        store: where answers that were accepted before are looked for; the user's own by default.

    Raises:
        RefusedError: the answer does not show it; the line says what is missing.
        MediaError: the clip cannot be read.
    """
    key, clip = key or operator_key(), Path(clip)
    request, moment = challenge.request, now or utc_now()
    if challenge.signature.public_key != key.public_key:
        raise RefusedError("the challenge was not drawn here: who asks for the grant draws it and checks the answer")
    if not challenge.created - CLOCK_SLACK <= moment <= challenge.expires:
        raise RefusedError(
            f"the challenge was to be answered until {challenge.expires:%H:%M} UTC and it is {moment:%H:%M}: "
            "draw a new one with `effigie consent challenge`"
        )
    digest = sha256(clip)
    _require_unused(challenge, digest, store or default_store())
    progress(Progress("look for marks", 0, 1, "files"))
    require_unmarked(clip, cancel)
    progress(Progress("look for marks", 1, 1, "files"))
    relief = similarity = None
    peaks: tuple[int, ...] = ()
    duration = 0
    if challenge.steps:
        performance = measure_performance(clip, progress, cancel)
        liveness = judge_liveness(performance, challenge.steps)
        similarity = require_person(clip, performance, liveness, request)
        assert liveness.step_motions is not None and liveness.relief is not None
        relief, duration = round(1000 * liveness.relief), round(1000 * performance.duration)
        peaks = tuple(round(1000 * motion.peak) for motion in liveness.step_motions)
    words = voice = None
    if challenge.sentence is not None:
        from effigie.consent.reading import check_reading

        progress(Progress("listen", 0, 1, "files"))
        right, alike = check_reading(clip, challenge.sentence, request, cancel)
        words, voice = round(1000 * right), None if alike is None else int(np.floor(1000 * alike))
        progress(Progress("listen", 1, 1, "files"))
    witness = Witness(
        request=request.digest,
        steps=challenge.steps,
        sentence=challenge.sentence,
        asked=challenge.created,
        clip=digest,
        peaks=peaks,
        duration=duration,
        relief=relief,
        similarity=similarity,
        words_right=words,
        voice=voice,
    )
    return grant_by_challenge(challenge, witness, clip.name, key, subject_key)


def require_unmarked(clip: Path, cancel: CancelToken | None = None) -> None:
    """Refuse a clip that effigie made: by its credentials, or by its mark in pictures or sound.

    Raises:
        RefusedError: it carries one.
    """
    from effigie.provenance.verifier import verify

    verification = verify(clip, cancel=cancel)
    if verification.verdict == "made-by-effigie":
        raise RefusedError(f"{clip.name} was made with effigie: the person answers themselves")


def require_person(clip: Path, performance: Performance, liveness: Liveness, terms: Terms) -> int:
    """The similarity of the face to the record's, per mille, of somebody alive who did what was asked.

    Raises:
        RefusedError: somebody else, or not alive.
    """
    if liveness.refusals:
        raise RefusedError(f"{clip.name}: {'; '.join(liveness.refusals)}. Film it again, or draw a new challenge")
    cosines = reference_similarity(terms, performance.embeddings)
    share = float(np.mean(cosines >= MATCH_THRESHOLD))
    if share < MIN_MATCHING_SHARE:
        raise RefusedError(
            f"the face in {clip.name} is not known as that of {terms.subject}: {100 * share:.0f} % of the looks agree "
            f"and {100 * MIN_MATCHING_SHARE:.0f} % must (median {np.median(cosines):.2f} of {MATCH_THRESHOLD}); "
            "more light, and nobody else"
        )
    return int(np.floor(1000 * np.median(cosines)))


def _require_unused(challenge: GrantChallenge, digest: str, store: ConsentStore) -> None:
    """Refuse what was accepted before: a recording, or an answer to the same challenge."""
    records: Sequence[Consent] = [stored.consent for stored in store.list()]
    for record in records:
        witness = record.witness
        if witness is not None and witness.clip == digest:
            raise RefusedError(f"this very recording granted {record.id} before: film a new one")
        if any(piece.sha256 == digest for piece in record.evidence):
            raise RefusedError(f"this very recording is evidence of {record.id}: film a new one")
        if witness is not None and (witness.request, witness.asked) == (challenge.request.digest, challenge.created):
            raise RefusedError(f"the challenge was answered before, by {record.id}: draw a new one")
