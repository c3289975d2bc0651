"""Tests of the regions eyes, mouth and skin, and of errors per region."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from test_faces_warp import head

from effigie.faces.mask import REGIONS, face_mask, face_regions
from effigie.faces.mesh import FACE_OVAL, LEFT_EYE, LEFT_IRIS, OUTER_LIPS, RIGHT_EYE, RIGHT_IRIS
from effigie.nn.ssim import masked_ssim_error, region_ssim_errors

SIZE = 128


def regions_of(yaw=0.0, size=SIZE):
    landmarks = head(yaw, 5.5 * size / SIZE, (size / 2, size / 2))
    mask = face_mask(landmarks, size, size) > 0.5
    return landmarks, mask, face_regions(landmarks, mask)


@pytest.mark.parametrize("yaw", [-25, 0, 20])
def test_regions_are_where_they_belong_and_part_the_face(yaw):
    landmarks, mask, labels = regions_of(yaw)
    assert np.array_equal(labels > 0, mask)

    def at(points):
        x, y = np.round(landmarks[points, :2]).astype(int).T
        return {REGIONS[label - 1] for label in labels[y, x] if label}

    assert at(OUTER_LIPS) == {"mouth"}
    assert at(np.concatenate([LEFT_EYE, RIGHT_EYE])) == {"eyes"}
    assert at(np.concatenate([LEFT_IRIS, RIGHT_IRIS])) == {"eyes"}
    assert at(FACE_OVAL) == {"skin"}
    assert at(np.array([1, 151, 50, 280])) == {"skin"}, "nose, forehead, cheeks"
    share = {name: (labels == 1 + i).sum() / mask.sum() for i, name in enumerate(REGIONS)}
    assert 0.02 < share["eyes"] < 0.15
    assert 0.02 < share["mouth"] < 0.15


def test_regions_grow_with_the_picture():
    small, large = (regions_of(size=size)[2] for size in (SIZE, 2 * SIZE))
    again = cv2.resize(large, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
    assert (again == small).mean() > 0.97


@pytest.mark.parametrize("spoilt", REGIONS)
def test_an_error_is_told_of_its_own_region(spoilt):
    _, mask, labels = regions_of()
    random = np.random.default_rng(0)
    truth = cv2.GaussianBlur(random.random((SIZE, SIZE, 3)).astype(np.float32), (0, 0), 1)
    made = np.where((labels == 1 + REGIONS.index(spoilt))[..., None], random.permutation(truth), truth)
    errors = region_ssim_errors([made, truth], [truth, truth], [labels, labels], REGIONS)
    assert errors["error"] == pytest.approx(
        (masked_ssim_error(made, truth, mask) + masked_ssim_error(truth, truth, mask)) / 2
    )
    worst = max(REGIONS, key=lambda name: errors[f"error_{name}"])
    assert worst == spoilt
    sizes = [(labels == 1 + i).sum() for i in range(len(REGIONS))]
    each = [errors[f"error_{name}"] for name in REGIONS]
    assert np.average(each, weights=sizes) == pytest.approx(errors["error"])


def test_a_region_that_nobody_shows_has_no_figure():
    truth = np.random.default_rng(0).random((SIZE, SIZE, 3))
    labels = np.full((SIZE, SIZE), 3, np.uint8)
    assert region_ssim_errors([truth], [truth], [labels], REGIONS).keys() == {"error", "error_skin"}
