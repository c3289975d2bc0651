"""Tests of drawn occluders: labels match what is hidden, and the same seed draws the same."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.fixtures.appearance_changes import draw_glasses

from effigie.faces.analyzer import analyze
from effigie.faces.crop import apply_affine, crop
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from effigie.media import VideoReader
from effigie.occlusion.dataset import CANVAS_SIZE, OcclusionSampler, UncoveredFace
from effigie.occlusion.network import INPUT_SIZE
from effigie.occlusion.synthetic.canvas import OccluderLayer, OccluderScene
from effigie.occlusion.synthetic.occluders import (
    HELD_OUT_KINDS,
    KIND_WEIGHTS,
    OCCLUDERS,
    composite_occluder,
    draw_occluder,
)
from effigie.occlusion.synthetic.visibility_labels import GLASSES_THRESHOLD, glasses_score, label_visibility


@pytest.fixture(scope="module")
def plain(man):
    """The man, with nothing in front of his face."""
    with VideoReader(man, stop=3) as reader:
        item = list(analyze(reader))[2]
    face = item.faces[0]
    matrix = face.matrix(CANVAS_SIZE)
    picture = crop(item.frame.image, matrix, CANVAS_SIZE)
    landmarks = apply_affine(matrix, face.landmarks)[:, :2].astype(np.float32)
    return UncoveredFace(picture, landmarks, label_visibility(picture, landmarks).astype(np.int8), "man")


@pytest.fixture(scope="module")
def build_scene(plain):
    return OcclusionSampler([plain]).build_scene(plain, np.random.default_rng(0))


@pytest.mark.parametrize("kind", OCCLUDERS)
def test_every_kind_hides_something_and_repeats_itself(kind, build_scene):
    layers = [draw_occluder(np.random.default_rng(seed), build_scene, kind) for seed in (1, 2, 3, 1)]
    for layer in layers:
        assert layer.alpha.shape == (CANVAS_SIZE, CANVAS_SIZE) and layer.color.shape == (CANVAS_SIZE, CANVAS_SIZE, 3)
        assert layer.alpha.dtype == layer.color.dtype == np.float32
        assert layer.alpha.min() >= 0 and layer.alpha.max() <= 1 + 1e-6
        assert layer.color.min() >= 0 and layer.color.max() <= 1 + 1e-6
    assert max(layer.alpha.max() for layer in layers) > 0.25
    assert np.array_equal(layers[0].alpha, layers[3].alpha)
    assert np.array_equal(layers[0].color, layers[3].color)
    assert not np.array_equal(layers[0].alpha, layers[1].alpha)


def test_some_kinds_are_never_trained_on():
    assert (
        HELD_OUT_KINDS
        and not set(HELD_OUT_KINDS) & set(KIND_WEIGHTS)
        and {*HELD_OUT_KINDS, *KIND_WEIGHTS} == set(OCCLUDERS)
    )


def test_what_is_hidden_is_what_alpha_says(build_scene, plain):
    picture = plain.picture.astype(np.float32) / 255
    alpha = np.zeros((CANVAS_SIZE, CANVAS_SIZE), np.float32)
    alpha[40:80, 40:80], alpha[100:120, 60:90] = 1.0, 0.25
    layer = OccluderLayer(np.full((CANVAS_SIZE, CANVAS_SIZE, 3), 0.5, np.float32), alpha, casts_shadow=False)
    made = composite_occluder(picture, layer, np.random.default_rng(0), build_scene)
    assert np.allclose(made[alpha == 1], 0.5)
    assert np.array_equal(made[alpha == 0], picture[alpha == 0])
    assert np.allclose(made[110, 70], 0.75 * picture[110, 70] + 0.125, atol=1e-5)


def test_a_shadow_darkens_and_hides_nothing(plain):
    """A near occluder casts a shadow beside itself; the pixels there stay labelled as face."""
    build_scene = OccluderScene(
        CANVAS_SIZE, plain.landmarks, np.ones(3, np.float32), np.array([-0.7, 0, 0.7], np.float32), None
    )
    alpha = np.zeros((CANVAS_SIZE, CANVAS_SIZE), np.float32)
    alpha[60:100, 60:75] = 1
    layer = OccluderLayer(np.ones((CANVAS_SIZE, CANVAS_SIZE, 3), np.float32), alpha)
    white = np.ones((CANVAS_SIZE, CANVAS_SIZE, 3), np.float32)
    made = [composite_occluder(white, layer, np.random.default_rng(seed), build_scene) for seed in range(12)]
    cast = [picture for picture in made if picture.min() < 0.95]
    assert 3 <= len(cast) < 12
    assert all((picture[60:100, 60:75] == 1).all() for picture in made)


def test_examples_know_what_they_do_not_know(plain):
    painter = OcclusionSampler([plain])
    for seed in range(6):
        one, again = (painter.sample(np.random.default_rng(seed), "hand") for _ in range(2))
        assert one.picture.shape == (INPUT_SIZE, INPUT_SIZE, 3) and one.drawing.shape == (INPUT_SIZE, INPUT_SIZE, 2)
        assert all(np.array_equal(getattr(one, name), getattr(again, name)) for name in vars(one))
        assert set(np.unique(one.weight)) <= {0, 255} and 0.15 < (one.weight > 0).mean() < 0.7


def test_lips_eyes_and_beards_are_face_hair_on_the_forehead_is_not(plain):
    picture, landmarks = plain.picture.copy(), plain.landmarks
    parts = [
        polygon_mask(landmarks[part], CANVAS_SIZE, CANVAS_SIZE) > 0.9 for part in (OUTER_LIPS, LEFT_EYE, RIGHT_EYE)
    ]
    black = landmarks[[205, 425, 200], :].astype(int)
    for x, y in black:  # a beard, as dark as any
        picture[y - 4 : y + 5, x - 4 : x + 5] = 8
    x, y = landmarks[10].astype(int)
    picture[y - 6 : y + 7, x - 12 : x + 13] = 8  # and a fringe
    found = label_visibility(picture, landmarks)
    assert all((found[part] == 1).all() for part in parts)
    assert all(found[y, x] == 1 for x, y in black)
    assert found[y, x] == 0


def test_glasses_are_noticed(plain):
    worn = draw_glasses(plain.picture, plain.landmarks)
    assert glasses_score(plain.picture, plain.landmarks) < GLASSES_THRESHOLD < glasses_score(worn, plain.landmarks)
