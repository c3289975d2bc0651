"""Tests of reading portraits: photographs from phones, drawings, clips; and notes on difficult ones."""

from __future__ import annotations

import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from effigie.errors import MediaError, UsageError
from effigie.faces.mesh import eye_distance
from effigie.heads.inference.face_search import find_faces
from effigie.heads.inference.portrait import BLINK_INDICES, _quality_notes, read_portraits


def turned_jpeg(path, image, orientation):
    """A JPEG whose EXIF says how it is to be turned, as phones write it."""
    data = cv2.imencode(".jpg", image[..., ::-1])[1].tobytes()
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    return path


def test_a_turned_photo_is_upright(portrait, tmp_path):
    phone = turned_jpeg(tmp_path / "phone.jpg", np.ascontiguousarray(np.rot90(portrait)), 6)
    (found,) = read_portraits(phone)
    assert found.image.shape == portrait.shape
    assert np.abs(found.image.astype(int) - portrait).mean() < 6
    assert found.notes == ()


def test_a_picture_that_lies_on_its_side_is_told(portrait, tmp_path):
    lying = tmp_path / "lying.png"
    cv2.imwrite(str(lying), np.rot90(portrait)[..., ::-1])
    (found,) = read_portraits(lying)
    assert any("lies on its side (9" in note or "lies on its side (8" in note for note in found.notes)


def test_closed_eyes_and_a_face_seen_from_the_side_are_told(portrait):
    ((own,), _) = find_faces(portrait)
    shut = own.blendshapes.copy()
    shut[BLINK_INDICES] = 0.8
    assert any("closed" in note for note in _quality_notes("p.png", own.pose, shut))
    shut[BLINK_INDICES[0]] = 0.1  # a wink
    assert _quality_notes("p.png", own.pose, shut) == ()
    aside = replace(own.pose, rotation=Rotation.from_euler("y", 60, degrees=True).as_matrix() @ own.pose.rotation)
    assert any("from the side" in note for note in _quality_notes("p.png", aside, own.blendshapes))


def test_landmarks_are_found_in_a_drawing(portrait):
    drawing = cv2.cvtColor(
        cv2.adaptiveThreshold(
            cv2.cvtColor(cv2.GaussianBlur(portrait, (0, 0), 1), cv2.COLOR_RGB2GRAY),
            *(255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 15, 4),
        ),
        cv2.COLOR_GRAY2RGB,
    )
    ((face,), _), ((own,), _) = find_faces(drawing), find_faces(portrait)
    assert np.abs(face.landmarks[:, :2] - own.landmarks[:, :2]).mean() < 0.15 * eye_distance(own.landmarks)


def test_a_face_that_fills_the_picture_is_found(portrait):
    ((own,), _) = find_faces(portrait)
    x0, y0, x1, y1 = own.box.astype(int)
    ((face,), _) = find_faces(np.ascontiguousarray(portrait[y0 + 8 : y1 - 8, x0 + 8 : x1 - 8]))
    shifted = face.landmarks[:, :2] + [x0 + 8, y0 + 8]
    assert np.abs(shifted - own.landmarks[:, :2]).mean() < 0.08 * eye_distance(own.landmarks)


@pytest.mark.slow
def test_several_shots_of_one_person_and_never_of_two(man, woman, tmp_path):
    shots = read_portraits([man], max_portraits=4)
    assert len(shots) == 4
    assert len({shot.name for shot in shots}) == 4
    with pytest.raises(UsageError, match="different people"):
        read_portraits([man, woman])


def test_broken_portraits_raise_what_they_say(tmp_path):
    with pytest.raises(MediaError):
        read_portraits(tmp_path / "nothing.png")
    with pytest.raises(UsageError):
        read_portraits([])
