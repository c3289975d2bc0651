"""Tests of swap metrics on synthetic data: drawn seams, colour drift, painted hands, exchanged people."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from effigie.evaluate.metrics.cut_stability import color_drift, compare_cut_stability, compute_mean_color
from effigie.evaluate.metrics.frechet import SIDE, FaceSampler, compare_distributions, crop_face
from effigie.evaluate.metrics.identity import own_face_share
from effigie.evaluate.metrics.occlusion_preservation import compare_occlusion, count_occlusion_pixels
from effigie.evaluate.metrics.regions import select_own_mask
from effigie.evaluate.metrics.seam import MAX_EVEN_STEP, SeamScores, compare_seam, edge_pairs, seam_steps
from effigie.evaluate.metrics.ssim import compute_background_ssim
from effigie.evaluate.protocols.face_comparison import COLUMNS
from effigie.evaluate.report.figures import Figure
from effigie.evaluate.report.frames import FrameTable, merge_rows, write_csv
from effigie.evaluate.report.worst import (
    FRAME_METRICS,
    MIN_FRAME_DISTANCE,
    ranks,
    select_worst,
    worst_overall,
    worst_rows,
)
from effigie.faces.mesh import load_canonical_mesh

RANDOM = np.random.default_rng(11)
EYES = 60.0
START = RANDOM.bit_generator.state


@pytest.fixture(autouse=True)
def _the_same_noise_in_any_order() -> None:
    RANDOM.bit_generator.state = START


def skin(height: int = 240, width: int = 240) -> np.ndarray:
    """Shaded skin with grain, a dark wall at the right quarter."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    light = 150 + 40 * np.sin(3 * x + 1) + 25 * y
    image = light[..., None] * np.array([1.0, 0.8, 0.7]) + RANDOM.normal(0, 3, (height, width, 3))
    image[:, 3 * width // 4 :] *= 0.2
    return np.clip(image, 0, 255).astype(np.uint8)


def oval(height: int = 240, width: int = 240, center: tuple[int, int] = (110, 120)) -> np.ndarray:
    """A mask feathered over twelve pixels inwards."""
    solid = cv2.ellipse(np.zeros((height, width), np.uint8), center, (60, 80), 0, 0, 360, 255, -1)
    rise = np.minimum(cv2.distanceTransform((solid > 0).astype(np.uint8), cv2.DIST_L2, 5) / 12, 1)
    return np.round(255 * rise).astype(np.uint8)


def painted(image: np.ndarray, mask: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    share = (mask / 255.0)[..., None]
    return np.clip(image + share * np.array(color), 0, 255).astype(np.uint8)


def scored(output: np.ndarray, given: np.ndarray, mask: np.ndarray) -> SeamScores:
    steps = seam_steps(output, given, mask, EYES)
    assert steps is not None
    each = [np.array([value]) for value in (steps.even, steps.pairs, steps.whole, steps.all_pairs)]
    return compare_seam(*each)


def test_an_untouched_edge_is_one_and_a_seam_drawn_on_is_more() -> None:
    image, mask = skin(), oval()
    assert scored(image, image, mask).ratio == pytest.approx(1)
    assert scored(image, image, mask).whole == pytest.approx(1)
    assert scored(skin(), image, mask).ratio == pytest.approx(1, abs=0.1), "grain is no seam"
    faint, plain = (scored(painted(image, mask, (d, d // 2, 0)), image, mask) for d in (8, 30))
    assert 1.2 < faint.ratio < plain.ratio and plain.ratio > 2.5
    assert plain.output - plain.reference > 5


def test_a_seam_on_even_skin_shows_although_most_of_the_edge_is_an_edge_anyway() -> None:
    image, mask = skin(), oval(center=(128, 120))  # its right edge along that of the dark wall
    pairs = edge_pairs(mask, EYES)
    seam = scored(painted(image, mask, (16, 8, 4)), image, mask)
    assert len(pairs) > 100 and 0.3 < seam.share < 0.9 and seam.reference < MAX_EVEN_STEP
    assert seam.ratio > 2 * seam.whole, "over the whole edge the wall hides it"


def test_pairs_straddle_the_feather_and_leave_the_picture_s_border_out() -> None:
    mask = oval()
    pairs = edge_pairs(mask, EYES).round().astype(int)
    outside, inside = (mask[pairs[:, side, 1], pairs[:, side, 0]] for side in (0, 1))
    assert (outside == 0).all() and (inside >= 250).all()
    lengths = np.linalg.norm(pairs[:, 1] - pairs[:, 0], axis=1)
    assert 12 <= np.median(lengths) <= 20
    cut = edge_pairs(oval(center=(20, 120)), EYES)
    assert len(cut) > 0 and (cut >= 0).all()
    x, y = cut[:, 0].round().astype(int).T
    assert not oval(center=(20, 120))[y, x].any(), "where the picture ends is no edge"
    for nothing in (np.zeros((50, 50), np.uint8), np.full((50, 50), 255, np.uint8)):
        assert len(edge_pairs(nothing, EYES)) == 0
    assert seam_steps(skin(), skin(), np.zeros((240, 240), np.uint8), EYES) is None
    assert math.isnan(compare_seam(*(np.zeros((0, n)) for n in (2, 1, 2, 1))).ratio)


def test_a_colour_that_settles_drifts_and_one_that_trembles_does_not() -> None:
    times = np.arange(30) / 25
    trembling = RANDOM.normal(0, 0.5, (30, 3))
    assert abs(color_drift(times, trembling + 7)) < 0.4, "being off throughout is no drift"
    fading = trembling + np.outer(np.exp(-times / 0.2), [8, 2, 0])
    assert color_drift(times, fading) > 2
    assert math.isnan(color_drift(times[:14], fading[:14])), "half a second is no footage to compare with"


def test_the_worst_start_counts_and_flicker_only_of_the_first_half_second() -> None:
    since = np.concatenate([np.arange(30), np.arange(30)]) / 25
    which = np.repeat([0, 1], 30)
    offsets = np.zeros((60, 3))
    offsets[30:36, 0] = 10
    levels = np.where(since < 0.5, 3.0, 9.0)[:, None] * [1, 0.5]
    levels[0] = math.nan
    scores = compare_cut_stability([0, 100], since, offsets, levels, which)
    assert (scores.starts, scores.judged, scores.worst) == (2, 2, 100)
    assert scores.drift == pytest.approx(10 * 6 / 13)
    assert scores.flicker == pytest.approx(2)
    none = compare_cut_stability([], np.zeros(0), np.zeros((0, 3)), np.zeros((0, 2)), np.zeros(0))
    assert math.isnan(none.drift) and none.worst == -1


def test_mean_colour_is_cielab() -> None:
    gray = np.full((8, 8, 3), 119, np.uint8)
    assert compute_mean_color(gray, np.ones((8, 8), bool)) == pytest.approx([50, 0, 0], abs=0.5)


def test_a_hand_that_is_painted_over_is_not_in_front() -> None:
    image, face = skin(), np.zeros((240, 240), bool)
    face[40:200, 40:200] = True
    hand, mask = np.zeros((240, 240), np.uint8), np.zeros((240, 240), np.uint8)
    hand[100:, :120] = 255
    mask[40:200, 40:200] = 255
    mask[hand > 0] = 0
    noisy = np.clip(image + RANDOM.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
    front, hidden, replaced, bare = count_occlusion_pixels(noisy, image, face, hand, mask)
    assert front > 0.99 * hidden > 0 and replaced == bare > 0
    assert hidden + bare < face.sum(), "a drawn edge is neither"
    over = image.copy()
    over[100:150, 40:80] += 40
    scores = compare_occlusion(
        np.array([count_occlusion_pixels(over, image, face, hand, mask), (0, 0, 5, 9)]), masked=True
    )
    assert 0.6 < scores.in_front < 0.8 and scores.replaced == 1 and scores.frames == 1
    timid = count_occlusion_pixels(image, image, face, hand, np.zeros_like(mask))
    assert timid[0] == timid[1] and timid[2] == 0, "who replaces nothing has everything in front"
    assert math.isnan(compare_occlusion(np.array([timid]), masked=False).replaced)


def test_one_frame_of_anothers_face_is_seen() -> None:
    ann, ben, cat = (np.eye(5)[[n]] for n in range(3))
    right = np.repeat(ann, 10, axis=0)
    assert own_face_share(right, [ann, ben, cat], 0) == 1
    right[3] = ben
    assert own_face_share(right, [ann, ben, cat], 0) == pytest.approx(0.9)
    assert own_face_share(right, [ann, ben, cat], 2) == 0
    assert math.isnan(own_face_share(right, [ann, ann], 0)), "the same source cannot be told apart"
    assert math.isnan(own_face_share(right[:0], [ann, ben], 0))


def test_similarity_outside_sees_neither_the_face_nor_its_rim() -> None:
    image, mask = skin(), oval()
    changed = image.copy()
    changed[mask > 0] = 0
    assert compute_background_ssim(changed, image, mask) == pytest.approx(1)
    elsewhere = image.copy()
    elsewhere[:30] = cv2.GaussianBlur(image[:30], (0, 0), 3)
    assert compute_background_ssim(elsewhere, image, mask) < 0.99
    assert math.isnan(compute_background_ssim(image, image, np.full_like(mask, 255)))


def test_a_mask_over_two_faces_is_told_apart() -> None:
    points = np.vstack([load_canonical_mesh().vertices, np.zeros((10, 3))]) * [8, -8, 8] + [100, 120, 0]
    mask = np.maximum(
        oval(240, 480, (100, 120)), cv2.warpAffine(oval(240, 480), np.float32([[1, 0, 260], [0, 1, 0]]), (480, 240))
    )
    mine = select_own_mask(points, mask)
    assert mine[120, 100] == 255 and mine[120, 370] == 0 and mask[120, 370] == 255


def test_a_crowd_is_taken_evenly_and_cut_without_its_surroundings() -> None:
    crowd = FaceSampler(4, 40)
    wanted = [crowd.should_take() for _ in range(40)]
    assert np.flatnonzero(wanted).tolist() == [9, 19, 29, 39]
    assert not any(FaceSampler(0, 40).should_take() for _ in range(3))
    points = np.vstack([load_canonical_mesh().vertices, np.zeros((10, 3))]) * [8, -8, -8] + [110, 120, 0]
    face = crop_face(skin(), points)
    assert face.shape == (SIDE, SIDE, 3) and (face[0] == [124, 116, 104]).all()
    other = skin()
    other[:, 200:] = 255
    assert (crop_face(other, points)[:, -8:] == face[:, -8:]).all()


@pytest.mark.slow
def test_crowds_of_one_kind_are_near() -> None:
    def faces(blur: float) -> list[np.ndarray]:
        noise = [RANDOM.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8) for _ in range(6)]
        return [cv2.GaussianBlur(each, (0, 0), blur) for each in noise]

    near = compare_distributions(faces(4), faces(4), faces(4))
    far = compare_distributions(faces(1), faces(4), faces(4)[:5])
    assert near.output < 0.5 * far.output and near.faces == 6 and far.faces == 5
    assert math.isnan(compare_distributions(faces(1), faces(1), []).output)


def table(frames: int = 60) -> FrameTable:
    rows = FrameTable(COLUMNS)
    for frame in range(frames):
        calm = {"frame": frame, "expression": 0.02, "gaze": 0.01, "seam_output": 3.0, "seam_input": 3.0}
        rows.add(calm | {"expression": 0.02 + 1e-5 * frame, "gaze": 0.01 - 1e-5 * frame})
    return rows


def test_the_worst_frames_are_apart() -> None:
    badness = np.array([5, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7, 8, 3, math.nan])
    assert worst_rows(np.arange(15), badness, 2) == [1, 12]
    chosen = worst_rows(np.arange(60), RANDOM.normal(size=60), 5)
    assert len(chosen) == 5 and np.diff(np.sort(chosen)).min() >= MIN_FRAME_DISTANCE
    assert worst_rows(np.arange(3), np.full(3, math.nan), 2) == []


def test_ranks_take_ties_as_equals_and_leave_out_what_was_not_measured() -> None:
    assert ranks(np.array([3.0, 1.0, math.nan, 1.0, 9.0])) == pytest.approx([2 / 3, 0, math.nan, 0, 1], nan_ok=True)


def test_the_worst_of_all_says_why() -> None:
    rows = FrameTable(COLUMNS)
    for row in table().rows():
        values = {name: value for name, value in row.items() if value is not None}
        if row["frame"] == 30:
            values |= {"seam_output": 9.0, "gaze": 0.2}
        rows.add(values)
    first = worst_overall(rows, 3)[0]
    assert first.frame == 30 and "seam 9.0 for 3.0" in first.text and "gaze off 0.20" in first.text
    by_name = {measure.name: measure for measure in FRAME_METRICS}
    assert select_worst(rows, by_name["gaze"], 2)[0].text == "gaze off 0.20"
    assert select_worst(rows, by_name["covers"], 2) == []


def test_figures_of_frames_are_rows_of_a_file(tmp_path: Path) -> None:
    pictures, ann, ben = (FrameTable(("frame", "time")), FrameTable(("frame", "found")), FrameTable(("frame", "found")))
    for frame in range(3):
        pictures.add({"frame": frame, "time": frame / 25})
    ann.add({"frame": 0, "found": 1})
    for frame in (0, 2):
        ben.add({"frame": frame})
    who = [(row["frame"], row["person"]) for row in merge_rows(pictures, [ann, ben])]
    assert who == [(0, 0), (0, 1), (1, None), (2, 1)]
    write_csv(tmp_path / "frames.csv", pictures, [ann, ben])
    with (tmp_path / "frames.csv").open(encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [row["time"] for row in read] == ["0", "0", "0.04", "0.08"]
    assert [row["found"] for row in read] == ["1", "", "", ""]
    with pytest.raises(ValueError, match="lost"):
        ann.add({"lost": 1})


def test_the_demo_promises_what_it_did_and_no_more() -> None:
    from effigie.demo import DEMO_BOUNDS, apply_demo_bounds

    figures = [Figure("sharpness, output over input", 0.7, at_least=0.85), Figure("pose error", 3, at_most=1)]
    kept = apply_demo_bounds(figures)
    assert kept[0].is_reached and kept[1].is_reached is None
    assert len(DEMO_BOUNDS) == 13
