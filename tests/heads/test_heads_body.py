"""Tests of what surrounds a moving head: the body that follows, the plate behind it, its matte and its continuation."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import skimage.data
from scipy.spatial.transform import Rotation

from effigie.assets import fetch_asset
from effigie.faces.mesh import fit_pose
from effigie.faces.tracker import Tracker
from effigie.heads.motion.retarget import compute_frame_shift
from effigie.heads.warp import plate
from effigie.heads.warp.border import extend_person
from effigie.heads.warp.matte import estimate_matte
from effigie.heads.warp.plate import fill_plate, fill_smoothly
from effigie.heads.warp.scene import PortraitWarp
from effigie.media import VideoReader

NECK = np.array([[0.0, -5.0, -6.0]])  # canonical cm; heads turn about it


@pytest.fixture(scope="module", params=["man", "astronaut"])
def portrait(request: pytest.FixtureRequest) -> tuple[PortraitWarp, np.ndarray]:
    """A portrait with a body, its background still, and its landmarks."""
    if request.param == "man":
        with VideoReader(fetch_asset("sample_man"), stop=1) as reader:
            image = next(iter(reader)).image
    else:
        image = skimage.data.astronaut()
    tracker = Tracker()
    tracker(image)
    faces = tracker(image)
    landmarks = max((face.landmark_result.landmarks for face in faces), key=lambda points: np.ptp(points[:, 1]))
    return PortraitWarp(image, landmarks, still_background=True), landmarks.astype(np.float64)


def place(field: np.ndarray, point: np.ndarray) -> np.ndarray:
    """(2,) px where a point of the portrait is shown."""
    distance = np.hypot(*np.moveaxis(field - point, -1, 0))
    y, x = np.unravel_index(np.argmin(distance), distance.shape)
    assert distance[y, x] < 1.5
    return np.array([x, y])


def body_points(landmarks: np.ndarray, height: int) -> tuple[np.ndarray, np.ndarray]:
    """(2,) collar and (2, 2) shoulders, px."""
    scale, chin = fit_pose(landmarks).scale, landmarks[152, :2]
    row = min(chin[1] + 8 * scale, height - 4)
    collar = np.array([chin[0], min(chin[1] + 4 * scale, height - 4)])
    return collar, np.array([[chin[0] - 7 * scale, row], [chin[0] + 7 * scale, row]])


@pytest.mark.parametrize("move", [(0.0, -9.0), (6.0, -4.0), (-7.0, 0.0)])
def test_the_neck_keeps_its_length_and_the_shoulders_their_width(move: tuple, portrait: tuple) -> None:
    warp, landmarks = portrait
    scale = fit_pose(landmarks).scale
    shift = np.array([*move]) * scale
    field = warp.render(landmarks + np.array([*shift, 0])).field
    collar, shoulders = body_points(landmarks, warp.image.shape[0])
    neck, wanted = place(field, collar) - landmarks[152, :2] - shift, collar - landmarks[152, :2]
    assert np.linalg.norm(neck - wanted) < 0.05 * 8 * scale  # of a neck of 8 cm
    width = place(field, shoulders[1])[0] - place(field, shoulders[0])[0]
    assert width == pytest.approx(np.ptp(shoulders[:, 0]), rel=0.05)


def test_a_nod_and_a_turn_leave_the_body_where_it_is(portrait: tuple) -> None:
    warp, landmarks = portrait
    pose = fit_pose(landmarks)
    pivot = pose.apply(NECK)[0]
    turn = Rotation.from_euler("yx", [15, 8], degrees=True).as_matrix()
    field = warp.render((landmarks - pivot) @ turn.T + pivot).field
    _, shoulders = body_points(landmarks, warp.image.shape[0])
    for point in shoulders:
        assert np.linalg.norm(place(field, point) - point) < 0.6 * pose.scale  # the head goes five times as far


def test_who_comes_nearer_grows_as_a_whole(portrait: tuple) -> None:
    warp, landmarks = portrait
    neck = fit_pose(landmarks).apply(NECK)[0]
    field = warp.render((landmarks - neck) * 1.25 + neck).field
    _, shoulders = body_points(landmarks, warp.image.shape[0])
    inner = shoulders * [1, 0] + [0, shoulders[0, 1] - 0.1 * warp.image.shape[0]]
    inner = 0.6 * (inner - inner.mean(0)) + inner.mean(0)
    width = place(field, inner[1])[0] - place(field, inner[0])[0]
    assert width / np.ptp(inner[:, 0]) == pytest.approx(1.25, abs=0.06)


def test_the_wall_is_not_bent_by_a_head_that_passes(portrait: tuple) -> None:
    """What neither the person nor the plate covers is the picture itself, to the last bit."""
    warp, landmarks = portrait
    made = warp.render(landmarks - np.array([0, 5 * fit_pose(landmarks).scale, 0])).image
    background = warp._background
    assert background is not None
    height, width = made.shape[:2]
    x, y = background.offset
    person = (background.cover[y : y + height, x : x + width] > 0).astype(np.uint8)
    reach = np.ones((2 * int(6.5 * fit_pose(landmarks).scale) + 1,) * 2, np.uint8)
    far = cv2.dilate(person, reach) == 0
    assert far.mean() > 0.1
    assert np.array_equal(made[far], warp.image[far])


def test_a_plate_goes_on_with_stripes() -> None:
    x, _ = np.meshgrid(np.arange(240), np.arange(160))
    wall = np.repeat((128 + 60 * np.sign(np.sin(x / 8)))[..., None], 3, axis=2).astype(np.uint8)
    known = np.ones((160, 240), bool)
    known[50:, 90:150] = False
    picture = np.where(known[..., None], wall, 0).astype(np.uint8)
    hole = ~known
    filled = fill_plate(picture, picture, known)
    error = np.abs(filled - wall)[hole].mean()
    smooth = np.abs(fill_smoothly(picture, known) - wall)[hole].mean()
    assert error < 0.5 * smooth


def test_a_plate_is_kept_on_disk_and_made_anew_where_the_file_is_damaged(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EFFIGIE_CACHE", str(tmp_path))
    picture = np.random.default_rng(3).integers(0, 256, (60, 80, 3), np.uint8)
    known = np.ones((60, 80), bool)
    known[20:40, 30:50] = False

    def fill() -> np.ndarray:
        plate._inpaint.cache_clear()
        return fill_plate(picture, picture, known)

    first = fill()
    (kept,) = (tmp_path / "plates").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(plate.patch_match, "inpaint", lambda *_, **__: pytest.fail("filled again"))
        assert np.array_equal(fill(), first)
    kept.write_text('{"value": "AAAA"}')  # of too few pixels
    assert np.array_equal(fill(), first)


def test_a_plate_of_nothing_known_and_of_everything_known() -> None:
    picture = np.full((40, 60, 3), 90, np.uint8)
    for known in (np.zeros((40, 60), bool), np.ones((40, 60), bool)):
        filled = fill_plate(picture, picture, known)
        assert filled.shape == (40, 60, 3) and np.isfinite(filled).all()


def test_a_matte_tells_the_person_from_the_wall_and_gives_the_picture_back() -> None:
    y, x = np.mgrid[:120, :120]
    distance = np.hypot(x - 60, y - 60) - 35
    true = np.clip(0.5 - distance / 8, 0, 1)  # a soft edge, four pixels to either side
    plate = np.full((120, 120, 3), (200, 205, 190), np.uint8)
    image = np.round(true[..., None] * [40, 30, 25] + (1 - true[..., None]) * plate).astype(np.uint8)
    cover, color = estimate_matte(image, plate, (distance / 10).astype(np.float32), 1.2, 10.0)
    assert np.abs(cover - true).mean() < 0.01 and np.abs(cover - true).max() < 0.2
    again = cover[..., None] * color + (1 - cover[..., None]) * plate
    assert np.abs(again - image).max() <= 1.5
    edge = (true > 0.3) & (true < 0.7)
    assert np.abs(color[edge].astype(int) - [40, 30, 25]).mean() < 40  # no wall in it


def upright(scale: float, middle: tuple[float, float]) -> Callable:
    return lambda points: tuple(np.moveaxis((points - np.array(middle)) / scale, -1, 0))


def test_a_body_is_continued_below_and_a_shoulder_falls_to_the_side() -> None:
    scale, height, width = 8.0, 300, 260
    y, x = np.mgrid[:height, :width]
    cover = ((y > 230) & (x > 60)).astype(np.float32)  # shoulders, cut by the lower and the right border
    colors = np.where(cover[..., None] > 0, [30, 60, 120], [200, 200, 200]).astype(np.uint8)
    more, mask, offset = extend_person(colors, cover, upright(scale, (130, 100)), scale)
    assert offset == (0, 0) and mask.shape[0] > height and mask.shape[1] > width and more.shape[:2] == mask.shape
    assert np.array_equal(mask[:height, :width], cover) and np.array_equal(more[:height, :width], colors)
    assert mask[height + 50, 150] == 1 and mask[height + 50, 30] == 0
    assert np.abs(more[height + 50, 150].astype(int) - [30, 60, 120]).max() <= 3
    right = np.argmax(mask[:, [width + 5, width + 60]] > 0.5, axis=0)
    assert right[1] > right[0] + 40


def test_nobody_is_continued_where_they_touch_no_border() -> None:
    cover = np.zeros((100, 100), np.float32)
    cover[30:70, 30:70] = 1
    colors = np.full((100, 100, 3), 50, np.uint8)
    _, mask, offset = extend_person(colors, cover, upright(4.0, (50, 50)), 4.0)
    assert mask.shape == (100, 100) and offset == (0, 0)


def test_a_head_rises_no_further_than_there_is_a_body(portrait: tuple) -> None:
    _, landmarks = portrait
    size, tall = (640, int(landmarks[:, 1].max() + 10)), np.ptp(landmarks[:, 1])
    deep = np.array([0, 4 * tall, 0])  # in a picture that leaves room above
    shift = compute_frame_shift(landmarks - 0.225 * deep + deep, landmarks + deep, (size[0], size[1] + int(4 * tall)))
    assert 0.9 * tall - shift[1] < 0.25 * tall + 10 + 1
    little = compute_frame_shift(landmarks - [0, 0.1 * tall, 0], landmarks, size)
    assert abs(little[1]) < 0.01 * tall
