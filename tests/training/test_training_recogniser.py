"""Tests of dlib's recogniser in torch: people are separated, chips are cropped as by OpenCV, gradients arrive."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch

from effigie.errors import ModelError
from effigie.faces.crop import apply_affine
from effigie.faceset import FaceSet
from effigie.nn.recognizer import CHIP_SIZE, compute_chip_matrix, crop_chips, load_recognizer


@pytest.fixture(scope="module")
def recognizer():
    return load_recognizer()


@dataclass(frozen=True)
class Crops:
    """A person's crops and the landmarks in their pixels."""

    pictures: np.ndarray
    landmarks: list[np.ndarray]


def crops(path):
    faces = FaceSet.open(path).load(("landmarks", "matrix"))
    placed = [apply_affine(matrix, points) for matrix, points in zip(faces.matrix, faces.landmarks, strict=True)]
    return Crops(faces.crops(range(len(faces))), placed)


@pytest.fixture(scope="module")
def man_crops(man_faces):
    return crops(man_faces)


@pytest.fixture(scope="module")
def woman_crops(woman_faces):
    return crops(woman_faces)


def as_picture(image):
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def embedding(recognizer, faces, index):
    geometry = faces.landmarks[index]
    chips = crop_chips(as_picture(faces.pictures[index]), torch.from_numpy(compute_chip_matrix(geometry))[None])
    with torch.no_grad():
        return recognizer(chips)[0]


def test_people_are_told_apart(recognizer, man_crops, woman_crops):
    men = [embedding(recognizer, man_crops, index) for index in (0, 30, 60)]
    women = [embedding(recognizer, woman_crops, index) for index in (0, 40, 80)]
    for people in (men, women):
        assert max(float((a - b).norm()) for a in people for b in people) < 0.6
    assert min(float((a - b).norm()) for a in men for b in women) > 0.6


def test_chips_are_cut_where_opencv_cuts_them():
    random = np.random.default_rng(0)
    image = cv2.resize(random.integers(0, 255, (12, 16, 3), np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC)
    matrix = np.array([[1.1, 0.2, -8.0], [-0.2, 1.1, 20.0]])
    expected = cv2.warpAffine(
        image, matrix, (CHIP_SIZE, CHIP_SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    found = crop_chips(as_picture(image), torch.from_numpy(matrix)[None])[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(found - expected).max() < 2.5
    assert np.abs(found - expected).mean() < 0.3


def test_eyes_and_nose_lie_where_the_network_wants_them(man_crops):
    landmarks = man_crops.landmarks[0]
    chip = landmarks[:, :2] @ compute_chip_matrix(landmarks)[:, :2].T + compute_chip_matrix(landmarks)[:, 2]
    assert chip[33, 0] < chip[133, 0] < chip[362, 0] < chip[263, 0]
    assert np.ptp(chip[[33, 133, 362, 263], 1]) < 8
    assert abs(chip[2, 0] - CHIP_SIZE / 2) < 8
    assert chip[2, 1] > chip[33, 1]


def test_gradients_reach_the_picture(recognizer, man_crops):
    picture = as_picture(man_crops.pictures[0]).requires_grad_(True)
    matrix = torch.from_numpy(compute_chip_matrix(man_crops.landmarks[0]))[None]
    wanted = embedding(recognizer, man_crops, 30)
    before = (recognizer(crop_chips(picture, matrix))[0] - wanted).square().sum()
    before.backward()
    assert picture.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in recognizer.parameters())
    with torch.no_grad():
        nearer = picture - 0.5 * picture.grad / picture.grad.norm()
        after = (recognizer(crop_chips(nearer, matrix))[0] - wanted).square().sum()
    assert after < before


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x01\x02" * 5000], ids=["empty", "text", "headers"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "network.dat"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="recognition network"):
        load_recognizer(path)
