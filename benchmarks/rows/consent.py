"""Row: whether the consent gate accepts the right person, and nobody else."""

from __future__ import annotations

import csv
import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.fixtures.appearance_changes import draw_glasses, relight
from benchmarks.fixtures.consent_cases import refused_cases
from benchmarks.fixtures.row import RowContext, RowResult
from effigie.consent.face_matching import MATCH_THRESHOLD, SubjectFaces, reference_similarity
from effigie.consent.gate import permit
from effigie.consent.keys import SigningKey
from effigie.consent.record import Consent, new_consent
from effigie.consent.references import embed_file
from effigie.consent.store import ConsentStore
from effigie.errors import RefusedError, UsageError
from effigie.evaluate.report.figures import Figure
from effigie.faces.tracker import Tracker
from effigie.media import read_still
from effigie.progress import Progress

CURVE = (0.25, 0.30, 0.363, 0.40, 0.45, 0.50, 0.55, 0.60)
EVERY_STRANGER = 2  # every second of the portraits of whom there is one picture
NOBODY = ("none", "person")  # in clips.tsv: nobody is seen, or nobody knows who


@dataclass
class Similarities:
    """What was measured of one kind of picture: cosines with the right person's record, and with others'."""

    right: list[float] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)
    let_through: list[bool] = field(default_factory=list)


def consent(context: RowContext) -> RowResult:
    """Records of one picture or clip of each person, against other pictures and clips of everybody."""
    key = SigningKey.load(_key(context.work))
    store = ConsentStore([context.work / "no-consents"])
    kinds: dict[str, Similarities] = {}
    folder = context.material.labeled_clips()[0].path.parent.parent
    records: list[Consent] = []
    if (folder / "portraits" / "london").is_dir():
        records = _portraits(folder / "portraits" / "london", context, key, store, kinds)
    if (folder / "portraits" / "congress").is_dir():
        kinds["strangers' portraits"] = _strangers(folder / "portraits" / "congress", context, records)
    people = list(_people(folder, context).items())
    kinds["clips"] = _clips(dict(people[:4] if context.quick else people), context, key, store)
    cases = refused_cases(context.work / "consent-cases", key)
    figures, others = [], []
    for name, seen in kinds.items():
        if seen.let_through:
            share = 100 * float(np.mean(seen.let_through))
            figures.append(Figure(f"{name}: the right person let through", share, "%", at_least=98))
            others.append(_others(seen, MATCH_THRESHOLD))
    for name, seen in kinds.items():
        if seen.wrong:
            worst = 100 * float(np.mean(np.array(seen.wrong) < MATCH_THRESHOLD))
            figures.append(Figure(f"{name}: others refused", worst, "%", at_least=99.9))
            others.append(f"{len(seen.wrong)} comparisons")
    failed = [name for name, line in cases.items() if line is None]
    figures.append(
        Figure(f"of {len(cases)} records that do not hold, refused", len(cases) - len(failed), "", len(cases))
    )
    others.append(", ".join(failed))
    right = np.array([value for seen in kinds.values() for value in seen.right])
    wrong = np.array([value for seen in kinds.values() for value in seen.wrong])
    for threshold in CURVE:
        chosen = " (in use)" if threshold == MATCH_THRESHOLD else ""
        share = 100 * float((right >= threshold).mean()) if len(right) else float("nan")
        figures.append(Figure(f"threshold {threshold:g}{chosen}: right accepted", share, "%"))
        others.append(f"{100 * float((wrong >= threshold).mean()):.3f} % of others accepted")
    notes = [
        f"least cosine of the right person {right.min():.2f}; greatest of another {wrong.max():.2f} "
        f"({len(right)} and {len(wrong)} comparisons)",
        "glasses are drawn on and light is changed by computer: pictures of one person with and without are not there",
    ]
    details: dict[str, Any] = {
        name: {"right": np.sort(seen.right)[:20].tolist(), "wrong": np.sort(seen.wrong)[-20:].tolist()}
        for name, seen in kinds.items()
    }
    return RowResult("Consent", figures, {"others": others}, notes, details | {"cases": cases})


def _others(seen: Similarities, threshold: float) -> str:
    if not seen.wrong:
        return ""
    return f"{100 * float((np.array(seen.wrong) >= threshold).mean()):.3f} % of others accepted"


def _key(work: Path) -> Path:
    path = work / "consent-key.pem"
    if not path.is_file():
        SigningKey.create(path)
    return path


