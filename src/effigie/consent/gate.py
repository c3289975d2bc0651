"""The gate: nobody's likeness is shown without a record that is theirs, valid, and for this use.

Everything that trains on, animates or writes a face passes through :func:`permit` or :func:`permit_model`, and what
they return is what the later stages ask for. Whoever has the source can take the gate out: what it gives is evidence
and honest defaults, not prevention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from datetime import date
from pathlib import Path

import numpy as np

from effigie.consent.document import Consent
from effigie.consent.match import SHARE, THRESHOLD, agreement, disagreeing
from effigie.consent.store import ConsentStore, default_store
from effigie.consent.subject_faces import ShownFaces
from effigie.consent.terms import USES, local_day
from effigie.errors import ConsentError, RefusedError, UsageError
from effigie.io.atomic import atomic, read_json
from effigie.progress import Cancel

ConsentLike = str | Path | Consent | Sequence[str | Path | Consent] | None

HOW = "make one with `effigie consent new NAME --photo FILE --uses {use} -o RECORD`, and name it with --consent RECORD"
FEW = 4  # clips that a refusal names
SEEN = 0.5  # share of them that must agree: single frames turned away, blurred or covered may not
_GATE = object()


@dataclass(frozen=True)
class Permit:
    """What the gate allowed; only the gate can make one.

    Attributes:
        use: of :data:`~effigie.consent.terms.USES`.
        consents: the records it rests on.
        made_by: shown to the constructor, and known to the gate alone.
    """

    use: str
    consents: tuple[Consent, ...]
    made_by: InitVar[object] = None

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _GATE:
            raise TypeError("a permit comes from effigie.consent.gate.permit or permit_model")

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the records."""
        return tuple(consent.id for consent in self.consents)

    def records(self) -> dict[str, bytes]:
        """File name -> bytes of the records."""
        return {f"{consent.id}.json": consent.to_bytes() for consent in self.consents}

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a permit does not leave the process: ask the gate again")


def permit(
    use: str,
    faces: ShownFaces,
    consent: ConsentLike = None,
    *,
    project: str | None = None,
    store: ConsentStore | None = None,
    today: date | None = None,
) -> Permit:
    """Allow ``use`` of faces, or refuse.

    Args:
        use: of :data:`~effigie.consent.terms.USES`.
        faces: all that will be shown.
        consent: records, ids or files; each must allow the use, and together they must cover the faces. None looks for
            one record in the store that does.
        project: what it is for; a record that is limited to a project asks for it.
        store: where ids are looked up and revocations lie; the user's own by default.
        today: the day to judge by; today by default.

    Raises:
        RefusedError: no record, or one that is forged, edited, expired, revoked, not yet valid, for another use,
            project or person; the line says which, and which clips disagree.
        UsageError: ``use`` is none.
    """
    if use not in USES:
        raise UsageError(f"{use!r} is no use: choose of {', '.join(USES)}")
    if not len(faces.embeddings):
        raise RefusedError("there is no face to ask consent for: extract clips that show the person")
    store, today = store or default_store(), today or local_day()
    if consent is None:
        return Permit(use, _search(use, faces, project, store, today), _GATE)
    given = [consent] if isinstance(consent, (str, Path, Consent)) else list(consent)
    if not given:
        raise RefusedError(f"no consent record was given: {HOW.format(use=use)}")
    records = []
    for one in given:
        record, beside = (one, ()) if isinstance(one, Consent) else _located(store, one)
        _check(record, use, project, store, today, beside)
        records.append(record)
    return Permit(use, _matching(use, faces, records), _GATE)


def permit_model(
    folder: str | Path,
    use: str,
    *,
    consent: ConsentLike = None,
    project: str | None = None,
    store: ConsentStore | None = None,
    today: date | None = None,
) -> Permit:
    """Allow ``use`` of a model, by the records and the source's faces that lie in it, or refuse.

    Args:
        folder: a model with ``consents/`` and ``bank/``.
        consent: records instead of the model's own, such as one that was renewed.
        project, store, today: as for :func:`permit`.

    Raises:
        RefusedError: as :func:`permit`; or the model holds no record, or lacks one that its manifest names.
        FaceSetError: its bank is damaged.
    """
    from effigie.faceset import FaceSet

    folder, own = Path(folder), Path(folder) / "consents"
    if consent is None:
        files = sorted(own.glob("c-*.json"))
        files = [path for path in files if not path.name.endswith(".revoked.json")]
        if not files:
            raise RefusedError(
                f"{folder} holds no consent record of the person it shows: name one with --consent RECORD, "
                f"or {HOW.format(use=use)}"
            )
        if missing := sorted(_named(folder) - {path.stem for path in files}):
            raise RefusedError(
                f"{folder} lacks the consent record {', '.join(missing)} that its manifest names: "
                "put it back into its consents folder, or name another with --consent RECORD"
            )
        consent = files
    faces = ShownFaces.of(FaceSet.open(folder / "bank").load(["embedding", "landmarks", "matrix"]))
    store = store or default_store()
    within = ConsentStore([*store.folders, own])  # a revocation that was put into the model counts too
    return permit(use, faces, consent, project=project, store=within, today=today)


def together(permits: Sequence[Permit]) -> Permit:
    """One permit for an output that shows several people, each of whom has been allowed.

    Raises:
        ValueError: there is none, or they are for different uses.
    """
    uses = {permit.use for permit in permits}
    if len(uses) != 1:
        raise ValueError(f"permits to be joined must be for one use, not {sorted(uses) or 'none'}")
    records = {consent.id: consent for permit in permits for consent in permit.consents}
    return Permit(uses.pop(), tuple(records.values()), _GATE)


