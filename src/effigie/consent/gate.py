"""The consent gate: no output shows a person without a valid consent record of theirs for this use.

Everything that trains on, animates or writes a face passes through :func:`permit` or :func:`permit_model`, and what
they return is what the later stages ask for. Whoever has the source can take the gate out: what it gives is evidence
and honest defaults, not prevention.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from datetime import date
from pathlib import Path

import numpy as np

from effigie.arrays import Embedding
from effigie.consent.challenge import VoiceAnswer
from effigie.consent.document import Consent
from effigie.consent.face_matching import (
    MATCH_THRESHOLD,
    MIN_MATCHING_SHARE,
    SubjectFaces,
    describe_mismatches,
    reference_similarity,
)
from effigie.consent.record_check import INSTRUCTIONS, check_record, manifest_consents
from effigie.consent.store import REVOCATION_SUFFIX, ConsentStore, default_store
from effigie.consent.terms import USES
from effigie.consent.values import local_today
from effigie.consent.voice_matching import SubjectVoice
from effigie.consent.voice_records import check_answer, find_voice_records, match_voices
from effigie.errors import RefusedError, UsageError

LOG = logging.getLogger(__name__)

ConsentLike = str | Path | Consent | Sequence[str | Path | Consent] | None

MAX_NAMED_CLIPS = 4  # clips that a refusal names
MIN_SAMPLE_AGREEMENT = 0.5  # share of the samples; single ones are turned away, blurred or covered
_GATE = object()


@dataclass(frozen=True)
class Permit:
    """Permission of the gate for one use; only the gate can create one.

    Attributes:
        use: of :data:`~effigie.consent.terms.USES`.
        consents: the records it rests on.
        issuer_token: shown to the constructor, and known to the gate alone.
    """

    use: str
    consents: tuple[Consent, ...]
    issuer_token: InitVar[object] = None

    def __post_init__(self, issuer_token: object) -> None:
        if issuer_token is not _GATE:
            raise TypeError("a permit comes from effigie.consent.gate.permit or permit_model")

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the records."""
        return tuple(consent.id for consent in self.consents)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a permit does not leave the process: ask the gate again")


def permit(
    use: str,
    faces: SubjectFaces,
    consent: ConsentLike = None,
    *,
    purpose: str | None = None,
    store: ConsentStore | None = None,
    today: date | None = None,
) -> Permit:
    """Allow ``use`` of faces, or refuse.

    Args:
        use: of :data:`~effigie.consent.terms.USES`.
        faces: all that will be shown.
        consent: records, ids or files; each must allow the use, and together they must cover the faces. None looks for
            one record in the store that does.
        purpose: what it is for; a record that is limited to a project asks for it.
        store: where ids are looked up and revocations lie; the user's own by default.
        today: the day to judge by; today by default.

    Raises:
        RefusedError: no record, or one that is forged, edited, expired, revoked, not yet valid, for another use,
            project or person; the line says which, and which clips disagree.
    """
    if use not in USES:
        raise UsageError(f"{use!r} is no use: choose of {', '.join(USES)}")
    if not len(faces.embeddings):
        raise RefusedError("there is no face to ask consent for: extract clips that show the person")
    store, today = store or default_store(), today or local_today()
    if consent is None:
        return Permit(use, _find_record(use, faces, purpose, store, today), _GATE)
    references = [consent] if isinstance(consent, (str, Path, Consent)) else list(consent)
    if not references:
        raise RefusedError(f"no consent record was given: {INSTRUCTIONS.format(use=use)}")
    records = []
    for one in references:
        record, path = (one, None) if isinstance(one, Consent) else store.locate(one)
        check_record(record, use, purpose, store, today, path)
        records.append(record)
    return Permit(use, _match_records(use, faces, records), _GATE)


