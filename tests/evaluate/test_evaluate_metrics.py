"""Tests of every metric on synthetic data with known answers."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks import memory
from benchmarks.face_error import face_error
from benchmarks.memory import measure_command

from effigie.evaluate.metrics import background_psnr, container, flicker, geometry, identity, sharpness
from effigie.faces.mesh import load_canonical_mesh, mouth_opening

RANDOM = np.random.default_rng(7)
START = RANDOM.bit_generator.state


@pytest.fixture(autouse=True)
def _the_same_noise_in_any_order() -> None:
    RANDOM.bit_generator.state = START


def texture(height: int = 120, width: int = 160) -> np.ndarray:
    noise = RANDOM.integers(0, 256, (height, width, 3)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 20, 235, cv2.NORM_MINMAX)


def everywhere(image: np.ndarray) -> np.ndarray:
    inside = np.zeros(image.shape[:2], bool)
    inside[20:-20, 20:-20] = True
    return inside


def landmarks(mouth: float = 0.0) -> np.ndarray:
    """The canonical face at 10 px a centimetre, its lower lip moved down by ``mouth`` px."""
    points = np.vstack([load_canonical_mesh().vertices, np.zeros((10, 3))]) * [10, -10, 10] + [200, 200, 0]
    points[[14, 87, 317], 1] += mouth
    return points


def unit(*values: float) -> np.ndarray:
    return np.array(values) / np.linalg.norm(values)


def test_identity_of_known_angles() -> None:
    source, target = np.array([unit(1, 0, 0)] * 3), np.array([unit(0, 1, 0)] * 2)
    scores = identity.compare_identity(np.array([unit(1, 0, 0), unit(1, 2, 0)]), source, target)
    assert scores.to_source == pytest.approx((1 + 1 / math.sqrt(5)) / 2)
    assert scores.to_target == pytest.approx((0 + 2 / math.sqrt(5)) / 2)
    assert scores.closer_to_source == 0.5
    assert scores.between == pytest.approx(0)
    assert scores.faces == 2


def test_pairwise_similarity_is_below_that_to_the_centroid() -> None:
    source = np.array([unit(1, 0.5, 0), unit(1, -0.5, 0)])
    scores = identity.compare_identity(np.array([unit(1, 0, 0)]), source, np.array([unit(0, 0, 1)]))
    assert scores.to_source == pytest.approx(1)
    assert scores.pairwise_source == pytest.approx(1 / math.sqrt(1.25))


def test_identity_of_nobody_is_not_a_number() -> None:
    scores = identity.compare_identity(np.zeros((0, 2)), np.array([unit(1, 0)]), np.array([unit(0, 1)]))
    assert scores.faces == 0 and math.isnan(scores.to_source)
    with pytest.raises(ValueError):
        identity.centroid(np.zeros((0, 2)))


def test_retrieval_asks_everybody_but_the_source_themselves():
    source = np.array([unit(1, 0, 0, 0)])
    gallery = [np.array([unit(0, 1, 0, 0)]), np.array([unit(0, 0, 1, 0)]), np.array([unit(9, 1, 0, 0)])]
    made = np.array([unit(3, 1, 0, 0), unit(1, 0, 0, 2), unit(1, 3, 0, 0), unit(2, 0, 1, 1)])
    share, people = identity.retrieve(made, source, gallery)
    assert (share, people) == (0.75, 3)  # the third face is nearer to the first of the gallery; the last is the source
    assert math.isnan(identity.retrieve(made[:0], source, gallery)[0])


def test_landmark_error_is_a_share_of_the_eye_distance() -> None:
    from effigie.faces.mesh import eye_distance

    still = landmarks()
    assert geometry.landmark_error(still, still) == 0
    assert geometry.landmark_error(still + np.array([3, 4, 0]), still) == pytest.approx(5 / eye_distance(still))
    assert geometry.landmark_error(2 * still + np.array([6, 8, 0]), 2 * still) == pytest.approx(
        10 / eye_distance(2 * still)
    )


def test_a_frozen_mouth_correlates_with_nothing() -> None:
    speech = np.array([mouth_opening(landmarks(4 + 4 * math.sin(i))) for i in range(60)])
    assert speech.std() > 0.01
    perfect = geometry.compare_movement(speech, speech)
    assert (perfect.correlation, perfect.spread) == pytest.approx((1, 1))
    frozen = geometry.compare_movement(np.full(60, speech.mean()), speech)
    assert (frozen.correlation, frozen.spread) == (0, 0)
    shy = geometry.compare_movement(speech.mean() + 0.3 * (speech - speech.mean()), speech)
    assert (shy.correlation, shy.spread) == pytest.approx((1, 0.3))
    trembling = geometry.compare_movement(RANDOM.permutation(speech), speech)
    assert abs(trembling.correlation) < 0.4 and trembling.spread == pytest.approx(1)
    assert math.isnan(geometry.compare_movement(speech, np.ones(60)).correlation)


def test_blur_lowers_sharpness_and_noise_raises_it() -> None:
    image = texture()
    inside = everywhere(image)
    before = sharpness.laplacian_variance(image, inside)
    blurred = sharpness.laplacian_variance(cv2.GaussianBlur(image, (0, 0), 2), inside)
    noisy = np.clip(image + RANDOM.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
    assert blurred < 0.3 * before < before < sharpness.laplacian_variance(noisy, inside)
    scores = sharpness.compare_sharpness(np.array([[before, before], [blurred, before]]))
    assert scores.ratio == pytest.approx((1 + blurred / before) / 2)


def test_sharpness_sees_only_the_inside() -> None:
    image = texture()
    inside = everywhere(image)
    changed = cv2.GaussianBlur(image, (0, 0), 5)
    near = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3))) > 0  # the operator looks one pixel around
    changed[near] = image[near]
    assert sharpness.laplacian_variance(changed, inside) == sharpness.laplacian_variance(image, inside)
    assert sharpness.laplacian_variance(image, np.zeros_like(inside)) == 0


def test_motion_is_no_flicker_but_boiling_is() -> None:
    scene = texture(140, 180)
    before, now = scene[10:130, 10:170], scene[12:132, 13:173]
    inside = (everywhere(before), everywhere(now))
    moved = flicker.compensated_differences((before, now), (before, now), inside)
    assert moved is not None and moved[0] == moved[1]
    uncompensated = cv2.absdiff(before, now)[inside[1]].mean()
    assert moved[1] < 0.3 * uncompensated
    boiling = np.clip(now + RANDOM.normal(0, 10, now.shape), 0, 255).astype(np.uint8)
    worse = flicker.compensated_differences((before, boiling), (before, now), inside)
    assert worse is not None and worse[1] == moved[1] and worse[0] > moved[0] + 4


def test_a_face_that_stays_behind_flickers() -> None:
    scene = texture(140, 180)
    before, now = scene[10:130, 10:170], scene[14:134, 15:175]
    inside = (everywhere(before), everywhere(now))
    levels = flicker.compensated_differences((before, before), (before, now), inside)
    assert levels is not None and levels[0] > 3 * levels[1]


def test_flicker_of_a_still_picture_is_measured_against_a_floor() -> None:
    assert flicker.compare_flicker(np.array([[0.0, 0.0]])).ratio == 0
    assert flicker.compare_flicker(np.array([[1.0, 0.0]])).ratio == pytest.approx(1 / flicker.MIN_REFERENCE)
    image = texture()
    empty = np.zeros(image.shape[:2], bool)
    assert flicker.compensated_differences((image, image), (image, image), (empty, empty)) is None


def test_psnr_outside_is_the_known_one() -> None:
    image = texture()
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[40:80, 40:80] = 1
    output = image.copy()
    output[mask > 0] = 0
    same = background_psnr.BackgroundError()
    same.add(output, image, mask)
    assert same.psnr == math.inf
    off = background_psnr.BackgroundError()
    shifted = np.where(mask[..., None] > 0, output, image + 5).astype(np.uint8)
    off.add(shifted, image, mask)
    assert off.psnr == pytest.approx(20 * math.log10(255 / 5))
    gray = background_psnr.BackgroundError(luma=True)
    gray.add(shifted, image, mask)
    assert gray.psnr == pytest.approx(off.psnr, abs=0.5)


def test_psnr_outside_pools_frames_and_keeps_its_margin() -> None:
    image = texture()
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[60, 60] = 255
    near, two = image.copy(), background_psnr.BackgroundError()
    near[60, 65] += 9
    far = background_psnr.BackgroundError(margin=8)
    far.add(near, image, mask)
    assert far.psnr == math.inf
    two.add(image, image, mask)
    two.add(np.where(mask[..., None] > 0, image, image - 4).astype(np.uint8), image, mask)
    assert two.psnr == pytest.approx(10 * math.log10(255**2 / 8))
    nothing = background_psnr.BackgroundError()
    nothing.add(near, image, np.ones_like(mask))
    assert math.isnan(nothing.psnr)


def test_face_error_is_zero_for_the_same_and_grows_with_blur() -> None:
    image = texture(96, 96).astype(np.float32) / 255
    mask = everywhere(image).astype(np.float32)
    blurs = [face_error(cv2.GaussianBlur(image, (0, 0), sigma), image, mask) for sigma in (1, 2, 4)]
    assert face_error(image, image, mask) == pytest.approx(0, abs=1e-9)
    assert 0 < blurs[0] < blurs[1] < blurs[2]
    outside_only = image.copy()
    outside_only[:8] = 0  # further from the mask than the window reaches
    assert face_error(outside_only, image, mask) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError):
        face_error(image, image, np.zeros_like(mask))
    with pytest.raises(ValueError):
        face_error(image[:50], image, mask)


def test_times_are_compared_exactly() -> None:
    times = [Fraction(i * 1001, 24000) for i in range(5)]
    origin = Fraction(7, 10)
    assert container.compare_times(times, [time + origin for time in times], origin).exact
    late = [*times[:-1], times[-1] + Fraction(1, 90000)]
    scores = container.compare_times(late, times)
    assert not scores.exact and scores.largest_error == pytest.approx(1 / 90000)
    assert not container.compare_times(times[:-1], times).exact


@pytest.mark.slow
def test_memory_of_a_command_counts_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child process keeps its memory until it has been measured three times."""
    held, seen = tmp_path / "held", tmp_path / "seen"
    child = (
        "import pathlib, time; block = bytearray(120_000_000); time.sleep(0.1); "
        f"pathlib.Path({str(held)!r}).touch(); end = time.monotonic() + 300\n"
        f"while not pathlib.Path({str(seen)!r}).exists() and time.monotonic() < end: time.sleep(0.01)"
    )
    parent = (
        "import subprocess, sys; block = bytearray(80_000_000); "
        f"subprocess.run([sys.executable, '-c', {child!r}]); print('done')"
    )
    look, looks = memory._MemoryMonitor.sample, []

    def noted(watch: memory._MemoryMonitor) -> None:
        ready = held.exists()
        look(watch)
        if ready:
            looks.append(watch)
        if len(looks) == 3:
            seen.touch()

    monkeypatch.setattr(memory._MemoryMonitor, "sample", noted)
    monkeypatch.setattr(memory, "PROPORTIONAL_EVERY_S", 0.0)
    usage = measure_command([sys.executable, "-c", parent])
    assert usage.exit_code == 0 and usage.output == "done"
    assert 200e6 < usage.peak_rss < 320e6
    assert usage.processes == 2
    assert usage.seconds > 0.1
    assert usage.peak_pss is None or 195e6 < usage.peak_pss <= usage.peak_rss


def test_a_failing_command_says_so() -> None:
    usage = measure_command([sys.executable, "-c", "import sys; sys.exit('broken')"])
    assert usage.exit_code == 1 and "broken" in usage.output
