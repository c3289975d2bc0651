import cv2
import numpy as np
import pytest

from effigie.compositing import color
from effigie.compositing.color import COLOR_METHODS, ColorSmoother, transfer_color
from effigie.errors import UsageError

METHODS = [name for name in COLOR_METHODS if name != "none"]
TINT = np.float32([0.75, 0.95, 1.1])


def _error(one, other, mask):
    return float(np.abs(one - other)[mask > 0].mean())


@pytest.mark.parametrize("method", METHODS)
def test_a_known_tint_is_taken_back(portrait, method):
    tinted = np.clip(portrait.face * TINT * 0.9, 0, 1)
    before = _error(tinted, portrait.face, portrait.mask)
    after = _error(transfer_color(tinted, portrait.face, portrait.mask, method), portrait.face, portrait.mask)
    assert before > 0.05
    assert after < before / 5


@pytest.mark.parametrize("method", METHODS)
def test_a_face_already_right_is_left_alone(portrait, method):
    assert (
        _error(transfer_color(portrait.face, portrait.face, portrait.mask, method), portrait.face, portrait.mask)
        < 0.004
    )


def test_local_follows_shading_across_the_face_where_global_methods_cannot(portrait):
    ramp = np.linspace(0.6, 1.0, portrait.size, dtype=np.float32)[None, :, None]
    shot = portrait.face * ramp
    local = _error(transfer_color(portrait.face, shot, portrait.mask, "local"), shot, portrait.mask)
    plain = _error(transfer_color(portrait.face, shot, portrait.mask, "reinhard"), shot, portrait.mask)
    assert local < 0.45 * plain


def test_local_keeps_the_faces_own_detail(portrait):
    other = np.full_like(portrait.face, 0.5)
    detail = transfer_color(portrait.face, other, portrait.mask, "local") - portrait.face
    fine = detail - cv2.GaussianBlur(detail, (0, 0), 4)
    own = portrait.face - cv2.GaussianBlur(portrait.face, (0, 0), 4)
    assert fine[portrait.mask > 0].std() < 0.5 * own[portrait.mask > 0].std()


def test_local_spares_white_in_a_tinted_face():
    face = np.full((96, 96, 3), (0.8, 0.6, 0.5), np.float32)
    face[44:52, 40:56] = 0.85  # teeth
    reference = np.full((96, 96, 3), (0.7, 0.65, 0.62), np.float32)
    result = transfer_color(face, reference, np.ones((96, 96), np.float32), "local")
    assert np.abs(result[10, 10] - reference[10, 10]).max() < 0.02
    teeth = result[46:50, 44:52].reshape(-1, 3)
    assert np.ptp(teeth, axis=1).max() < 0.03


def test_from_yellow_light_into_pale_footage_lips_do_not_turn_magenta(portrait):
    yellow = portrait.face * np.array([1, 0.85, 0.4], np.float32)
    gray = cv2.cvtColor(portrait.face, cv2.COLOR_RGB2GRAY)[..., None]
    pale = (gray + 0.4 * (portrait.face - gray)).astype(np.float32)
    result = transfer_color(yellow, pale, portrait.mask, "local")
    inside = cv2.erode(portrait.mask, np.ones((15, 15))) > 0.5
    red = cv2.cvtColor(portrait.face, cv2.COLOR_RGB2LAB)[..., 1]
    lips = inside & (red > np.quantile(red[inside], 0.9))
    green_to_red = [cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)[..., 1] for picture in (result, pale)]
    assert np.abs(green_to_red[0] - green_to_red[1])[lips].mean() < 1.5  # 4 where shading alone is transferred


def test_from_grey_footage_into_warm_light_brows_do_not_turn_red(portrait):
    gray = cv2.cvtColor(portrait.face, cv2.COLOR_RGB2GRAY)
    warm = portrait.face * np.array([1, 0.8, 0.6], np.float32)
    result = transfer_color(cv2.merge([gray] * 3), warm, portrait.mask, "local")
    inside = cv2.erode(portrait.mask, np.ones((15, 15))) > 0.5
    dark = inside & (gray < np.quantile(gray[inside], 0.05))
    made, real = (np.ptp(picture, axis=2)[dark].mean() for picture in (result, warm))
    assert made < 0.8 * real  # 1.3 where every pixel is given the skin's tint


@pytest.mark.parametrize("method", METHODS)
def test_what_lies_outside_the_mask_does_not_count(portrait, method):
    shot = portrait.face.copy()
    shot[cv2.dilate(portrait.mask, np.ones((9, 9))) == 0] = (0, 1, 0)
    once = transfer_color(portrait.face, portrait.face, portrait.mask, method)
    again = transfer_color(portrait.face, shot, portrait.mask, method)
    assert _error(once, again, cv2.erode(portrait.mask, np.ones((9, 9)))) < 0.003


@pytest.mark.parametrize("method", METHODS)
def test_contrast_gain_is_limited(portrait, method):
    rng = np.random.default_rng(0)
    flat = np.clip(
        0.5 + 0.004 * cv2.GaussianBlur(rng.standard_normal((192, 192, 3)).astype(np.float32), (0, 0), 2), 0, 1
    )
    result = transfer_color(flat.astype(np.float32), portrait.face, portrait.mask, method)
    spread = (result - cv2.GaussianBlur(result, (0, 0), 5))[portrait.mask > 0].std()
    own = (flat - cv2.GaussianBlur(flat, (0, 0), 5))[portrait.mask > 0].std()
    assert spread < 4 * own + 0.002


@pytest.mark.parametrize("method", COLOR_METHODS)
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_pictures_and_an_empty_mask_stay_finite(portrait, method, level):
    flat = np.full((64, 64, 3), level, np.float32)
    for mask in (np.ones((64, 64), np.float32), np.zeros((64, 64), np.float32)):
        for face, reference in ((flat, portrait.face), (portrait.face, flat), (flat, flat)):
            result = transfer_color(face, reference, mask, method)
            assert result.dtype == np.float32
            assert np.isfinite(result).all()
            assert result.min() >= 0 and result.max() <= 1


def test_an_unknown_method_is_refused(portrait):
    with pytest.raises(UsageError, match="sepia"):
        transfer_color(portrait.face, portrait.face, portrait.mask, "sepia")


def _seen(portrait, gain, method="reinhard"):
    return color.compute_statistics(portrait.face, portrait.face * np.float32(gain), portrait.mask, method)


@pytest.mark.parametrize("method", METHODS)
def test_smoothing_calms_the_footage_and_keeps_the_faces_own(portrait, method):
    rng = np.random.default_rng(1)
    smoother = ColorSmoother(0.2)
    raw, calm = [], []
    for frame in range(40):
        known = _seen(portrait, 0.9 + 0.01 * rng.standard_normal(), method)
        result = smoother(known, frame / 25)
        raw.append(known.target.mean())
        calm.append(result.target.mean())
        assert result.source is known.source
    assert np.std(np.diff(calm[5:])) < 0.5 * np.std(np.diff(raw[5:]))


def test_a_lamp_is_followed_at_once_and_a_cut_forgets(portrait):
    smoother = ColorSmoother(0.5)
    smoother(_seen(portrait, 1.0), 0.0)
    dark = _seen(portrait, 0.7)
    assert np.allclose(smoother(dark, 0.04).target, dark.target)
    dimmer = _seen(portrait, 0.69)
    assert not np.allclose(smoother(dimmer, 0.08).target, dimmer.target)
    smoother.reset()
    assert smoother(dimmer, 0.12).target is dimmer.target
