"""Fits the expression model that ships with effigie: `python -m benchmarks.fit_expressions FACES... -o FILE`.

Everybody in the face sets with two faces or more counts: films against their own neutral shape, photographs against the
calmest of the same person. Everybody photographed after the first `--train` people is held out, and measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from effigie.arrays import Landmarks
from effigie.faceset import FaceSet
from effigie.prior.expression_model import ExpressionModel
from effigie.prior.frame_bank import FILMED_FRAMES, FaceGeometry, estimate_profile, measure_expression

MAX_FRAMES = 300  # of a film
PHOTO_WEIGHT = 3.0  # a smile that was asked for, against a frame of speech
MOUTH_CORNERS = (61, 291)

Person = tuple[list[FaceGeometry], np.ndarray, np.ndarray]
"""Geometries, (N, 52) blendshapes, (N, 128) embeddings."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--train", type=int, default=60, help="photographed people to learn from; others are held out")
    given = parser.parse_args()
    films: list[Person] = []
    photos: list[Person] = []
    for path in given.faces:
        faceset = FaceSet.open(path)
        for person in faceset.people():
            if person.faces >= 2:
                (films if person.faces >= FILMED_FRAMES else photos).append(_load(faceset, person.cluster))
    changes, weights, neutrals = [], [], []
    for geometries, blendshapes, embeddings in films:
        profile = estimate_profile(geometries, blendshapes, embeddings)
        unposed = np.stack([geometry.unposed for geometry in geometries])
        changes.append((blendshapes - profile.neutral_blendshapes, unposed - profile.shape))
        weights.append(len(unposed) ** -0.5)
        neutrals.append(profile.neutral_blendshapes)
    order = np.random.default_rng(0).permutation(len(photos))
    for index in order[: given.train]:
        geometries, blendshapes, _ = photos[index]
        calm = int(np.argmin(measure_expression(geometries, blendshapes)))
        unposed = np.stack([geometry.unposed for geometry in geometries])
        changes.append((blendshapes - blendshapes[calm], unposed - unposed[calm]))
        weights.append(PHOTO_WEIGHT)
        neutrals.append(blendshapes[calm])
    model = ExpressionModel.fit(changes, weights, np.median(neutrals, axis=0))
    model.save(given.output)
    print(f"{len(films)} people filmed, {min(given.train, len(photos))} photographed; {given.output}")
    _measure(model, [photos[index] for index in order[given.train :]])


def _load(faceset: FaceSet, cluster: int) -> Person:
    found = faceset.load(("landmarks", "blendshapes", "matrix", "embedding"), where=f"cluster == {cluster}")
    rows = np.linspace(0, len(found) - 1, min(MAX_FRAMES, len(found))).astype(int)
    geometries = [FaceGeometry.from_frame_landmarks(found["landmarks"][row], found["matrix"][row]) for row in rows]
    return geometries, found["blendshapes"][rows], found["embedding"][rows]


def _measure(model: ExpressionModel, people: list[Person]) -> None:
    """Print how far the most expressive photo's shape is from the calmest one's, as it is and without expression."""
    rows = []
    for geometries, blendshapes, _ in people:
        energy = measure_expression(geometries, blendshapes)
        calm, lively = int(np.argmin(energy)), int(np.argmax(energy))
        truth, shown = geometries[calm].unposed, geometries[lively].unposed
        guessed, _ = model.remove_expression(shown, blendshapes[lively])
        calmed, _ = model.remove_expression(truth, blendshapes[calm])
        width = _mouth_width(truth)
        rows.append(
            (
                *(_distance(each, truth) for each in (shown, guessed, calmed)),
                *(_mouth_width(each) - width for each in (shown, guessed)),
            )
        )
    if rows:
        names = "expressive photo", "its expression removed", "calm photo, its expression removed"
        for name, value in zip(names, np.mean(rows, axis=0), strict=False):
            print(f"{name}: {value:.3f} cm from the calm photo ({len(rows)} people held out)")
        before, after = np.mean(rows, axis=0)[3:]
        print(f"mouth wider than in the calm photo: {before:.2f} cm, {after:.2f} cm")


def _distance(one: Landmarks, other: Landmarks) -> float:
    return float(np.sqrt(((one - other)[:, :2] ** 2).sum(1).mean()))


def _mouth_width(shape: Landmarks) -> float:
    first, second = MOUTH_CORNERS
    return float(np.linalg.norm(shape[first, :2] - shape[second, :2]))


if __name__ == "__main__":
    main()
