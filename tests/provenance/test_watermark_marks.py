"""Tests of the watermark: invisible, readable after common processing, never found where there is none."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.attacks import (
    GIF,
    VP8,
    Attack,
    adjust_tone,
    chain,
    change_frame_rate,
    crop,
    refilm,
    resize,
    single_frame,
    trim,
)

from effigie.errors import CancelledError, MediaError, UsageError
from effigie.media import EncodeSettings, VideoReader, VideoWriter
from effigie.progress import CancelToken
from effigie.provenance.watermark import WatermarkEmbedder, detect, detect_file, detector, embedder
from effigie.provenance.watermark.belief import WHOLE

OUTPUT_ID = 0xC0FFEE123456
FRAMES = 40  # of the man's 72
RATE = Fraction(30)


@pytest.fixture(scope="module")
def plain(man: Path) -> list[np.ndarray]:
    with VideoReader(man, 0, FRAMES) as reader:
        return [frame.image for frame in reader]


@pytest.fixture(scope="module")
def output(man: Path, plain: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A marked clip, written as convert writes."""
    path = tmp_path_factory.mktemp("marked") / "output.mp4"
    marker = WatermarkEmbedder(OUTPUT_ID, plain[0].shape[:2], like=man)
    settings = EncodeSettings(keep_audio=False)
    with VideoReader(man, 0, FRAMES, native=True) as reader, VideoWriter(path, reader.info, settings) as writer:
        for frame in reader:
            marker.embed_native(frame.native)
            writer.write(frame.native, frame.index / RATE)
    return path


@pytest.fixture(scope="module")
def marked(output: Path) -> list[np.ndarray]:
    with VideoReader(output) as reader:
        return [frame.image for frame in reader]


ATTACKS = [
    Attack("H.264 CRF 33", "", crf=33),
    Attack("half size", "", resize(0.5)),
    Attack("half size, CRF 30", "", resize(0.5), crf=30),
    Attack("10 % cropped", "", crop(0.1)),
    Attack("30 % cropped and smaller", "", chain(crop(0.3, 0.8, 0.3), resize(0.8))),
    Attack("scaled 1.5", "", resize(1.5)),
    Attack("darker", "", adjust_tone(lift=-0.2)),
    Attack("30 to 24", "", change_frame_rate(Fraction(4, 5))),
    Attack("one second", "", trim(1, 0.7)),
    Attack("filmed", "", refilm(), crf=28),
    Attack("GIF", "", codec=GIF),
    Attack("VP8", "", codec=VP8, crf=20),
    Attack("JPEG", "", single_frame(0.6), codec="jpeg"),
]


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_id_survives(attack: Attack, marked: list[np.ndarray], tmp_path: Path) -> None:
    found = detect_file(attack.apply(marked, RATE, tmp_path / "attacked"))
    assert found is not None
    assert found.id == OUTPUT_ID and found.hex == "c0ffee123456"
    assert found.agreement >= WHOLE.least and 1 - 1e-9 <= found.confidence <= 1


def test_the_pose_of_a_cropped_clip_is_found(marked: list[np.ndarray]) -> None:
    frames, _ = crop(0.2, 0, 0)(marked, RATE)
    found = detect(frames[::6])
    assert found is not None
    # Four fifths of the lines fill the frame.
    assert found.pose.scale_x == pytest.approx(1.25, abs=0.02)
    assert found.pose.scale_y == pytest.approx(1.25, abs=0.02)


