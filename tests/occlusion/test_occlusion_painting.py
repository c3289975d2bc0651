"""Occluders: what they claim to hide is what they hide, and the same seed paints the same."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.rows.disguise import with_glasses
from effigie.faces.analyzer import analyze
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from effigie.faces.crop import apply_affine, crop
from effigie.media import Reader
from effigie.occlusion.synthetic.canvas import Layer, Stage
from effigie.occlusion.dataset import CANVAS, Painter, Plain
from effigie.occlusion.synthetic.natural import GLASSES, glasses_score, seen
from effigie.occlusion.network import SIZE
from effigie.occlusion.synthetic.occluders import KINDS, UNSEEN, WEIGHTS, draw, laid


@pytest.fixture(scope="module")
def plain(man):
    """The man, nothing before his face."""
    with Reader(man, stop=3) as reader:
        item = list(analyze(reader))[2]
    face = item.faces[0]
    matrix = face.matrix(CANVAS)
    picture = crop(item.frame.image, matrix, CANVAS)
    landmarks = apply_affine(matrix, face.landmarks)[:, :2].astype(np.float32)
    return Plain(picture, landmarks, seen(picture, landmarks).astype(np.int8), "man")


@pytest.fixture(scope="module")
def stage(plain):
    return Painter([plain]).stage(plain, np.random.default_rng(0))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_hides_something_and_repeats_itself(kind, stage):
    layers = [draw(np.random.default_rng(seed), stage, kind) for seed in (1, 2, 3, 1)]
    for layer in layers:
        assert layer.alpha.shape == (CANVAS, CANVAS) and layer.color.shape == (CANVAS, CANVAS, 3)
        assert layer.alpha.dtype == layer.color.dtype == np.float32
        assert layer.alpha.min() >= 0 and layer.alpha.max() <= 1 + 1e-6
        assert layer.color.min() >= 0 and layer.color.max() <= 1 + 1e-6
    assert max(layer.alpha.max() for layer in layers) > 0.25
    assert np.array_equal(layers[0].alpha, layers[3].alpha)
    assert np.array_equal(layers[0].color, layers[3].color)
    assert not np.array_equal(layers[0].alpha, layers[1].alpha)


def test_some_kinds_are_never_trained_on():
    assert UNSEEN and not set(UNSEEN) & set(WEIGHTS) and {*UNSEEN, *WEIGHTS} == set(KINDS)


def test_what_is_hidden_is_what_alpha_says(stage, plain):
    picture = plain.picture.astype(np.float32) / 255
    alpha = np.zeros((CANVAS, CANVAS), np.float32)
    alpha[40:80, 40:80], alpha[100:120, 60:90] = 1.0, 0.25
    layer = Layer(np.full((CANVAS, CANVAS, 3), 0.5, np.float32), alpha, near=False)
    made = laid(picture, layer, np.random.default_rng(0), stage)
    assert np.allclose(made[alpha == 1], 0.5)
    assert np.array_equal(made[alpha == 0], picture[alpha == 0])
    assert np.allclose(made[110, 70], 0.75 * picture[110, 70] + 0.125, atol=1e-5)


def test_a_shadow_darkens_and_hides_nothing(plain):
    """Whatever is near casts one, beside itself: the face stays face there."""
    stage = Stage(CANVAS, plain.landmarks, np.ones(3, np.float32), np.array([-0.7, 0, 0.7], np.float32), None)
    alpha = np.zeros((CANVAS, CANVAS), np.float32)
    alpha[60:100, 60:75] = 1
    layer = Layer(np.ones((CANVAS, CANVAS, 3), np.float32), alpha)
    white = np.ones((CANVAS, CANVAS, 3), np.float32)
    made = [laid(white, layer, np.random.default_rng(seed), stage) for seed in range(12)]
    cast = [picture for picture in made if picture.min() < 0.95]
    assert 3 <= len(cast) < 12
    assert all((picture[60:100, 60:75] == 1).all() for picture in made)


def test_examples_know_what_they_do_not_know(plain):
    painter = Painter([plain])
    for seed in range(6):
        one, again = (painter.make(np.random.default_rng(seed), "hand") for _ in range(2))
        assert one.picture.shape == (SIZE, SIZE, 3) and one.drawing.shape == (SIZE, SIZE, 2)
        assert all(np.array_equal(getattr(one, name), getattr(again, name)) for name in vars(one))
        assert set(np.unique(one.weight)) <= {0, 255} and 0.15 < (one.weight > 0).mean() < 0.7


def test_lips_eyes_and_beards_are_face_hair_on_the_forehead_is_not(plain):
    picture, landmarks = plain.picture.copy(), plain.landmarks
    parts = [
        polygon_mask(landmarks[part], CANVAS, CANVAS) > 0.9 for part in (OUTER_LIPS, LEFT_EYE, RIGHT_EYE)
    ]
    black = landmarks[[205, 425, 200], :].astype(int)
    for x, y in black:  # a beard, as dark as any
        picture[y - 4 : y + 5, x - 4 : x + 5] = 8
    x, y = landmarks[10].astype(int)
    picture[y - 6 : y + 7, x - 12 : x + 13] = 8  # and a fringe
    found = seen(picture, landmarks)
    assert all((found[part] == 1).all() for part in parts)
    assert all(found[y, x] == 1 for x, y in black)
    assert found[y, x] == 0


def test_glasses_are_noticed(plain):
    worn = with_glasses(plain.picture, plain.landmarks)
    assert glasses_score(plain.picture, plain.landmarks) < GLASSES < glasses_score(worn, plain.landmarks)
