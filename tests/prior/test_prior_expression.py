"""Tests of the expression model: planted displacements are found, smiles are taken out, calm faces stay."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.faces.landmarker import BLENDSHAPES
from effigie.faceset import FaceSet
from effigie.prior.expression_model import MIN_BLENDSHAPE, MOVING, ExpressionModel, load_expressions
from effigie.prior.frame_bank import FaceGeometry, estimate_profile, measure_expression

SMILES = [BLENDSHAPES.index("mouthSmileLeft"), BLENDSHAPES.index("mouthSmileRight")]


def mouth_width(shape):
    return float(np.linalg.norm(shape[61, :2] - shape[291, :2]))


def test_planted_displacements_are_found():
    random = np.random.default_rng(0)
    planted = random.normal(0, 0.2, (len(MOVING), 478, 3))
    blendshapes = np.zeros((400, len(BLENDSHAPES)))
    blendshapes[:, MOVING] = random.uniform(0, 1, (400, len(MOVING)))
    landmarks = np.tensordot(blendshapes[:, MOVING], planted, axes=1)
    changes = [(blendshapes[half], landmarks[half]) for half in (slice(200), slice(200, 400))]
    neutral = np.full(len(BLENDSHAPES), 0.1, np.float32)
    model = ExpressionModel.fit(changes, [1.0, 2.0], neutral)
    assert np.corrcoef(model.displacements.ravel(), planted.ravel())[0, 1] > 0.99
    shape = random.normal(0, 5, (478, 3))
    shown = shape + np.tensordot(np.full(len(MOVING), 0.5), planted, axes=1)
    found, calm = model.remove_expression(shown, neutral + 0.5 + MIN_BLENDSHAPE)
    assert np.abs(found - shape).mean() < 0.1 * np.abs(shown - shape).mean()
    assert calm == pytest.approx(neutral + MIN_BLENDSHAPE, abs=1e-6)


def test_the_model_survives_its_file(tmp_path, monkeypatch):
    shipped = load_expressions()
    assert shipped.displacements.shape == (len(MOVING), 478, 3)
    shipped.save(tmp_path / "expressions.safetensors")
    load_expressions.cache_clear()
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    again = load_expressions()
    load_expressions.cache_clear()
    assert np.array_equal(again.displacements, shipped.displacements)


def test_a_calm_face_stays_and_a_smile_widens_the_mouth():
    model = load_expressions()
    shape = np.random.default_rng(0).normal(0, 5, (478, 3))
    same, blendshapes = model.remove_expression(shape, model.neutral)
    assert np.array_equal(same, shape) and np.array_equal(blendshapes, model.neutral)
    smile = model.displacements[[list(MOVING).index(index) for index in SMILES]].sum(0)
    assert smile[61, 0] < -0.3 < 0.3 < smile[291, 0]  # the corners go apart
    assert smile[[61, 291], 1].min() > 0  # and up


def test_one_laughing_photo_gives_nearly_the_neutral_shape_of_the_film(man_faces):
    """The man opens his mouth into a smile: his most expressive frame alone, against all of them."""
    faces = FaceSet.open(man_faces).load(("landmarks", "blendshapes", "matrix", "embedding"))
    geometries = [
        FaceGeometry.from_frame_landmarks(*each) for each in zip(faces["landmarks"], faces["matrix"], strict=True)
    ]
    film = estimate_profile(geometries, faces["blendshapes"], faces["embedding"])
    lively = int(np.argmax(faces["blendshapes"][:, SMILES].sum(1)))
    assert measure_expression(geometries[lively : lively + 1], faces["blendshapes"][lively : lively + 1])[0] > 0.1
    one = slice(lively, lively + 1)
    photo = estimate_profile(geometries[one], faces["blendshapes"][one], faces["embedding"][one])
    shown = geometries[lively].unposed
    assert abs(mouth_width(photo.shape) - mouth_width(film.shape)) < 0.5 * abs(
        mouth_width(shown) - mouth_width(film.shape)
    )