@pytest.mark.slow
def test_nothing_is_found_where_nothing_was_marked(
    man: Path, plain: list[np.ndarray], sample: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert detect_file(man) is None
    assert detect_file(sample("sample_no_face")) is None
    random = np.random.default_rng(1)
    assert detect([random.integers(0, 256, (120, 200, 3)).astype(np.uint8)]) is None
    monkeypatch.setattr(detector, "MAX_POSES", 1)  # each costs a while
    assert detect(plain[:1]) is None
    assert detect([np.full((144, 176, 3), 90, np.uint8)] * 3) is None
    assert detect([]) is None


def test_a_pattern_with_other_signs_is_no_mark_of_ours(plain: list[np.ndarray]) -> None:
    marker = WatermarkEmbedder(OUTPUT_ID, plain[0].shape[:2])
    assert detect([marker.embed(plain[0])]) is not None
    marker._pattern = np.ascontiguousarray(marker._pattern[::-1, ::-1])
    assert detect([marker.embed(plain[0])]) is None


def test_the_mark_is_faint_and_fainter_on_bare_ground(plain: list[np.ndarray]) -> None:
    marker = WatermarkEmbedder(OUTPUT_ID, plain[0].shape[:2])
    for image in plain[::20]:
        kept = image.copy()
        change = marker.embed(image).astype(np.float32) - image
        assert np.array_equal(image, kept)
        assert 10 * np.log10(255**2 / np.mean(change**2)) >= 42
        inside = np.all((image > 10) & (image < 245), axis=2)
        assert np.array_equal(change[inside, 0], change[inside, 1])  # brightness alone: no hue
    bare = np.full((360, 640, 3), 120, np.uint8)
    bare[:, 320:] = cv2.randu(np.empty((360, 320, 3), np.uint8), 60, 180)
    change = marker.embed(bare).astype(np.float32) - bare
    assert np.std(change[:, :280]) < 0.5 * np.std(change[:, 360:])
    assert np.abs(change[:, :280]).max() <= 5


def test_a_face_is_marked_more_strongly(plain: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        embedder, "WITHOUT_FACES", embedder.Strength(texture=0.5, most=3.6, lines=360, mean=5.0)
    )  # else the rest of the frame would pay for the face
    shape = plain[0].shape[:2]
    mask = np.zeros(shape, np.uint8)
    mask[60:300, 200:440] = 255
    marker = WatermarkEmbedder(OUTPUT_ID, shape)

    def change(face: np.ndarray | None) -> np.ndarray:
        return marker.embed(plain[0], face).astype(np.float32) - plain[0]

    within, without = (slice(80, 280), slice(220, 420)), (slice(0, 360), slice(0, 160))
    assert np.std(change(mask)[within]) > 1.1 * np.std(change(None)[within])
    assert np.array_equal(change(mask)[without], change(None)[without])


def test_the_same_id_size_and_clip_give_the_same_mark(man: Path, plain: list[np.ndarray]) -> None:
    shape = plain[0].shape[:2]
    one, other = (WatermarkEmbedder(OUTPUT_ID, shape, like=man).embed(plain[5]) for _ in range(2))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (37, 23), (720, 404)])
def test_frames_of_any_size_are_marked(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "MAX_POSES", 1)  # one beside the upright one says as much as eight
    image = np.random.default_rng(2).integers(0, 256, (*shape, 3)).astype(np.uint8)
    marked = WatermarkEmbedder(1, shape).embed(image, np.full(shape, 255, np.uint8))
    assert marked.shape == image.shape and marked.dtype == np.uint8
    detect([marked])


def test_upright_clips_of_portrait_shape_are_read(plain: list[np.ndarray]) -> None:
    tall = [np.ascontiguousarray(image[:, 200:403]) for image in plain[::12]]
    marker = WatermarkEmbedder(OUTPUT_ID, tall[0].shape[:2])
    found = detect([marker.embed(image) for image in tall])
    assert found is not None and found.id == OUTPUT_ID


def test_wrong_requests_are_refused(tmp_path: Path, plain: list[np.ndarray]) -> None:
    with pytest.raises(UsageError, match="no output id"):
        WatermarkEmbedder(2**48, (10, 10))
    with pytest.raises(UsageError, match="cannot be marked"):
        WatermarkEmbedder(1, (0, 10))
    with pytest.raises(UsageError, match="must be"):
        WatermarkEmbedder(1, (10, 10)).embed(plain[0])
    with pytest.raises(MediaError, match="does not exist"):
        detect_file(tmp_path / "missing.mp4")
    cancel = CancelToken()
    cancel.set()
    with pytest.raises(CancelledError):
        detect(plain, cancel)
