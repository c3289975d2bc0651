"""Tests of the intimate-content check: ordinary people pass, pictures that the network scores high are refused."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
import skimage.data

from effigie.consent import nsfw_detector
from effigie.consent.nsfw_detector import (
    MAX_FRAMES,
    MAX_NSFW_SHARE,
    check_clip,
    check_images,
    preprocess,
    score_clip,
    score_images,
)
from effigie.errors import MediaError, RefusedError, UsageError
from effigie.media import VideoReader
from effigie.media.sampling import FrameSampling, sample_frames


def lumps(seed):
    """(256, 256, 3) uint8: skin-coloured blobs that show nothing and score high."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:256, 0:256].astype(np.float32)
    height = np.zeros((256, 256), np.float32)
    for _ in range(int(random.integers(2, 7))):
        (cx, cy), (a, b), turn = (random.uniform(40, 216, 2), random.uniform(25, 90, 2), random.uniform(0, np.pi))
        u = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / a
        v = (-(x - cx) * np.sin(turn) + (y - cy) * np.cos(turn)) / b
        height = np.maximum(height, np.sqrt(np.clip(1 - u * u - v * v, 0, None)) * min(a, b))
    height = cv2.GaussianBlur(height, (0, 0), 4)
    down, right = np.gradient(height)
    skin = np.array([224, 172, 145]) * np.clip(0.75 - 0.15 * down - 0.075 * right, 0.2, 1.15)[..., None]
    cover = np.clip(height / 6, 0, 1)[..., None]
    return np.clip(cover * skin + (1 - cover) * random.uniform(20, 220, 3), 0, 255).astype(np.uint8)


HARMLESS, INTIMATE = 58, 372


def clip(path, seeds, rate=25):
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=rate)
        stream.width = stream.height = 256
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "12", "preset": "ultrafast"}
        pictures = {seed: lumps(seed) for seed in set(seeds)}
        for seed in seeds:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pictures[seed], "rgb24")))
        output.mux(stream.encode(None))
    return path


def test_the_network_tells_them_apart():
    low, high = score_images([lumps(HARMLESS), lumps(INTIMATE)])
    assert low < 0.1 and high > 0.8


def test_a_picture_is_scored_once(tmp_path, monkeypatch):
    assert score_images([lumps(HARMLESS)]) < 0.1  # the network is loaded from the shared cache
    monkeypatch.setenv("EFFIGIE_CACHE", str(tmp_path / "cache"))
    first = score_images([lumps(HARMLESS), lumps(INTIMATE)])
    monkeypatch.setattr(nsfw_detector, "_score", lambda *_: pytest.fail("scored again"))
    assert np.array_equal(score_images([lumps(HARMLESS), lumps(INTIMATE)]), first)
    for kept in (tmp_path / "cache" / "nsfw").iterdir():
        kept.write_text('{"value": 7}')  # no score
    with pytest.raises(pytest.fail.Exception, match="scored again"):
        score_images([lumps(HARMLESS)])


@pytest.mark.slow
def test_people_of_the_samples_pass(sample):
    for name in ("sample_woman", "sample_man", "sample_man_leaves", "sample_no_face", "sample_group"):
        report = check_clip(sample(name))
        assert report.max_score < 0.2, name
    assert score_images([skimage.data.astronaut()])[0] < 0.2


@pytest.mark.slow
def test_a_clip_is_refused_with_a_plain_line(tmp_path):
    path = clip(tmp_path / "a.mp4", [INTIMATE] * 40)
    with pytest.raises(RefusedError, match=r"a\.mp4 looks intimate \(16 of 16 sampled") as caught:
        check_clip(path)
    assert caught.value.exit_code == 3 and "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_tenth_of_the_frames_may_err(tmp_path):
    few = check_clip(clip(tmp_path / "few.mp4", [HARMLESS] * 95 + [INTIMATE] * 5))
    assert few.nsfw_count == 1 <= MAX_NSFW_SHARE * MAX_FRAMES
    with pytest.raises(RefusedError):
        check_clip(clip(tmp_path / "some.mp4", [HARMLESS] * 80 + [INTIMATE] * 20))


def test_stills(tmp_path):
    for seed, name in ((HARMLESS, "a.png"), (INTIMATE, "b.png")):
        cv2.imwrite(str(tmp_path / name), lumps(seed)[..., ::-1])
    assert len(check_clip(tmp_path / "a.png").scores) == 1
    with pytest.raises(RefusedError, match=r"b\.png"):
        check_clip(tmp_path / "b.png")
    with pytest.raises(RefusedError, match="crops of b"):
        check_images([lumps(INTIMATE)], "crops of b")
    with pytest.raises(UsageError):
        check_images([], "nothing")


def test_what_is_no_clip(tmp_path):
    (tmp_path / "a.mp4").write_text("no clip")
    with pytest.raises(MediaError):
        score_clip(tmp_path / "a.mp4")


def test_prepared_as_the_training_pictures_were():
    red = np.zeros((300, 500, 3), np.uint8)
    red[..., 0] = 200
    values = preprocess(red)
    assert values.shape == (224, 224, 3) and values.dtype == np.float32
    np.testing.assert_allclose(values.mean((0, 1)), [-104, -117, 200 - 123], atol=3)


@pytest.mark.slow
def test_frames_are_spread_over_the_clip(sample):
    path = sample("sample_woman")
    with VideoReader(path) as reader:
        exact = {frame.time: frame.image for frame in reader}
    end = max(exact)
    for sampling, least in ((FrameSampling(16), 12), (FrameSampling(3, 4), 12)):
        frames = list(sample_frames(path, sampling))
        times = [frame.time for frame in frames]
        assert least <= len(times) <= sampling.positions * sampling.frames_per_position
        assert times == sorted(set(times)) and times[0] < 0.25 * end and times[-1] > 0.75 * end
        for frame in frames:
            np.testing.assert_array_equal(frame.image, exact[frame.time])