def _portraits(
    folder: Path, context: RowContext, key: SigningKey, store: ConsentStore, kinds: dict[str, Similarities]
) -> list[Consent]:
    """Neutral portraits make the records; smiling ones, as they are and changed, are what is shown."""
    people = sorted(path.name.partition("_")[0] for path in folder.glob("*_neutral.jpg"))
    people = people[:6] if context.quick else people
    changed = context.work / "consent-portraits"
    changed.mkdir(parents=True, exist_ok=True)
    records, shown = [], defaultdict(list)
    for number, person in enumerate(people):
        context.cancel.check()
        context.progress(Progress("portraits", number, len(people), "people", person))
        records.append(new_consent(person, [folder / f"{person}_neutral.jpg"], ("swap",), key=key))
        for kind, path in _variants(folder / f"{person}_smiling.jpg", changed).items():
            shown[kind].append(embed_file(path, context.cancel))
    context.progress(Progress("portraits", len(people), len(people), "people"))
    for kind, looks in shown.items():
        kinds[kind] = Similarities()
        for (mine, record), (whose, faces) in itertools.product(enumerate(records), enumerate(looks)):
            _ask_gate(kinds[kind], record, faces, mine == whose, people[whose], store)
    return records


def _variants(smiling: Path, folder: Path) -> dict[str, Path]:
    """Kind -> picture: smiling, then with glasses, in other light, and both."""
    image = read_still(smiling)
    (face, *_) = Tracker()(image)
    landmarks = face.landmark_result.landmarks
    changes: dict[str, Callable[[], np.ndarray]] = {
        "smiling, glasses drawn on": lambda: draw_glasses(image, landmarks),
        "smiling, light from one side": lambda: relight(image, landmarks),
        "smiling, both": lambda: relight(draw_glasses(image, landmarks), landmarks),
    }
    found = {"neutral to smiling": smiling}
    for number, (kind, change) in enumerate(changes.items()):
        found[kind] = folder / f"{smiling.stem}-{number}.png"
        cv2.imwrite(str(found[kind]), change()[..., ::-1])
    return found


def _strangers(folder: Path, context: RowContext, records: list[Consent]) -> Similarities:
    """Portraits of people with one picture each: all pairs are of different people."""
    files = sorted(folder.glob("*.jpg"))[::EVERY_STRANGER]
    files = files[:6] if context.quick else files
    looks = []
    for number, path in enumerate(files):
        context.cancel.check()
        context.progress(Progress("strangers", number, len(files), "portraits"))
        try:
            looks.append(embed_file(path, context.cancel))
        except UsageError:  # too small, or several people: no record could be made of it either
            continue
    context.progress(Progress("strangers", len(files), len(files), "portraits"))
    faces = np.concatenate(looks)
    pairs = (faces @ faces.T)[np.triu_indices(len(faces), 1)]
    seen = Similarities(wrong=pairs.tolist())
    for record in records:
        seen.wrong += reference_similarity(record, faces).tolist()
    return seen


def _people(folder: Path, context: RowContext) -> dict[str, list[Path]]:
    """Person -> clips, those that show one known person."""
    labeled_clips = {clip.path.name: clip for clip in context.material.labeled_clips() if clip.people == 1}
    found: dict[str, list[Path]] = defaultdict(list)
    table = folder / "clips.tsv"
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream, delimiter="\t"):
                if row["file"] in labeled_clips and row["person"] not in NOBODY:
                    found[row["person"]].append(labeled_clips[row["file"]].path)
        return found
    for pair in context.material.pairs():
        for name in pair:
            actor = context.material.actor(name)
            found[name] = [*actor.train, *actor.test]
    return found


def _clips(
    people: dict[str, list[Path]], context: RowContext, key: SigningKey, store: ConsentStore, most: int = 4
) -> Similarities:
    """The first clip of each person makes the record; the others, of everybody, are what is shown."""
    seen, records, shown = Similarities(), {}, defaultdict(list)
    for number, (person, clips) in enumerate(people.items()):
        context.cancel.check()
        context.progress(Progress("clips", number, len(people), "people", person))
        try:
            records[person] = new_consent(person, clips[:1], ("swap",), key=key, cancel=context.cancel)
            for clip in clips[1:most] or clips[:1]:
                shown[person].append((clip, embed_file(clip, context.cancel)))
        except UsageError:  # a face too small for a record: nothing to compare
            continue
    context.progress(Progress("clips", len(people), len(people), "people"))
    for (mine, record), whose in itertools.product(records.items(), shown):
        for clip, faces in shown[whose]:
            if mine != whose or clip != people[whose][0]:
                _ask_gate(seen, record, faces, mine == whose, clip.name, store)
    return seen


def _ask_gate(
    seen: Similarities, record: Consent, faces: np.ndarray, right: bool, clip: str, store: ConsentStore
) -> None:
    """Show faces to the gate with a record; note the cosines, and whether it let the right person through."""
    cosines = reference_similarity(record, faces).tolist()
    if not right:
        seen.wrong += cosines
        return
    seen.right += cosines
    try:
        permit("swap", SubjectFaces(faces, np.full(len(faces), clip)), record, store=store)
        seen.let_through.append(True)
    except RefusedError:
        seen.let_through.append(False)
