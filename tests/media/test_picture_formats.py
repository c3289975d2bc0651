"""Tests of pictures: what the container says is read whole, whatever its name."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from heif_files import write_grid
from media_clips import make, number, picture
from PIL import Image

from effigie.errors import MediaError
from effigie.media import VideoReader, expand_paths, probe, read_still
from effigie.media.pictures.signature import read_kind

FRAMES = [picture(index) for index in range(6)]


def save(path, frames, **options):
    first, *rest = [Image.fromarray(frame) for frame in frames]
    animated = {"save_all": True, "append_images": rest} if rest else {}
    first.save(path, **animated, **options)
    return path


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def difference(image, wanted):
    """Mean absolute difference, grey levels."""
    return np.abs(image.astype(float) - wanted).mean()


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_heic_of_tiles_is_read_whole_and_turned(tmp_path, turns):
    image = picture(5, 200, 150)
    path = write_grid(tmp_path / "phone.heic", image, 64, turns)
    shown = np.rot90(image, turns)
    info = probe(path)
    assert (info.kind, info.width, info.height, info.codec) == ("still", shown.shape[1], shown.shape[0], "hevc")
    assert difference(read_still(path), shown) < 4
    with VideoReader(path) as reader:
        assert [frame.image.shape for frame in reader] == [shown.shape]


def test_a_heic_cut_short_is_told_in_one_line(tmp_path):
    path = write_grid(tmp_path / "phone.heic", picture(5, 200, 150), 64)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(MediaError, match="damaged"):
        read_still(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(MediaError, match="damaged"):
        probe(path)


@pytest.mark.parametrize(("suffix", "options"), [(".avif", {"quality": 95}), (".webp", {"quality": 95}), (".png", {})])
def test_animations_are_clips(tmp_path, suffix, options):
    path = save(tmp_path / f"a{suffix}", FRAMES, duration=80, **options)
    info = probe(path)
    assert (info.kind, info.frames) == ("animation", 6)
    with VideoReader(path) as reader:
        frames = list(reader)
    assert [number(frame.image) for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert [frame.time for frame in frames] == [Fraction(80 * index, 1000) for index in range(6)]


def test_pages_of_a_tiff_are_a_clip_and_others_are_said(tmp_path):
    path = save(tmp_path / "pages.tif", FRAMES, compression="tiff_lzw")
    info = probe(path)
    assert (info.kind, info.frames, info.rate, info.notes) == ("animation", 6, 25, ())
    with VideoReader(path, start=2, stop=5) as reader:
        assert [(frame.index, number(frame.image)) for frame in reader] == [(2, 2), (3, 3), (4, 4)]
    small = picture(0, 24, 16)
    path = save(tmp_path / "thumbnail.tif", [FRAMES[3], small])
    assert probe(path).kind == "still" and "first was read" in probe(path).notes[0]
    path = save(tmp_path / "mixed.tif", [*FRAMES, small])
    assert probe(path).frames == 6 and "1 of the 7 pages" in probe(path).notes[0]
    with VideoReader(path) as reader:
        assert len(list(reader)) == 6 and "1 of the 7 pages" in reader.notes[0]


@pytest.mark.parametrize("value", range(1, 9))
def test_an_avif_is_turned_as_it_says(tmp_path, value):
    save(tmp_path / "turned.avif", [FRAMES[3]], quality=95, exif=orientation(value))
    save(tmp_path / "turned.jpg", [FRAMES[3]], quality=95, exif=orientation(value))  # which OpenCV turns
    assert difference(read_still(tmp_path / "turned.avif"), read_still(tmp_path / "turned.jpg")) < 4


@pytest.mark.parametrize("value", range(1, 9))
def test_alpha_and_a_turn_go_together(tmp_path, value):
    rgba = np.dstack([FRAMES[3], np.full(FRAMES[3].shape[:2], 255, np.uint8)])
    rgba[:, :20, 3] = 0
    save(tmp_path / "cut.png", [rgba], exif=orientation(value))
    save(tmp_path / "whole.jpg", [rgba[..., :3] * (rgba[..., 3:] > 0)], quality=98, exif=orientation(value))
    assert difference(read_still(tmp_path / "cut.png"), read_still(tmp_path / "whole.jpg")) < 4


def test_sixteen_bits_and_alpha_show_nothing_hidden(tmp_path):
    rgba = np.dstack([FRAMES[3], np.full(FRAMES[3].shape[:2], 255, np.uint8)]).astype(np.uint16) * 257
    rgba[:, :20, 3] = 0
    rgba[:, 20:40, 3] = 32768
    cv2.imwrite(str(tmp_path / "deep.png"), rgba[..., [2, 1, 0, 3]])
    shown = read_still(tmp_path / "deep.png")
    assert not shown[:, :20].any()
    np.testing.assert_allclose(shown[:, 20:40], FRAMES[3][:, 20:40] / 2, atol=1)
    np.testing.assert_array_equal(shown[:, 40:], FRAMES[3][:, 40:])


@pytest.mark.parametrize(
    ("real", "called", "kind"),
    [
        ("a.heic", "a.jpg", "still"),
        ("a.avif", "a.png", "animation"),
        ("a.png", "a.jpg", "still"),
        ("a.jpg", "a.mp4", "still"),
        ("a.webp", "a.png", "animation"),
        ("a.gif", "a.jpg", "animation"),
        ("a.mp4", "a.jpg", "video"),
        ("a.mp4", "a.download", "video"),
        ("a.tif", "a.gif", "animation"),
    ],
)
def test_a_wrong_name_changes_nothing(tmp_path, real, called, kind):
    path = tmp_path / real
    if real == "a.heic":
        write_grid(path, FRAMES[3], 64)
    elif real == "a.mp4":
        make(path, count=3)
    else:
        save(path, FRAMES[3:4] if real in ("a.png", "a.jpg") else FRAMES)
    before = probe(path)
    path.rename(tmp_path / called)
    after = probe(tmp_path / called)
    assert (after.kind, after.frames, after.width, after.height) == (kind, before.frames, before.width, before.height)
    assert expand_paths(tmp_path / called) == [tmp_path / called]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", None),
        (b"words", None),
        (b"II*\0", None),
        (b"MM\0*\0\0\0\x08\xff\xff", "tiff"),
        (b"\0\0\0\x18ftypavif", "avif"),
        (b"RIFF\0\0\0\0WEBPVP8X", "webp"),
        (b"\xff\xff\xff\xffftypheic" + b"heic" * 2000, "heif"),
    ],
)
def test_broken_heads(tmp_path, data, kind):
    (tmp_path / "x").write_bytes(data)
    assert read_kind(tmp_path / "x") == kind
    with pytest.raises(MediaError):
        probe(tmp_path / "x")
    assert read_kind(tmp_path / "missing") is None