def permit_voice(
    voice: SubjectVoice,
    consent: ConsentLike = None,
    *,
    answer: VoiceAnswer | None = None,
    needs_answer: bool = False,
    purpose: str | None = None,
    store: ConsentStore | None = None,
    today: date | None = None,
) -> Permit:
    """Allow the use ``voice`` of recordings, or refuse: as :func:`permit` by the record's voice instead of its face.

    Args:
        voice: all that a voice is learned from, or was.
        answer: what the reading of a fresh sentence showed, see :mod:`effigie.consent.challenge`.
        needs_answer: refuse without one that belongs to the record: when a voice is learned.
        consent, purpose, store, today: as for :func:`permit`.

    Raises:
        RefusedError: as :func:`permit`; the record holds no voice, or another; there is no answer, or one to another.
    """
    store, today = store or default_store(), today or local_today()
    if not len(voice.recordings):
        raise RefusedError("there is no voice to ask consent for: name recordings of the person")
    if consent is None:
        records = find_voice_records(voice, store, today)
    else:
        records = []
        for one in [consent] if isinstance(consent, (str, Path, Consent)) else list(consent):
            record, path = (one, None) if isinstance(one, Consent) else store.locate(one)
            check_record(record, "voice", purpose, store, today, path)
            records.append(record)
    if not records:
        raise RefusedError(
            "there is no consent of the person who speaks: make a record with `effigie consent new NAME "
            "--voice RECORDING --uses voice -o RECORD`, and name it with --consent RECORD"
        )
    matches = match_voices(voice, records)
    if consent is None:
        for record in matches:
            check_record(record, "voice", purpose, store, today, None)
    if needs_answer or answer is not None:
        check_answer(answer, matches)
    return Permit("voice", matches, _GATE)


def permit_model(
    folder: str | Path,
    use: str,
    *,
    consent: ConsentLike = None,
    purpose: str | None = None,
    store: ConsentStore | None = None,
) -> Permit:
    """Allow ``use`` of a model, by the records and the source's faces that lie in it, or refuse.

    Args:
        folder: a model with ``consents/`` and ``bank/``.
        consent: records instead of the model's own, such as one that was renewed.
        purpose, store: as for :func:`permit`.

    Raises:
        RefusedError: as :func:`permit`; or the model holds no record, or lacks one that its manifest names.
    """
    from effigie.faceset import FaceSet

    folder, own = Path(folder), Path(folder) / "consents"
    if consent is None:
        files = [path for path in sorted(own.glob("c-*.json")) if not path.name.endswith(REVOCATION_SUFFIX)]
        if not files:
            raise RefusedError(
                f"{folder} holds no consent record of the person it shows: name one with --consent RECORD, "
                f"or {INSTRUCTIONS.format(use=use)}"
            )
        if missing := sorted(manifest_consents(folder) - {path.stem for path in files}):
            raise RefusedError(
                f"{folder} lacks the consent record {', '.join(missing)} that its manifest names: "
                "put it back into its consents folder, or name another with --consent RECORD"
            )
        consent = files
    faces = SubjectFaces.from_faces(FaceSet.open(folder / "bank").load(["embedding", "landmarks", "matrix"]))
    store = store or default_store()
    within = ConsentStore([*store.folders, own])  # a revocation that was put into the model counts too
    return permit(use, faces, consent, purpose=purpose, store=within)


def merge_permits(permits: Sequence[Permit]) -> Permit:
    """Merge the permits of several people for one use into one, for an output that shows them all."""
    uses = {permit.use for permit in permits}
    if len(uses) != 1:
        raise ValueError(f"permits to be joined must be for one use, not {sorted(uses) or 'none'}")
    records = {consent.id: consent for permit in permits for consent in permit.consents}
    return Permit(uses.pop(), tuple(records.values()), _GATE)


def resolve_paths(consent: ConsentLike) -> ConsentLike:
    """The same records with absolute paths, valid in any working directory; ids as they are."""
    if consent is None or isinstance(consent, Consent):
        return consent
    if isinstance(consent, (str, Path)):
        return Path(consent).absolute() if Path(consent).exists() else consent
    return [one if isinstance(one, Consent) or not Path(one).exists() else Path(one).absolute() for one in consent]