def located(consent: ConsentLike) -> ConsentLike:
    """Records as they are understood in any folder: of files the whole path, ids as they are."""
    if isinstance(consent, (str, Path)):
        return Path(consent).absolute() if Path(consent).exists() else consent
    if consent is None or isinstance(consent, Consent):
        return consent
    return [
        one if isinstance(one, Consent) or not Path(one).exists() else Path(one).absolute() for one in consent
    ]


def save_consents(folder: str | Path, permit: Permit) -> None:
    """Copy the permit's records into a model, each whole or not at all.

    Raises:
        EffigieError: they cannot be written.
    """
    for name, data in permit.records().items():
        with atomic(Path(folder) / "consents" / name) as temporary:
            temporary.write_bytes(data)


def check_footage(path: str | Path, *, cancel: Cancel | None = None) -> None:
    """Refuse a clip that is judged intimate, whoever consented.

    Raises:
        RefusedError: more than a tenth of its frames are.
        MediaError: it cannot be read.
        AssetError: the network cannot be fetched.
    """
    from effigie.consent.intimate import check_clip

    check_clip(path, cancel)


def _located(store: ConsentStore, wanted: str | Path) -> tuple[Consent, tuple[Path, ...]]:
    record, path = store.locate(wanted)
    return record, (path,)


def _named(folder: Path) -> set[str]:
    """Ids of the records that a model's manifest names."""
    try:
        ids = read_json(folder / "manifest.json")["consents"]
        return {str(one) for one in ids}
    except FileNotFoundError:
        return set()  # training has not finished: its records are there before
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            f"{folder / 'manifest.json'} does not say whose consents the model rests on: train it again, "
            "or name a record with --consent RECORD"
        ) from error


def _check(
    consent: Consent,
    use: str,
    project: str | None,
    store: ConsentStore,
    today: date,
    beside: Sequence[Path],
) -> None:
    """Refuse a record that does not allow this; the faces are not looked at."""
    consent.check()
    who = f"the consent of {consent.subject} ({consent.id})"
    revoked = store.revocation_of(consent, *beside)
    if revoked is not None:
        why = f": {revoked.reason}" if revoked.reason else ""
        raise RefusedError(f"{who} was revoked on {revoked.when.date()}{why}; what shows them cannot be made")
    if today < consent.begins:
        raise RefusedError(f"{who} is not valid before {consent.begins}: wait, or ask for an earlier one")
    if not consent.valid_on(today):
        raise RefusedError(f"{who} expired on {consent.until}: ask again, and {HOW.format(use=use)}")
    if use not in consent.uses:
        raise RefusedError(
            f"{who} is for {', '.join(consent.uses)}, not for {use}: ask for it, and {HOW.format(use=use)}"
        )
    if consent.project is not None and (
        project is None or project.strip().casefold() != consent.project.strip().casefold()
    ):
        given = "none was named" if project is None else f"this is {project!r}"
        raise RefusedError(
            f"{who} is for the project {consent.project!r} only, and {given}: name it with --project if it is that one"
        )


def _matching(use: str, faces: ShownFaces, records: Sequence[Consent]) -> tuple[Consent, ...]:
    """Those of the records whose people are seen; refuses if too many faces are nobody's."""
    cosines = np.stack([agreement(record, faces.embeddings) for record in records])
    agrees = cosines.max(axis=0) >= THRESHOLD
    if agrees.mean() < SHARE:
        names = ", ".join(f"{record.subject} ({record.id})" for record in records)
        raise RefusedError(
            f"{100 * agrees.mean():.1f} % of the faces agree with the consent of {names}, and {100 * SHARE:.0f} % "
            f"must: {disagreeing(faces.clips, cosines.max(axis=0), FEW)}; drop the faces of others, or get their "
            f"consent: {HOW.format(use=use)}"
        )
    if faces.looked_at is not None:
        seen = np.stack([agreement(record, faces.looked_at) for record in records]).max(axis=0) >= THRESHOLD
        if seen.mean() < SEEN:
            raise RefusedError(
                f"the pictures do not show whom their stored identity says: {seen.sum()} of {len(seen)} looked at "
                "agree with the consent; extract the clips again"
            )
    # Only whoever is seen is named in the output's credentials.
    owners = np.unique(cosines.argmax(axis=0)[agrees])
    return tuple(records[index] for index in owners)


def _search(
    use: str, faces: ShownFaces, project: str | None, store: ConsentStore, today: date
) -> tuple[Consent, ...]:
    """The one record in the store that allows it: the best match, of equals the one that lasts longest."""
    best: tuple[float, date] | None = None
    chosen: Consent | None = None
    near = ""
    for stored in store.list(today):
        record = stored.consent
        share = float((agreement(record, faces.embeddings) >= THRESHOLD).mean())
        if share < SHARE:
            continue
        try:
            _check(record, use, project, store, today, (stored.path,))
        except (RefusedError, ConsentError) as error:
            near = str(error)
            continue
        rank = (share, record.until or date.max)
        if best is None or rank > best:
            best, chosen = rank, record
    if chosen is not None:
        return _matching(use, faces, [chosen])
    if near:
        raise RefusedError(near)
    clips = sorted(set(faces.clips.astype(str)))
    shown = ", ".join(clips[:FEW]) + (f" and {len(clips) - FEW} more" if len(clips) > FEW else "")
    raise RefusedError(f"there is no consent of the person in {shown}: {HOW.format(use=use)}")
