"""Tests of the occlusion network: its shapes, that it learns, and the one that ships."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from effigie.assets import fetch_asset
from effigie.errors import FaceSetError, ModelError, UsageError
from effigie.extraction import ExtractSettings, extract
from effigie.faces.analyzer import analyze
from effigie.faces.mask import face_mask
from effigie.io.atomic_write import sha256
from effigie.io.folder_names import MANIFEST
from effigie.media import VideoReader
from effigie.occlusion import OcclusionSettings, VisibilityPredictor, load_occlusion, train_occlusion
from effigie.occlusion import trainer as training
from effigie.occlusion.checkpoint import WEIGHTS
from effigie.occlusion.dataset import OcclusionSampler, load_uncovered_faces
from effigie.occlusion.network import INPUT_SIZE, OcclusionNet, draw_face_parts, fold_batch_norm
from effigie.occlusion.predictor import (
    MAX_REUSED_FRAMES,
    fill_doubted_nose,
    fill_doubtful_patches,
    fill_lashes,
    strengthen_rims,
)
from effigie.occlusion.task import BATCH_ARRAYS, OcclusionTask, network_inputs, weighted_cross_entropy
from effigie.training.data.collate import collate
from effigie.training.model_folder import get_shipped_folder

SIDE = 256


@pytest.fixture(scope="module")
def stills(man, woman, tmp_path_factory):
    """A face set of six pictures."""
    folder = tmp_path_factory.mktemp("stills")
    for name, clip in (("man", man), ("woman", woman)):
        with VideoReader(clip, stop=61) as reader:
            for frame in reader:
                if frame.index % 30 == 0:
                    cv2.imwrite(str(folder / f"{name}{frame.index}.png"), frame.image[..., ::-1])
    extract(sorted(folder.glob("*.png")), folder / "stills.faces", ExtractSettings(size=192, stills=True))
    return folder / "stills.faces"


@pytest.fixture(scope="module")
def measured(man):
    with VideoReader(man, stop=6) as reader:
        return [(item.frame.image, item.faces[0]) for item in analyze(reader)]


def test_shapes():
    network = OcclusionNet().eval()
    assert network(torch.rand(2, 5, INPUT_SIZE, INPUT_SIZE)).shape == (2, 1, INPUT_SIZE, INPUT_SIZE)
    assert network(torch.rand(1, 5, 64, 96)).shape == (1, 1, 64, 96)
    for wrong in ((1, 3, 64, 64), (1, 5, 60, 64), (5, 64, 64)):
        with pytest.raises(ValueError, match="multiple of 16"):
            network(torch.rand(wrong))


def test_folding_changes_nothing():
    torch.manual_seed(0)
    network = OcclusionNet()
    network(torch.rand(4, 5, 64, 64))  # moves the running statistics
    inputs = torch.rand(1, 5, 64, 64)
    assert torch.allclose(network.eval()(inputs), fold_batch_norm(network)(inputs), atol=1e-4)


@pytest.mark.slow
def test_it_learns(stills):
    faces, left_out = load_uncovered_faces([stills])
    assert len(faces) + left_out == 6 and len(faces) >= 4
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    painter, network = OcclusionSampler(faces), OcclusionNet((8, 12, 16, 16))
    examples = [painter.sample(random, "blob") for _ in range(4)]
    task = OcclusionTask(network, painter, 4, examples)
    batch = {name: torch.from_numpy(array) for name, array in collate(examples, BATCH_ARRAYS).items()}
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for step in range(40):
        loss = task.losses(batch, step)["entropy"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    figures = task.evaluate({"occlusion": network})
    assert set(figures) == {"error", "seen", "covered", "holes"} and figures["error"] < 0.5
    assert task.preview({"occlusion": network.eval()}).shape == (3 * INPUT_SIZE, 4 * INPUT_SIZE, 3)


def test_what_nobody_knows_counts_nothing():
    logits = torch.zeros(1, 1, 16, 16, requires_grad=True)
    visible = torch.zeros(1, 16, 16, 1, dtype=torch.uint8)
    weight = torch.zeros_like(visible)
    weight[:, :8] = 255
    weighted_cross_entropy(logits, visible, weight).backward()
    assert (logits.grad[:, :, :8] > 0).all() and (logits.grad[:, :, 8:] == 0).all()
    assert network_inputs({"picture": torch.zeros(1, 4, 4, 3), "drawing": torch.zeros(1, 4, 4, 2)}).shape == (
        1,
        5,
        4,
        4,
    )


@pytest.mark.slow
def test_training_resumes_and_loads(stills, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "HELD_OUT_EXAMPLES", 4)
    settings = {"batch": 2, "device": "cpu", "held_out": 0.2}
    first = train_occlusion([stills], tmp_path / "o", OcclusionSettings(steps=2, **settings))
    again = train_occlusion([stills], tmp_path / "o", OcclusionSettings(steps=3, **settings))
    assert (first.steps, again.steps) == (2, 3)
    assert isinstance(load_occlusion(tmp_path / "o"), OcclusionNet)
    manifest = json.loads((tmp_path / "o" / MANIFEST).read_text())
    assert manifest["steps"] == 3 and len(manifest["trained_on"][0]["clips"]) == 6


def test_what_training_refuses(man_faces, tmp_path):
    with pytest.raises(FaceSetError, match="4 or more"):
        train_occlusion([man_faces], tmp_path / "o", OcclusionSettings(steps=1))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="not a model"):
        train_occlusion([man_faces], tmp_path / "other", OcclusionSettings(steps=1))
    for wrong in ({"steps": 0}, {"batch": -1}, {"held_out": 0.9}, {"precision": "fp8"}):
        with pytest.raises(UsageError):
            OcclusionSettings(**wrong)


def test_what_is_no_model(tmp_path):
    def said(config, weights=b""):
        (tmp_path / "config.json").write_text(config)
        (tmp_path / WEIGHTS).write_bytes(weights)
        with pytest.raises(ModelError) as refused:
            load_occlusion(tmp_path)
        return str(refused.value)

    with pytest.raises(ModelError, match="no config"):
        load_occlusion(tmp_path / "nothing")
    good = '{"version": 1, "kind": "occlusion", "widths": [16, 32, 64, 96]}'
    assert "newer effigie" in said(good.replace("1,", "9,", 1))
    assert "not one of kind" in said(good.replace("occlusion", "heads"))
    assert "damaged" in said("{")
    assert "get the model again" in said(good, b"cut short")
    whole = (get_shipped_folder("occlusion") / WEIGHTS).read_bytes()
    assert "do not fit" in said(good.replace("[16", "[24"), whole) or "damaged" in said(
        good.replace("[16", "[24"), whole
    )


def test_the_one_that_ships_is_small_and_knows_none_of_the_samples():
    assert (get_shipped_folder("occlusion") / WEIGHTS).stat().st_size < 1_500_000
    manifest = json.loads((get_shipped_folder("occlusion") / MANIFEST).read_text())
    hashes = {digest for faces in manifest["trained_on"] for digest in faces["clips"].values()}
    samples = ("sample_woman", "sample_man", "sample_man_leaves", "sample_man_enters")
    assert len(hashes) > 800 and not hashes & {sha256(fetch_asset(name)) for name in samples}
    assert "clips" in manifest["trained_on"][0] and "/" not in json.dumps(manifest["settings"])


def test_a_clean_face_has_no_holes(measured):
    visibility = VisibilityPredictor()
    for image, face in measured:
        visible = visibility(image, face, SIDE)
        assert visible.shape == (SIDE, SIDE) and visible.dtype == np.float32
        points = (face.matrix(SIDE) @ np.c_[face.landmarks[:, :2], np.ones(478)].T).T
        inside = face_mask(points, SIDE, SIDE) > 0.5
        assert (visible < 0.5)[inside].mean() < 0.015


def test_what_is_held_before_it_is_found_at_once_and_forgotten_at_a_cut(measured):
    visibility = VisibilityPredictor()
    (image, face), matrix = measured[2], measured[2][1].matrix(SIDE)
    points = (matrix @ np.c_[face.landmarks[:, :2], np.ones(478)].T).T
    outline = face_mask(points, SIDE, SIDE) > 0.5
    cheek = face.landmarks[205, :2]
    reach = 0.35 * np.exp(face.placement[2]) / 2
    held = image.copy()
    low, high = (cheek - reach).astype(int), (cheek + reach * np.array([0.6, 1.4])).astype(int)
    held[low[1] : high[1], low[0] : high[0]] = (40, 90, 170)
    true = np.zeros(image.shape[:2], np.float32)
    true[low[1] : high[1], low[0] : high[0]] = 1
    true = (cv2.warpAffine(true, matrix, (SIDE, SIDE)) > 0.5) & outline
    clean = visibility(image, face, SIDE)
    covered = (visibility(held, face, SIDE) < 0.5) & outline
    assert (covered & true).sum() / (covered | true).sum() > 0.7
    visibility.reset()
    assert np.array_equal(visibility(image, face, SIDE), clean)
    assert (visibility(image, face, 100).shape, draw_face_parts(points, SIDE).shape) == ((100, 100), (SIDE, SIDE, 2))


def test_a_face_that_stands_still_keeps_its_mask_and_a_finger_is_seen_at_once(measured, monkeypatch):
    looked: list[int] = []
    predict = VisibilityPredictor.predict
    monkeypatch.setattr(
        VisibilityPredictor, "predict", lambda self, *inputs: looked.append(1) or predict(self, *inputs)
    )
    visibility, (image, face) = VisibilityPredictor(), measured[2]
    for _ in range(2 + MAX_REUSED_FRAMES):
        visibility(image, face, SIDE)
    assert len(looked) == 2  # what it says first is asked once more
    visibility(image, face, SIDE)
    assert len(looked) == 3  # now and then it looks in any case
    # A finger over the cheek, a twelfth of the face wide.
    x, y = face.landmarks[205, :2].astype(int)
    width = max(2, round(np.ptp(face.landmarks[:, 0]) / 24))
    touched = image.copy()
    touched[y : y + 4 * width, x - width : x + width] = (60, 30, 20)
    visibility(touched, face, SIDE)
    assert len(looked) == 4


def test_lashes_and_doubts_are_face_a_finger_is_not(measured):
    _, face = measured[0]
    landmarks = (face.matrix(INPUT_SIZE) @ np.c_[face.landmarks[:, :2], np.ones(478)].T).T
    said = np.ones((INPUT_SIZE, INPUT_SIZE), np.float32)
    x, y = landmarks[[33, 133]].mean(0).astype(int)
    said[y : y + 2, x - 6 : x + 7] = 0.0  # a line of lashes
    nose_x, nose_y = landmarks[4].astype(int)
    said[nose_y - 5 : nose_y + 6, nose_x - 5 : nose_x + 6] = 0.45  # a nose that shines
    chin_x, chin_y = landmarks[152].astype(int)
    said[chin_y - 20 : chin_y, chin_x : chin_x + 9] = 0.05  # a finger
    found = fill_doubtful_patches(fill_lashes(said, landmarks))
    assert (found[y - 2 : y + 4, x - 6 : x + 7] == 1).all()
    assert (found[nose_y - 5 : nose_y + 6, nose_x - 5 : nose_x + 6] == 1).all()
    assert np.allclose(found[chin_y - 20 : chin_y, chin_x : chin_x + 9], 0.05)


def test_doubt_about_a_nose_beside_rims_is_no_rim(measured):
    """Joined with a rim, doubt was strengthened as one: the footage's nose showed beside the made one."""
    _, face = measured[0]
    landmarks = (face.matrix(INPUT_SIZE) @ np.c_[face.landmarks[:, :2], np.ones(478)].T).T
    rim, tip = landmarks[[193, 4]].astype(int)
    for nose, expected in ((0.45, 1.0), (0.05, 0.05)):  # one that shines, one that a finger covers
        said = np.ones((INPUT_SIZE, INPUT_SIZE), np.float32)
        said[tip[1] - 5 : tip[1] + 4, tip[0] - 5 : tip[0] + 6] = nose
        said[rim[1] : tip[1] - 5, rim[0] : rim[0] + 2] = 0.1  # the pad, down to the nose
        found = fill_doubted_nose(said, landmarks)
        assert np.allclose(found[tip[1] - 3 : tip[1] + 2, tip[0] - 3 : tip[0] + 4], expected)
        assert np.allclose(found[rim[1] : tip[1] - 7, rim[0] : rim[0] + 2], 0.1)


def test_rims_around_the_eyes_cover_more_and_nothing_else_does(measured):
    _, face = measured[0]
    landmarks = (face.matrix(INPUT_SIZE) @ np.c_[face.landmarks[:, :2], np.ones(478)].T).T
    said = np.ones((INPUT_SIZE, INPUT_SIZE), np.float32)
    x, y = landmarks[[33, 133]].mean(0).astype(int)
    said[y + 14 : y + 16, x - 8 : x + 9] = 0.6  # a lower rim
    chin_x, chin_y = landmarks[152].astype(int)
    said[chin_y - 12 : chin_y - 10, chin_x - 8 : chin_x + 9] = 0.6  # as thin, at the chin
    said[y - 14 : y - 1, x + 14 : x + 30] = 0.6  # as near to the eye, and no rim
    found = strengthen_rims(said, landmarks)
    assert found[y + 14 : y + 16, x - 8 : x + 9].max() < 0.5
    others = np.ones_like(said, bool)
    others[y + 14 : y + 16, x - 8 : x + 9] = False
    assert np.array_equal(found[others], said[others])
