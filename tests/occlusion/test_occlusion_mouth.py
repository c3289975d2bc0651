"""Tests of a mouth that something covers in part: the footage's, altogether."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.assets import fetch_asset
from effigie.faces.analyzer import analyze
from effigie.faces.mesh import load_canonical_mesh
from effigie.media import VideoReader
from effigie.occlusion import VisibilityPredictor
from effigie.occlusion.network import INPUT_SIZE
from effigie.occlusion.predictor import hide_covered_mouth, measure_mouth

LIPS, FOREHEAD, CHEEK = 13, 10, 205


def face() -> np.ndarray:
    """(468, 3) frontal landmarks in the network's picture."""
    scale = INPUT_SIZE / 24
    return load_canonical_mesh().vertices * [scale, -scale, -scale] + [INPUT_SIZE / 2, INPUT_SIZE / 2, 0]


def look(visible, landmark):
    x, y = np.round(face()[landmark, :2]).astype(int)
    return float(visible[y, x])


def test_a_bare_mouth_is_left_as_it_is():
    visible = np.ones((INPUT_SIZE, INPUT_SIZE), np.float32)
    assert measure_mouth(visible, face()) == 1
    assert hide_covered_mouth(visible, 0.98, face()) is visible


def test_a_covered_mouth_is_covered_altogether_and_nothing_else():
    visible = np.ones((INPUT_SIZE, INPUT_SIZE), np.float32)
    hidden = hide_covered_mouth(visible, 0.85, face())
    assert look(hidden, LIPS) < 0.02
    assert look(hidden, FOREHEAD) == look(hidden, CHEEK) == 1
    half = hide_covered_mouth(visible, 0.935, face())
    assert 0.4 < look(half, LIPS) < 0.6


@pytest.mark.slow
def test_fingers_before_lips_are_not_painted_over():
    """In the sample her hand is before her mouth from the 60th frame on; the mouth below it is a guess."""
    predictor, lips = VisibilityPredictor(), {}
    with VideoReader(fetch_asset("sample_woman"), 44, 76) as reader:
        for item in analyze(iter(reader)):
            visible = predictor(item.frame.image, item.faces[0], INPUT_SIZE)
            matrix = item.faces[0].matrix(INPUT_SIZE)
            x, y = np.round(matrix @ [*item.faces[0].landmarks[LIPS, :2], 1]).astype(int)
            lips[item.frame.index] = float(visible[y, x])
    assert lips[48] > 0.95
    assert max(lips[60], lips[66], lips[69]) < 0.2
