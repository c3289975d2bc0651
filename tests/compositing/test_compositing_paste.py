from fractions import Fraction

import cv2
import numpy as np
import pytest
from portrait_scene import scene

from effigie.compositing.blend import BLEND_METHODS
from effigie.compositing.canvas import Canvas
from effigie.compositing.color import COLOR_METHODS
from effigie.compositing.compositor import Compositor
from effigie.compositing.config import ComposeSettings
from effigie.compositing.grain import GrainSettings
from effigie.compositing.mask import MaskSettings, build_mask
from effigie.compositing.region import Region, frame_coverage, warp_to_crop, warp_to_region
from effigie.errors import UsageError

PLAIN = ComposeSettings(color="none", grain=GrainSettings(strength=0), blend="feather")


def _final_mask(shot, visible=None):
    """Pixels that a compositor with default settings may change, enlarged by one px for the warp's rounding."""
    alpha = build_mask(shot.mask, visible)
    inverse = cv2.invertAffineTransform(shot.matrix)
    size = shot.frame.shape[1::-1]
    reach = max(3, 2 * int(np.ceil(np.sqrt(abs(np.linalg.det(inverse[:, :2]))))) + 1)
    touched = cv2.warpAffine((alpha > 0).astype(np.float32), inverse, size, flags=cv2.INTER_LINEAR)
    return cv2.dilate(touched, np.ones((reach, reach))) > 0


@pytest.mark.parametrize("blend", BLEND_METHODS)
@pytest.mark.parametrize("color", COLOR_METHODS)
def test_outside_is_bit_identical_and_inside_changes(portrait, blend, color):
    frame = portrait.frame.copy()
    face = np.clip(portrait.blurred(2)[:, ::-1] * np.float32([0.8, 1, 1.1]), 0, 1)
    result = Compositor(ComposeSettings(color=color, blend=blend)).compose(frame, face, portrait.mask, portrait.matrix)
    outside = ~_final_mask(portrait)
    assert outside.mean() > 0.8
    assert np.array_equal(result[outside], frame[outside])
    assert np.abs(result.astype(int) - frame)[~outside].mean() > 2
    assert np.array_equal(frame, portrait.frame)
    assert result is not frame and result.dtype == np.uint8


@pytest.mark.parametrize("blend", BLEND_METHODS)
@pytest.mark.parametrize("size", [128, 192, 320])
def test_the_same_face_back_changes_next_to_nothing(blend, size):
    shot = scene(size)
    result = Compositor(ComposeSettings(blend=blend)).compose(shot.frame, shot.face, shot.mask, shot.matrix)
    changed = np.abs(result.astype(int) - shot.frame).mean(axis=2)
    assert changed.mean() < 0.3
    if size >= 192:  # where the crop holds what the frame holds
        assert changed[_final_mask(shot)].mean() < 2.0


def test_uint8_and_float_faces_agree(portrait):
    bytes_face = np.rint(portrait.face * 255).astype(np.uint8)
    one = Compositor().compose(portrait.frame, bytes_face, portrait.mask, portrait.matrix)
    other = Compositor().compose(portrait.frame, portrait.face, portrait.mask, portrait.matrix)
    assert np.abs(one.astype(int) - other).max() <= 2


def test_deterministic_by_time_whoever_renders(portrait):
    soft, settings = portrait.blurred(1.5), ComposeSettings(grain=GrainSettings(noise=0.4))

    def once(time):
        return Compositor(settings).compose(portrait.frame, soft, portrait.mask, portrait.matrix, time)

    assert np.array_equal(once(Fraction(7, 25)), once(Fraction(7, 25)))
    assert not np.array_equal(once(Fraction(7, 25)), once(Fraction(8, 25)))


