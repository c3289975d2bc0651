"""Row: whether the consent gate lets the right person through, and nobody else."""

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

from benchmarks.rows.consent_cases import refused_cases
from benchmarks.rows.disguise import relit, with_glasses
from benchmarks.rows.row import Result, Setting
from effigie.consent.gate import permit
from effigie.consent.keys import SigningKey
from effigie.consent.match import THRESHOLD, agreement
from effigie.consent.record import Consent, new_consent
from effigie.consent.references import of_file
from effigie.consent.store import ConsentStore
from effigie.consent.subject_faces import ShownFaces
from effigie.errors import RefusedError, UsageError
from effigie.evaluate.report.figures import Figure
from effigie.faces.tracker import Tracker
from effigie.media import read_still
from effigie.progress import Progress

CURVE = (0.25, 0.30, 0.363, 0.40, 0.45, 0.50, 0.55, 0.60)
EVERY_STRANGER = 2  # every second of the portraits of whom there is one picture
NOBODY = ("none", "person")  # in clips.tsv: nobody is seen, or nobody knows who


@dataclass
class Seen:
    """What was measured of one kind of picture: cosines with the right person's record, and with others'."""

    right: list[float] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)
    let_through: list[bool] = field(default_factory=list)


def consent(setting: Setting) -> Result:
    """Records of one picture or clip of each person, against other pictures and clips of everybody."""
    key = SigningKey.load(_key(setting.work))
    store = ConsentStore([setting.work / "no-consents"])
    kinds: dict[str, Seen] = {}
    folder = setting.material.labeled()[0].path.parent.parent
    records: list[Consent] = []
    if (folder / "portraits" / "london").is_dir():
        records = _portraits(folder / "portraits" / "london", setting, key, store, kinds)
    if (folder / "portraits" / "congress").is_dir():
        kinds["strangers' portraits"] = _strangers(folder / "portraits" / "congress", setting, records)
    people = list(_people(folder, setting).items())
    kinds["clips"] = _clips(dict(people[:4] if setting.quick else people), setting, key, store)
    cases = refused_cases(setting.work / "consent-cases", key)
    figures, others = [], []
    for name, seen in kinds.items():
        if seen.let_through:
            share = 100 * float(np.mean(seen.let_through))
            figures.append(Figure(f"{name}: the right person let through", share, "%", at_least=98))
            others.append(_others(seen, THRESHOLD))
    for name, seen in kinds.items():
        if seen.wrong:
            worst = 100 * float(np.mean(np.array(seen.wrong) < THRESHOLD))
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
        chosen = " (in use)" if threshold == THRESHOLD else ""
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
    return Result("Consent", figures, {"others": others}, notes, details | {"cases": cases})


def _others(seen: Seen, threshold: float) -> str:
    if not seen.wrong:
        return ""
    return f"{100 * float((np.array(seen.wrong) >= threshold).mean()):.3f} % of others accepted"


def _key(work: Path) -> Path:
    path = work / "consent-key.pem"
    if not path.is_file():
        SigningKey.create(path)
    return path


def _portraits(
    folder: Path, setting: Setting, key: SigningKey, store: ConsentStore, kinds: dict[str, Seen]
) -> list[Consent]:
    """Neutral portraits make the records; smiling ones, as they are and changed, are what is shown."""
    people = sorted(path.name.partition("_")[0] for path in folder.glob("*_neutral.jpg"))
    people = people[:6] if setting.quick else people
    changed = setting.work / "consent-portraits"
    changed.mkdir(parents=True, exist_ok=True)
    records, shown = [], defaultdict(list)
    for number, person in enumerate(people):
        setting.cancel.check()
        setting.progress(Progress("portraits", number, len(people), "people", person))
        records.append(new_consent(person, [folder / f"{person}_neutral.jpg"], ("swap",), key=key))
        for kind, path in _variants(folder / f"{person}_smiling.jpg", changed).items():
            shown[kind].append(of_file(path, setting.cancel))
    setting.progress(Progress("portraits", len(people), len(people), "people"))
    for kind, looks in shown.items():
        kinds[kind] = Seen()
        for (mine, record), (whose, faces) in itertools.product(enumerate(records), enumerate(looks)):
            _judge(kinds[kind], record, faces, mine == whose, people[whose], store)
    return records


