import cv2
import numpy as np
import pytest

from effigie.compositing import MotionCompensatedFilter
from effigie.compositing.window import GRID, CropWindow


@pytest.mark.parametrize("side", (128, 160, 320, 352, 384, 1024))
def test_a_window_holds_its_box_and_little_more(side):
    box = (side // 5, side // 8, side // 2, side - side // 7)
    rows, columns = CropWindow.from_box(box, side).pixels(side)
    assert columns.start <= box[0] and rows.start <= box[1] and columns.stop >= box[2] and rows.stop >= box[3]
    most = 2 * 8 * side // GRID
    assert columns.stop - columns.start <= box[2] - box[0] + most and rows.stop - rows.start <= box[3] - box[1] + most
    assert not any(edge % 2 for edge in (rows.start, rows.stop, columns.start, columns.stop))


@pytest.mark.parametrize("side", (331, 330, 129))
def test_a_crop_without_whole_cells_is_taken_whole(side):
    assert CropWindow.from_box((side // 3, side // 3, side // 2, side // 2), side) == CropWindow.whole()


@pytest.mark.parametrize("interpolation", (cv2.INTER_LINEAR, cv2.INTER_CUBIC))
@pytest.mark.parametrize("side", (160, 320, 352, 384))
def test_a_field_is_enlarged_as_the_whole_would_be(side, interpolation):
    field = np.random.default_rng(5).random((GRID, GRID, 3), np.float32)
    whole = cv2.resize(field, (side, side), interpolation=interpolation)
    for box in ((side // 5, side // 8, side // 2, side - side // 7), (0, 0, side // 3, side // 3), (0, 0, side, side)):
        window = CropWindow.from_box(box, side)
        part = window.enlarge(field, side, interpolation)
        assert part.shape[1::-1] == window.size(side)
        np.testing.assert_allclose(part, whole[window.pixels(side)], atol=2e-5)


def test_the_temporal_filter_follows_a_window_that_moves():
    rng = np.random.default_rng(7)
    side, whole, windowed = 320, MotionCompensatedFilter(0.8), MotionCompensatedFilter(0.8)
    scene = cv2.GaussianBlur(rng.random((side + 40, side + 40, 3), np.float32), (0, 0), 3)
    scene = (scene - scene.min()) / (scene.max() - scene.min())
    for frame in range(8):
        face = scene[frame : frame + side, 2 * frame : 2 * frame + side]
        footage = (255 * cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)).astype(np.uint8)
        face = np.clip(face + 0.02 * rng.standard_normal(face.shape).astype(np.float32), 0, 1)
        window = CropWindow.from_box((60 + 8 * frame, 40, 240, 280), side)
        part = windowed(face[window.pixels(side)], frame / 25, footage, window, side)
        full = whole(face, frame / 25, footage)[window.pixels(side)]
    inner = (slice(20, -20), slice(20, -20))
    noise = np.abs(face[window.pixels(side)][inner] - full[inner]).mean()
    assert noise > 0.005  # the filter took some of it out
    assert np.abs(part[inner] - full[inner]).mean() < 0.1 * noise