def test_reset_makes_the_next_frame_a_first_frame(portrait):
    settings = ComposeSettings(color_time=0.5, temporal=0.6)
    worn = Compositor(settings)
    for frame in range(4):
        worn.compose(portrait.frame, portrait.face * 0.97, portrait.mask, portrait.matrix, Fraction(frame, 25))
    time, soft = Fraction(4, 25), portrait.blurred(1)
    darker = (portrait.frame * 0.97).astype(np.uint8)
    fresh = Compositor(settings).compose(darker, soft, portrait.mask, portrait.matrix, time)
    assert not np.array_equal(worn.compose(darker, soft, portrait.mask, portrait.matrix, time), fresh)
    worn.reset()
    assert np.array_equal(worn.compose(darker, soft, portrait.mask, portrait.matrix, time), fresh)


def test_flicker_of_the_made_face_is_taken_out(portrait):
    rng, compositor, levels = np.random.default_rng(0), Compositor(), []
    inside = _final_mask(portrait)
    gains = 1 + 0.05 * rng.standard_normal((12, 3)).astype(np.float32)
    for frame, gain in enumerate(gains):
        face = np.clip(portrait.face * gain, 0, 1)
        result = compositor.compose(portrait.frame, face, portrait.mask, portrait.matrix, Fraction(frame, 25))
        levels.append(result[inside].mean(axis=0))
    own = portrait.frame[inside].mean(axis=0)
    assert np.std(levels, axis=0).max() < 0.2 * (np.std(gains, axis=0) * own).min()


@pytest.mark.parametrize("center", [(0, 120), (224, 0), (511, 511), (30, 480)])
@pytest.mark.parametrize("settings", [ComposeSettings(), ComposeSettings(blend="poisson", temporal=0.5), PLAIN])
def test_a_face_over_the_border(center, settings):
    shot = scene(128, center=center)
    result = Compositor(settings).compose(shot.frame, shot.face, shot.mask, shot.matrix)
    outside = ~_final_mask(shot)
    assert np.array_equal(result[outside], shot.frame[outside])
    assert np.abs(result.astype(int) - shot.frame)[~outside].mean() < 6


def test_a_face_out_of_sight_or_without_mask_changes_nothing(portrait):
    far = portrait.matrix + np.array([[0, 0, 5000.0], [0, 0, 0]])
    assert np.array_equal(Compositor().compose(portrait.frame, portrait.face, portrait.mask, far), portrait.frame)
    empty = np.zeros_like(portrait.mask)
    assert np.array_equal(Compositor().compose(portrait.frame, portrait.face, empty, portrait.matrix), portrait.frame)


@pytest.mark.parametrize("face", [2.0, 6.0, 12.0, 24.0])
def test_a_tiny_face_is_averaged_not_sampled(face):
    shot = scene(192, face=face)
    checker = np.indices((192, 192)).sum(axis=0) % 2
    checker = np.repeat(checker[..., None], 3, 2).astype(np.float32)
    result = Compositor(PLAIN).compose(shot.frame, checker, shot.mask, shot.matrix)
    center = np.rint(cv2.invertAffineTransform(shot.matrix) @ (96, 96, 1)).astype(int)
    if face >= 12:
        assert np.abs(result[center[1], center[0]].astype(int) - 128).max() < 12
    default = Compositor().compose(shot.frame, shot.face, shot.mask, shot.matrix)
    outside = ~_final_mask(shot)
    assert np.array_equal(default[outside], shot.frame[outside])


def test_a_huge_face_is_smooth():
    shot = scene(64, face=900.0)
    step = np.zeros((64, 64, 3), np.float32)
    step[:, 32:] = 1
    result = Compositor(PLAIN).compose(shot.frame, step, shot.mask, shot.matrix)
    y, x = 120 * 900 // 160, 224 * 900 // 160
    line = result[y, x - 30 : x + 30, 0].astype(int)
    assert np.diff(line).max() < 30  # nearest neighbour would jump by 255, linear kinks at 18
    assert line[0] < 5 and line[-1] > 250


def test_an_occluder_stays_in_front(portrait):
    visible = np.ones_like(portrait.mask)
    visible[:, 96:] = 0
    result = Compositor().compose(
        portrait.frame, np.zeros_like(portrait.face), portrait.mask, portrait.matrix, None, visible
    )
    covered = _final_mask(portrait, visible)
    assert np.array_equal(result[~covered], portrait.frame[~covered])
    assert np.abs(result.astype(int) - portrait.frame)[covered].mean() > 2