def save_consents(folder: str | Path, permit: Permit) -> None:
    """Copy the permit's records into a model, each whole or not at all."""
    for consent in permit.consents:
        consent.save(Path(folder) / "consents" / f"{consent.id}.json", replace=True)


def _match_records(use: str, faces: SubjectFaces, records: Sequence[Consent]) -> tuple[Consent, ...]:
    """Records that match faces; refuses if too many faces match none."""
    cosines = _similarities(records, faces.embeddings)
    agrees = cosines.max(axis=0) >= MATCH_THRESHOLD
    if agrees.mean() < MIN_MATCHING_SHARE:
        names = ", ".join(f"{record.subject} ({record.id})" for record in records)
        is_another = agrees.mean() < 1 - MIN_MATCHING_SHARE
        advice = "name the record of the person who is shown" if is_another else "drop the faces of others"
        raise RefusedError(
            f"{100 * agrees.mean():.1f} % of the faces agree with the consent of {names}, and "
            f"{100 * MIN_MATCHING_SHARE:.0f} % must: "
            f"{describe_mismatches(faces.clips, cosines.max(axis=0), MAX_NAMED_CLIPS)}; "
            f"{advice}, or get their consent: {INSTRUCTIONS.format(use=use)}"
        )
    if faces.sampled_embeddings is not None:
        samples = _similarities(records, faces.sampled_embeddings).max(axis=0) >= MATCH_THRESHOLD
        if samples.mean() < MIN_SAMPLE_AGREEMENT:
            raise RefusedError(
                f"the pictures do not show whom their stored identity says: {samples.sum()} of {len(samples)} looked "
                "at agree with the consent; extract the clips again"
            )
    # Only whoever is seen is named in the output's credentials.
    owners = np.unique(cosines.argmax(axis=0)[agrees])
    return tuple(records[index] for index in owners)


def _similarities(records: Sequence[Consent], embeddings: Embedding) -> np.ndarray:
    """(records, faces) cosines."""
    return np.stack([reference_similarity(record, embeddings) for record in records])


def _find_record(
    use: str, faces: SubjectFaces, purpose: str | None, store: ConsentStore, today: date
) -> tuple[Consent, ...]:
    """Find the record in the store that allows the use: the best match, of equals the one that lasts longest."""
    allowed: list[tuple[float, date, Consent]] = []
    refusal = ""
    for stored in store.list(today):
        record = stored.consent
        share = float((reference_similarity(record, faces.embeddings) >= MATCH_THRESHOLD).mean())
        if share < MIN_MATCHING_SHARE:
            continue
        try:
            check_record(record, use, purpose, store, today, stored.path)
        except RefusedError as error:
            refusal = str(error)
            continue
        allowed.append((share, record.until or date.max, record))
    if allowed:
        record = max(allowed, key=lambda match: match[:2])[2]
        LOG.info("consent %s of %s found in the store for %s", record.id, record.subject, use)
        return _match_records(use, faces, [record])
    if refusal:
        raise RefusedError(refusal)
    clips = sorted(set(faces.clips.astype(str)))
    rest = f" and {len(clips) - MAX_NAMED_CLIPS} more" if len(clips) > MAX_NAMED_CLIPS else ""
    raise RefusedError(
        f"there is no consent of the person in {', '.join(clips[:MAX_NAMED_CLIPS])}{rest}: "
        f"{INSTRUCTIONS.format(use=use)}"
    )


def permit_stock_voice(name: str) -> Permit:
    """Permission for a voice that comes with the speech network and is nobody's: it rests on no record.

    Args:
        name: of the stock voice, for the log.
    """
    LOG.info("the stock voice %s needs no consent", name)
    return Permit("voice", (), _GATE)