def _variants(smiling: Path, folder: Path) -> dict[str, Path]:
    """Kind -> picture: smiling, then with glasses, in other light, and both."""
    image = read_still(smiling)
    (face, *_) = Tracker()(image)
    landmarks = face.measured.landmarks
    changes: dict[str, Callable[[], np.ndarray]] = {
        "smiling, glasses drawn on": lambda: with_glasses(image, landmarks),
        "smiling, light from one side": lambda: relit(image, landmarks),
        "smiling, both": lambda: relit(with_glasses(image, landmarks), landmarks),
    }
    found = {"neutral to smiling": smiling}
    for number, (kind, change) in enumerate(changes.items()):
        found[kind] = folder / f"{smiling.stem}-{number}.png"
        cv2.imwrite(str(found[kind]), change()[..., ::-1])
    return found


def _strangers(folder: Path, setting: Setting, records: list[Consent]) -> Seen:
    """Portraits of people of whom there is one picture each: everybody is a stranger to everybody."""
    files = sorted(folder.glob("*.jpg"))[::EVERY_STRANGER]
    files = files[:6] if setting.quick else files
    looks = []
    for number, path in enumerate(files):
        setting.cancel.check()
        setting.progress(Progress("strangers", number, len(files), "portraits"))
        try:
            looks.append(of_file(path, setting.cancel))
        except UsageError:  # too small, or several people: no record could be made of it either
            continue
    setting.progress(Progress("strangers", len(files), len(files), "portraits"))
    faces = np.concatenate(looks)
    pairs = (faces @ faces.T)[np.triu_indices(len(faces), 1)]
    seen = Seen(wrong=pairs.tolist())
    for record in records:
        seen.wrong += agreement(record, faces).tolist()
    return seen


def _people(folder: Path, setting: Setting) -> dict[str, list[Path]]:
    """Person -> clips, those that show one known person."""
    labeled = {clip.path.name: clip for clip in setting.material.labeled() if clip.people == 1}
    found: dict[str, list[Path]] = defaultdict(list)
    table = folder / "clips.tsv"
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream, delimiter="\t"):
                if row["file"] in labeled and row["person"] not in NOBODY:
                    found[row["person"]].append(labeled[row["file"]].path)
        return found
    for pair in setting.material.pairs():
        for name in pair:
            actor = setting.material.actor(name)
            found[name] = [*actor.train, *actor.test]
    return found


def _clips(
    people: dict[str, list[Path]], setting: Setting, key: SigningKey, store: ConsentStore, most: int = 4
) -> Seen:
    """The first clip of each person makes the record; the others, of everybody, are what is shown."""
    seen, records, shown = Seen(), {}, defaultdict(list)
    for number, (person, clips) in enumerate(people.items()):
        setting.cancel.check()
        setting.progress(Progress("clips", number, len(people), "people", person))
        try:
            records[person] = new_consent(person, clips[:1], ("swap",), key=key, cancel=setting.cancel)
            for clip in clips[1:most] or clips[:1]:
                shown[person].append((clip, of_file(clip, setting.cancel)))
        except UsageError:  # a face too small for a record: nothing to compare
            continue
    setting.progress(Progress("clips", len(people), len(people), "people"))
    for (mine, record), whose in itertools.product(records.items(), shown):
        for clip, faces in shown[whose]:
            if mine != whose or clip != people[whose][0]:
                _judge(seen, record, faces, mine == whose, clip.name, store)
    return seen


def _judge(
    seen: Seen, record: Consent, faces: np.ndarray, right: bool, clip: str, store: ConsentStore
) -> None:
    """Show faces to the gate with a record; note the cosines, and whether it let the right person through."""
    cosines = agreement(record, faces).tolist()
    if not right:
        seen.wrong += cosines
        return
    seen.right += cosines
    try:
        permit("swap", ShownFaces(faces, np.full(len(faces), clip)), record, store=store)
        seen.let_through.append(True)
    except RefusedError:
        seen.let_through.append(False)
