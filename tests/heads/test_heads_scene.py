"""Tests of the scene: a portrait warped by geometry alone."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import skimage.data
from scipy.spatial.transform import Rotation

from effigie.assets import fetch_asset
from effigie.faces.mask import face_mask, polygon_mask
from effigie.faces.mesh import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE, fit_pose
from effigie.faces.tracker import Tracker
from effigie.heads.warp.scene import PortraitWarp, WarpedPortrait
from effigie.media import VideoReader

Portrait = tuple[np.ndarray, np.ndarray]
UPPER_LIDS = ((246, 161, 160, 159, 158, 157, 173), (466, 388, 387, 386, 385, 384, 398))
LOWER_LIDS = ((7, 163, 144, 145, 153, 154, 155), (249, 390, 373, 374, 380, 381, 382))
LOWER_FACE = (14, 87, 178, 88, 95, 317, 402, 318, 324, 17, 84, 181, 91, 314, 405, 321, 152, 148, 377, 176, 400)
NECK = np.array([[0.0, -5.0, -6.0]])  # canonical cm; heads turn about it


@pytest.fixture(scope="module")
def man() -> Portrait:
    """640 x 360, lips closed, eyes open, a door with straight lines behind him."""
    with VideoReader(fetch_asset("sample_man")) as reader:
        image = next(iter(reader)).image
    return image, measured(image)


@pytest.fixture(scope="module")
def astronaut() -> Portrait:
    """512 x 512, a small face that shows its teeth."""
    image = skimage.data.astronaut()
    return image, measured(image)


@pytest.fixture(scope="module")
def scene_of(request: pytest.FixtureRequest) -> Callable[..., PortraitWarp]:
    """scene_of(who, still_background): made once, since rendering does not change it."""

    def make(who: str, still: bool | None = None) -> PortraitWarp:
        return PortraitWarp(*request.getfixturevalue(who), still_background=still)

    return functools.cache(make)


def measured(image: np.ndarray) -> np.ndarray:
    tracker = Tracker()
    tracker(image)
    faces = tracker(image)
    return max((face.landmark_result.landmarks for face in faces), key=lambda points: np.ptp(points[:, 1]))


def turned(
    landmarks: np.ndarray, yaw: float = 0, pitch: float = 0, roll: float = 0, shift: tuple[float, float] = (0, 0)
) -> np.ndarray:
    """Landmarks of a head turned (degrees) about its neck and moved (cm)."""
    pose = fit_pose(landmarks)
    pivot = pose.apply(NECK)[0]
    turn = Rotation.from_euler("zyx", [roll, yaw, pitch], degrees=True).as_matrix()
    return (landmarks - pivot) @ turn.T + pivot + np.array([*shift, 0]) * pose.scale


def open_mouth(landmarks: np.ndarray, opening: float) -> np.ndarray:
    """The jaw dropped by ``opening`` cm."""
    result = landmarks.copy()
    result[list(LOWER_FACE)] += fit_pose(landmarks).rotation @ [0, -opening, 0] * fit_pose(landmarks).scale
    return result


def closed_eyes(landmarks: np.ndarray) -> np.ndarray:
    result = landmarks.copy()
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        result[list(upper)] = result[list(lower)]
    return result


def jacobian(field: np.ndarray) -> np.ndarray:
    across, down = np.diff(field, axis=1)[:-1], np.diff(field, axis=0)[:, :-1]
    return across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]


def identity(shape: tuple[int, ...]) -> np.ndarray:
    x, y = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    return np.dstack([x, y]).astype(np.float32)


POSES = {
    "yaw right": {"yaw": 25},
    "yaw left": {"yaw": -25},
    "down": {"pitch": 15},
    "up": {"pitch": -15},
    "roll right": {"roll": 15},
    "roll left": {"roll": -15},
    "aside": {"shift": (2.7, 0)},
    "lower": {"shift": (0, 2.7)},
    "all at once": {"yaw": 25, "pitch": 10, "roll": 15, "shift": (2, 0)},
}


@pytest.mark.parametrize("still", [False, True])
@pytest.mark.parametrize("who", ["man", "astronaut"])
def test_where_nothing_moves_the_portrait_comes_back(
    who: str, still: bool, scene_of: Callable, request: pytest.FixtureRequest
) -> None:
    image, landmarks = request.getfixturevalue(who)
    made = scene_of(who, still).render(landmarks)
    assert np.abs(made.image.astype(int) - image).max() <= 1
    assert np.abs(made.field - identity(image.shape)).max() < 0.01
    inside = face_mask(landmarks, *image.shape[:2]) > 0.99
    assert made.visibility[inside].mean() > 0.9
    assert made.visibility[~cv2.dilate(inside.astype(np.uint8), np.ones((9, 9))).astype(bool)].max() == 0


@pytest.mark.parametrize("still", [False, True])
def test_a_moved_face_is_found_where_it_was_asked_for(man: Portrait, still: bool, scene_of: Callable) -> None:
    _, landmarks = man
    target = turned(landmarks, roll=8, shift=(2, -1))
    found = measured(scene_of("man", still).render(target).image)
    eyes = np.linalg.norm(landmarks[33] - landmarks[263])
    assert np.linalg.norm(found[:, :2] - target[:, :2], axis=1).mean() < 0.04 * eyes


def test_a_shift_is_the_same_all_over_face_and_hair(man: Portrait, scene_of: Callable) -> None:
    image, landmarks = man
    moved = np.array([14.0, -9.0])
    target = landmarks + np.array([*moved, 0])
    made = scene_of("man").render(target)
    shift = identity(image.shape) - made.field
    inside = face_mask(target, *image.shape[:2]) > 0.5
    assert np.abs(shift[inside] - moved).max() < 0.05
    top = target[10, :2]  # the middle of the hairline; his hair stands 5 cm above it
    hair = (top + fit_pose(target).rotation[:2, 1] * fit_pose(target).scale * 3).astype(int)
    assert np.abs(shift[hair[1], hair[0]] - moved).max() < 0.5


@pytest.mark.parametrize("still", [False, True])
@pytest.mark.parametrize("who", ["man", "astronaut"])
@pytest.mark.parametrize("pose", POSES.values(), ids=POSES)
def test_nothing_folds_over_and_the_background_stays(
    pose: dict, who: str, still: bool, scene_of: Callable, request: pytest.FixtureRequest
) -> None:
    image, landmarks = request.getfixturevalue(who)
    target = turned(landmarks, **pose)
    made = scene_of(who, still).render(target)
    scale = fit_pose(landmarks).scale
    hidden = face_mask(target, *image.shape[:2]) > 0
    hidden = cv2.dilate(hidden.astype(np.uint8), np.ones((2 * int(0.5 * scale) + 1,) * 2)) > 0
    assert jacobian(made.field)[~hidden[:-1, :-1]].min() > 0
    # The lower corners may be the body's, which follows where the background is still.
    for y in (0,) if still else (0, -1):
        for x in (0, -1):
            assert np.array_equal(made.image[y, x], image[y, x])


@pytest.mark.parametrize("pose", POSES.values(), ids=POSES)
def test_the_field_has_no_jump_around_the_face(pose: dict, man: Portrait, scene_of: Callable) -> None:
    image, landmarks = man
    target = turned(landmarks, **pose)
    made = scene_of("man").render(target)
    scale = fit_pose(landmarks).scale
    mask = (face_mask(target, *image.shape[:2]) > 0.5).astype(np.uint8)
    far = cv2.dilate(mask, np.ones((2 * int(3 * scale) + 1,) * 2)) > 0
    near = cv2.dilate(mask, np.ones((2 * int(1.2 * scale) + 1,) * 2)) > 0
    ring = far & ~near
    jump = np.abs(np.diff(made.field, axis=1)[:-1] - [1, 0]).max(2)
    assert jump[ring[:-1, :-1]].max() < 2.0


def test_a_slow_turn_is_smooth_in_time(man: Portrait, scene_of: Callable) -> None:
    _, landmarks = man
    scene = scene_of("man")
    shares = np.linspace(0, 1, 24)
    fields = [scene.render(turned(landmarks, yaw=-14 * s, pitch=5 * s, roll=6 * s)).field for s in shares]
    jerk = np.abs(np.diff(fields, n=2, axis=0)).max(-1)
    assert np.percentile(jerk, 99.9) < 0.5


def test_a_still_background_is_still(man: Portrait, scene_of: Callable) -> None:
    image, landmarks = man
    target = turned(landmarks, yaw=10, roll=12, shift=(1.5, 0))
    # A line of the door, left of his hair: near enough to bend with the head.
    scale, top = fit_pose(landmarks).scale, landmarks[10, :2]
    x, y = int(top[0] - 15 * scale), int(top[1])
    region = slice(y, int(y + 6 * scale)), slice(x, int(x + 4 * scale))
    still = scene_of("man", True).render(target).image
    bent = scene_of("man", False).render(target).image
    assert np.array_equal(still[region], image[region])
    assert np.abs(bent[region].astype(int) - image[region]).mean() > 1


def test_a_crop_has_no_background_to_keep(man: Portrait, scene_of: Callable) -> None:
    image, landmarks = man
    x, y = landmarks[1, :2].astype(int)
    half = int(10.5 * fit_pose(landmarks).scale)
    crop = image[max(y - half, 0) : y + half, x - half : x + half]
    inside = landmarks - [x - half, max(y - half, 0), 0]
    target = turned(inside, roll=10)
    by_default = PortraitWarp(crop, inside).render(target).image
    assert np.array_equal(by_default, PortraitWarp(crop, inside, still_background=False).render(target).image)
    by_default = scene_of("man").render(turned(landmarks, roll=10)).image
    told = scene_of("man", True).render(turned(landmarks, roll=10)).image
    assert np.array_equal(by_default, told)


@pytest.mark.parametrize("who", ["man", "astronaut"])
def test_closed_lids_cover_the_eye(who: str, request: pytest.FixtureRequest, scene_of: Callable) -> None:
    image, landmarks = request.getfixturevalue(who)
    target = closed_eyes(landmarks)
    made = scene_of(who).render(target)
    height, width = image.shape[:2]
    for eye, lid in zip((LEFT_EYE, RIGHT_EYE), LOWER_LIDS, strict=True):
        opening = (polygon_mask(landmarks[eye, :2], height, width) > 0.9).astype(np.uint8)
        lashes = np.round(target[list(lid), :2]).astype(np.int32)
        cv2.polylines(opening, [lashes], False, 0, 2 * int(0.15 * fit_pose(landmarks).scale) + 1)
        covered = opening > 0
        # Neither white nor iris is left: the eye has both, skin has neither.
        assert made.image[covered].std(0).mean() < 0.6 * image[covered].std(0).mean()
        # It comes from the lid above.
        upper = landmarks[UPPER_LIDS[0] if eye is LEFT_EYE else UPPER_LIDS[1], 1].mean()
        assert (made.field[..., 1][covered] < upper).mean() > 0.9


def test_nearly_closed_lids_close_but_a_squint_stays(man: Portrait, scene_of: Callable) -> None:
    image, landmarks = man
    shut = closed_eyes(landmarks)
    scene = scene_of("man")
    closed = scene.render(shut).image.astype(int)
    eyes = polygon_mask(landmarks[LEFT_EYE, :2], *image.shape[:2]) > 0.9
    slit, half = (scene.render(shut + share * (landmarks - shut)).image.astype(int) for share in (0.12, 0.5))
    assert np.abs(slit - closed)[eyes].mean() < 0.2 * np.abs(half - closed)[eyes].mean()
    narrow = shut + 0.3 * (landmarks - shut)
    once = PortraitWarp(image, narrow).render(narrow).image
    assert np.abs(once.astype(int) - image).max() <= 1


def test_an_iris_follows_the_gaze_whole(man: Portrait, scene_of: Callable) -> None:
    _, landmarks = man
    target = landmarks.copy()
    aside = 0.12 * (landmarks[133] - landmarks[33])
    target[468:473] += aside
    made = scene_of("man").render(target)
    x, y = np.round(target[468, :2]).astype(int)
    assert np.abs(made.field[y, x] - [x, y] + aside[:2]).max() < 0.2
    around = made.field[y - 1 : y + 2, x - 3 : x + 4, 0]
    assert np.allclose(np.diff(around, axis=1), 1, atol=0.05)


@pytest.mark.parametrize("shift", [(0.12, 0.0), (-0.12, 0.0), (0.0, 0.1), (0.0, -0.1)])
def test_a_turned_iris_keeps_its_shape_and_leaves_white(
    shift: tuple[float, float], man: Portrait, scene_of: Callable
) -> None:
    image, landmarks = man
    width = float(np.linalg.norm(landmarks[133, :2] - landmarks[33, :2]))
    target = landmarks.copy()
    target[468:478, :2] += width * np.array(shift)
    made, light = scene_of("man").render(target).image.mean(2), image.mean(2)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]

    def disc(points: np.ndarray, iris: int) -> np.ndarray:
        return np.hypot(x - points[iris, 0], y - points[iris, 1]) < 0.12 * width

    for iris in (468, 473):
        here = float(np.median(made[disc(target, iris)]))
        assert abs(here - np.median(light[disc(landmarks, iris)])) < 20  # as dark as it was, highlights apart
        if shift[0]:
            # On the side that it left, where its far rim was, is white.
            column = round(landmarks[iris, 0] - np.sign(shift[0]) * 0.15 * width)
            assert made[round(landmarks[iris, 1]), column] > here + 15
        if shift[1] < 0:
            # Below an iris that looks up is white down to the lid, not the iris mirrored.
            assert made[round(target[iris, 1] + 0.3 * width), round(target[iris, 0])] > here + 70


@pytest.mark.slow
def test_an_opened_mouth_is_dark_inside_and_shows_teeth(man: Portrait, scene_of: Callable) -> None:
    image, landmarks = man
    scene = scene_of("man")
    target = open_mouth(landmarks, 2.0)
    made = scene.render(target)
    height, width = image.shape[:2]
    inside = polygon_mask(target[INNER_LIPS, :2], height, width) > 0.9
    lips = image[polygon_mask(landmarks[[0, 267, 291, 17, 61, 37], :2], height, width) > 0.9].mean()
    tongue = inside & (np.arange(height)[:, None] > target[INNER_LIPS, 1].mean())
    assert made.image[tongue].mean() < 0.6 * lips
    teeth = inside & ~tongue
    assert np.percentile(made.image[teeth], 80) > 1.5 * made.image[tongue].mean()
    assert made.visibility[inside].mean() < 0.1
    # Half open is between the two, so that speech does not blink.
    steps = [scene.render(open_mouth(landmarks, cm)).image[inside].astype(float).mean() for cm in np.linspace(0, 2, 81)]
    assert np.abs(np.diff(steps)).max() < 6


def test_teeth_meet_in_a_grin_and_part_with_the_jaw(man: Portrait, scene_of: Callable) -> None:
    """Lips as wide and as far apart both times; only the chin tells."""
    _, landmarks = man
    cm = fit_pose(landmarks).scale
    grin = landmarks.copy()
    grin[OUTER_LIPS, 0] += 0.5 * (landmarks[OUTER_LIPS, 0] - landmarks[13, 0])
    grin[INNER_LIPS, 0] += 0.5 * (landmarks[INNER_LIPS, 0] - landmarks[13, 0])
    for lips, way in ((INNER_LIPS[1:10], -0.25), (INNER_LIPS[:10:-1], 0.75)):
        grin[lips, 1] += way * cm * (1 - np.linspace(-1, 1, 9) ** 4)
    laugh = grin.copy()
    laugh[152, 1] += 1.2 * cm

    def darkest(target: np.ndarray) -> float:
        """The darkest of the rows between the lips, near the middle, of the brightest of them."""
        made = scene_of("man").render(target).image.mean(2)
        top, bottom = np.round(target[[13, 14], 1] + [0.12 * cm, -0.15 * cm]).astype(int)
        x = round(float(target[13, 0]))
        rows = made[top:bottom, x - 8 : x + 9].mean(1)
        return float(rows.min() / rows.max())

    assert darkest(laugh) < 0.6 < 0.7 < darkest(grin)


@pytest.mark.slow
def test_a_portraits_own_teeth_stay(astronaut: Portrait, scene_of: Callable) -> None:
    image, landmarks = astronaut
    target = open_mouth(landmarks, 0.8)
    made = scene_of("astronaut").render(target)
    below_lip = landmarks[13, :2] + 0.25 * (landmarks[14, :2] - landmarks[13, :2])
    x, y = np.round(below_lip).astype(int)
    shown = made.image[y, x - 3 : x + 4].astype(int)
    assert np.abs(shown - image[y, x - 3 : x + 4]).mean() < 15
    low = target[14, :2] - 0.3 * (target[14, :2] - landmarks[14, :2])
    x, y = np.round(low).astype(int)
    assert made.image[y, x].mean() < 0.6 * shown.mean()


def test_a_grey_portrait_stays_grey(man: Portrait) -> None:
    image, landmarks = man
    gray = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    target = open_mouth(turned(closed_eyes(landmarks), yaw=12), 1.5)
    made = PortraitWarp(gray, landmarks).render(target).image
    assert np.ptp(made.astype(int), axis=2).max() <= 1


@pytest.mark.parametrize("size", [(48, 64), (49, 63), (200, 77)])
def test_any_size(size: tuple[int, int], man: Portrait) -> None:
    image, landmarks = man
    small = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    factor = np.array([size[1] / image.shape[1], size[0] / image.shape[0]])
    points = np.column_stack([(landmarks[:, :2] + 0.5) * factor - 0.5, landmarks[:, 2] * factor.mean()])
    made = PortraitWarp(small, points).render(turned(points, yaw=15, roll=10))
    check(made, small)


@pytest.mark.slow
def test_a_huge_portrait_takes_reasonable_time(man: Portrait) -> None:
    image, landmarks = man
    huge = cv2.resize(image[:, : 240 * 2], (1600, 1200))
    huge = np.concatenate([huge, huge[::-1]])
    factor = 1600 / 480
    points = landmarks * factor + np.array([1, 1, 0]) * (factor - 1) / 2

    def cost(picture: np.ndarray, points: np.ndarray) -> tuple[float, WarpedPortrait]:
        started = time.process_time()
        scene = PortraitWarp(picture, points)
        made = scene.render(open_mouth(turned(points, yaw=10, shift=(1, 1)), 1.0))
        return time.process_time() - started, made

    plain = min(cost(image, landmarks)[0] for _ in range(3))
    most = 10 * plain * huge.size / image.size
    for _ in range(3):
        spent, made = cost(huge, points)
        check(made, huge)
        if spent < most:
            break
    assert spent < most  # no worse than in proportion to its pixels, or nearly so


@pytest.mark.slow
@pytest.mark.parametrize("shift", [(-0.4, 0.0), (0.45, 0.3), (0.0, -0.6), (3.0, 3.0)])
@pytest.mark.parametrize("still", [False, True])
def test_landmarks_outside_the_picture(
    shift: tuple[float, float], still: bool, man: Portrait, scene_of: Callable
) -> None:
    image, landmarks = man
    out = landmarks + np.array([shift[0] * image.shape[1], shift[1] * image.shape[0], 0])
    check(PortraitWarp(image, out, still_background=still).render(turned(out, yaw=15, shift=(1, 1))), image)
    check(scene_of("man", still).render(out), image)


def check(made: WarpedPortrait, portrait: np.ndarray) -> None:
    assert made.image.shape == portrait.shape and made.image.dtype == np.uint8
    assert made.visibility.shape == portrait.shape[:2] and made.visibility.dtype == np.float32
    assert made.visibility.min() >= 0 and made.visibility.max() <= 1
    assert made.field.shape == (*portrait.shape[:2], 2) and np.isfinite(made.field).all()


@pytest.mark.slow
def test_rendering_leaves_portrait_and_scene_as_they_were(man: Portrait) -> None:
    image, landmarks = man
    before, points = image.copy(), landmarks.copy()
    scene = PortraitWarp(image, landmarks)
    target = open_mouth(turned(landmarks, roll=-10), 1.2)
    first = scene.render(target).image
    scene.render(closed_eyes(turned(landmarks, yaw=20)))
    assert np.array_equal(scene.render(target).image, first)
    assert np.array_equal(PortraitWarp(image, landmarks).render(target).image, first)
    assert np.array_equal(image, before) and np.array_equal(landmarks, points)


@pytest.mark.parametrize(
    ("image", "landmarks"),
    [
        (np.zeros((20, 20), np.uint8), np.zeros((478, 3))),
        (np.zeros((20, 20, 3), np.float32), np.zeros((478, 3))),
        (np.zeros((20, 20, 3), np.uint8), np.zeros((468, 3))),
    ],
)
def test_wrong_shapes_are_named(image: np.ndarray, landmarks: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must be"):
        PortraitWarp(image, landmarks)