def test_the_final_mask_says_where_the_frame_was_touched(portrait):
    black = np.zeros_like(portrait.face)
    result, mask = Compositor(PLAIN).compose_masked(portrait.frame, black, portrait.mask, portrait.matrix)
    assert mask.shape == portrait.frame.shape[:2] and mask.dtype == np.uint8
    assert np.array_equal(result[mask == 0], portrait.frame[mask == 0])
    assert mask.max() == 255 and result[mask == 255].max() <= 1
    assert np.array_equal(mask > 0, (mask > 0) & _final_mask(portrait))


def test_region_and_crop_are_each_others_inverse(portrait):
    region = Region.from_crop_box(portrait.matrix, (0, 0, 192, 192), portrait.frame.shape[1::-1])
    footage = region.crop(portrait.frame).astype(np.float32) / 255
    crop, known = warp_to_crop(footage, region, 192, 192), frame_coverage(region, 192, 192)
    assert np.abs(crop - portrait.face)[known > 0.99].mean() < 0.01
    back = warp_to_region(crop, region)
    middle = (slice(40, 120), slice(40, 120))
    assert np.abs(back - footage)[middle].mean() < 0.01
    small = warp_to_crop(footage, region, 192, 48)
    assert np.abs(small - cv2.resize(portrait.face, (48, 48), interpolation=cv2.INTER_AREA))[8:40, 8:40].mean() < 0.02


@pytest.mark.parametrize("matrix", [np.zeros((2, 3)), np.full((2, 3), np.nan), np.eye(3)])
def test_a_matrix_that_maps_nothing_is_refused(portrait, matrix):
    with pytest.raises(ValueError, match="matrix"):
        Compositor().compose(portrait.frame, portrait.face, portrait.mask, matrix)


def test_nonsense_is_refused(portrait):
    broken = portrait.face.copy()
    broken[5, 5] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        Compositor().compose(portrait.frame, broken, portrait.mask, portrait.matrix)
    with pytest.raises(ValueError, match="uint8"):
        Compositor().compose(portrait.frame / 255, portrait.face, portrait.mask, portrait.matrix)
    with pytest.raises(ValueError, match="differ"):
        Compositor().compose(portrait.frame, portrait.face, portrait.mask[:10, :10], portrait.matrix)
    for wrong in ({"color": "sepia"}, {"blend": "glue"}, {"temporal": 1.0}, {"color_time": -1}):
        with pytest.raises(UsageError):
            ComposeSettings(**wrong)
    with pytest.raises(UsageError):
        ComposeSettings(mask=MaskSettings(feather=0.9))


def test_a_repeated_frame_gets_the_face_of_the_frame_it_repeats(portrait):
    compositor, face = Compositor(), portrait.blurred(2)
    assert not compositor.repeats(portrait.frame)
    picture, mask = compositor.compose_masked(portrait.frame, face, portrait.mask, portrait.matrix)
    coded = portrait.frame.astype(int) + np.random.default_rng(1).integers(-1, 2, portrait.frame.shape)
    coded = np.clip(coded, 0, 255).astype(np.uint8)
    assert compositor.repeats(coded)
    canvas = Canvas(coded)
    again_mask = compositor.repeat(canvas)
    again = canvas.image
    inside, outside = mask == 255, mask == 0
    assert np.array_equal(again_mask, mask)
    assert np.abs(again.astype(int) - picture)[inside].mean() < 0.3
    assert np.array_equal(again[outside], coded[outside])


def test_a_hand_at_the_hairline_is_no_repeated_frame(portrait):
    compositor = Compositor()
    compositor.compose(portrait.frame, portrait.blurred(2), portrait.mask, portrait.matrix)
    rows, columns = np.nonzero(_final_mask(portrait))
    touched = portrait.frame.copy()
    touched[rows.min() : rows.min() + 12, int(columns.mean()) : int(columns.mean()) + 12] += 60
    assert not compositor.repeats(touched)
