"""Tests of perceptual hashes: stable under re-encoding, different for different pictures."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from effigie.provenance.ledger.fingerprint import EMPTY_HASH, compute_fingerprint, match_clips

SIZE = (180, 320)


def scene(seed, moment=0.0):
    """Coloured discs that drift with time, (H, W, 3) uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    image = np.empty((*SIZE, 3), np.float32)
    image[:] = random.uniform(60, 190, 3)
    for _ in range(12):
        at, speed = random.uniform(0, 1, 2) * SIZE, random.normal(0, 12, 2)
        radius = random.uniform(8, 60)
        row, column = at + speed * moment
        disc = np.hypot(x - column, y - row) < radius
        image += disc[..., None] * random.uniform(-120, 120, 3).astype(np.float32)
    return image.clip(0, 255).astype(np.uint8)


def samples(seed, start, stop, step=1.0, change=lambda image: image):
    return [
        (float(moment - start), compute_fingerprint(change(scene(seed, moment))))
        for moment in np.arange(start, stop, step)
    ]


def half(image):
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def jpeg(image, quality=20):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def dim(image):
    return (image * 0.8 - 5).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [half, jpeg, dim, lambda image: jpeg(half(dim(image)))])
def test_what_happens_on_the_way_moves_few_bits(change):
    for seed in range(10):
        image = scene(seed)
        assert (compute_fingerprint(image) ^ compute_fingerprint(change(image))).bit_count() <= 6


@pytest.mark.slow
def test_pictures_of_different_things_are_far_apart():
    hashes = [compute_fingerprint(scene(seed)) for seed in range(40)]
    apart = [(a ^ b).bit_count() for a, b in itertools.combinations(hashes, 2)]
    assert min(apart) > 10
    assert 26 < np.mean(apart) < 38


@pytest.mark.parametrize("gray", [0, 5, 128, 255])
def test_a_picture_without_structure_has_no_hash(gray):
    random = np.random.default_rng(0)
    flat = np.full((*SIZE, 3), gray, np.uint8)
    assert compute_fingerprint(flat) == EMPTY_HASH
    noisy = (flat + random.normal(0, 4, flat.shape)).clip(0, 255).astype(np.uint8)
    assert compute_fingerprint(noisy) == EMPTY_HASH


def test_nothing_matches_nothing():
    black = [(float(second), EMPTY_HASH) for second in range(9)]
    assert match_clips(black, black) is None
    assert match_clips([], samples(1, 0, 3)) is None


@pytest.mark.slow
def test_a_part_is_found_wherever_it_was_cut():
    known = samples(3, 0, 20)
    match = match_clips(samples(3, 6.4, 11, 0.25, lambda image: jpeg(half(image))), known)
    assert match is not None
    assert match.offset == pytest.approx(6.4, abs=0.35)
    assert match.frames >= 4


@pytest.mark.slow
def test_fades_beside_the_pictures_do_not_hinder():
    known = [(0.0, EMPTY_HASH), *((moment + 1, value) for moment, value in samples(3, 0, 8)), (9.0, EMPTY_HASH)]
    assert match_clips([(0.0, EMPTY_HASH), *((t + 1, value) for t, value in samples(3, 0, 8, 0.25))], known) is not None


@pytest.mark.slow
def test_other_scenes_do_not_match():
    clips = [samples(seed, 0, 10) for seed in range(12)]
    for first, second in itertools.permutations(clips, 2):
        assert match_clips(first, second) is None


@pytest.mark.slow
def test_one_frame_that_agrees_is_not_enough_for_a_clip():
    known = samples(1, 0, 10)
    asked = [(float(k), compute_fingerprint(scene(50 + k))) for k in range(10)]
    asked[4] = (4.0, known[7][1])
    assert match_clips(asked, known) is None


def test_a_still_out_of_a_clip_is_found():
    known = samples(1, 0, 10)
    match = match_clips([(0.0, compute_fingerprint(jpeg(scene(1, 7.0))))], known)
    assert match is not None and match.offset == pytest.approx(7.0, abs=0.1)
