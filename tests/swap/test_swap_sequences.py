"""Tests of conversions of picture sequences: read as one clip, written in the footage's own kind, signed."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import islice

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile

from effigie.media import FootageSettings, VideoReader, probe
from effigie.media.view_transfer import find_view_curve
from effigie.provenance import TrustSettings, verify
from effigie.swap import ConvertSettings, convert

COUNT = 3
HIGHLIGHT = slice(10, 40), slice(20, 60)


@pytest.fixture(scope="module")
def plates(man, tmp_path_factory):
    """plates(kind) -> a pattern: the man's first frames with a highlight of eight times white, or of white."""

    def make(kind):
        folder = tmp_path_factory.mktemp("plates")
        random = np.random.default_rng(0)
        with VideoReader(man) as reader:
            for number, frame in enumerate(islice(reader, COUNT), 1001):
                path = folder / f"man.{number}.{ {'png': 'png', 'tiff': 'tif'}.get(kind, 'exr') }"
                # Between the steps of eight bits, so that nothing survives that was ever rounded to them.
                shown = np.clip((frame.image + random.random(frame.image.shape)) / 256, 0, 1).astype(np.float32)
                if kind == "exr":
                    light = find_view_curve("srgb").restore(shown).astype(np.float16)
                    light[HIGHLIGHT] = 8
                    depth = random.random(light.shape[:2], np.float32)
                    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
                    header |= {"framesPerSecond": Fraction(24), "reelName": "A001"}
                    colors = {name: np.ascontiguousarray(light[..., n]) for n, name in enumerate("RGB")}
                    OpenEXR.File(header, {**colors, "Z": depth}).write(str(path))
                    continue
                deep = np.rint(shown * 65535).astype(np.uint16)
                deep[HIGHLIGHT] = 65535
                if kind == "png":
                    cv2.imwrite(str(path), deep[..., ::-1])
                else:
                    tifffile.imwrite(path, deep, photometric="rgb", metadata=None)
        return folder / f"man.####{path.suffix}"

    return make


def read_samples(path):
    """Every channel by its name."""
    if path.suffix == ".exr":
        with OpenEXR.File(str(path), separate_channels=True) as file:
            return {name: channel.pixels.copy() for name, channel in file.channels().items()}
    samples = tifffile.imread(path) if path.suffix == ".tif" else cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]
    return {name: np.ascontiguousarray(samples[..., n]) for n, name in enumerate("RGB")}


@pytest.mark.parametrize(
    "kind", ["exr", pytest.param("png", marks=pytest.mark.slow), pytest.param("tiff", marks=pytest.mark.slow)]
)
def test_outside_of_the_mask_every_sample_is_the_footages(quick_model, plates, tmp_path, kind):
    clip = plates(kind)
    settings = ConvertSettings(trust=TrustSettings(watermark=False), masks=tmp_path / "masks")
    report = convert(quick_model, clip, tmp_path / "out", settings)
    assert (report.frames, report.swapped) == (COUNT, COUNT)
    masks = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((tmp_path / "masks").iterdir())]
    for number, mask in zip(range(1001, 1001 + COUNT), masks, strict=True):
        name = f"man.{number}{clip.suffix}"
        before, after = read_samples(clip.parent / name), read_samples(tmp_path / "out" / name)
        assert before.keys() == after.keys()
        for channel in before:
            assert before[channel].dtype == after[channel].dtype
            assert np.array_equal(before[channel][mask == 0], after[channel][mask == 0])
            if channel != "Z":
                assert (before[channel] != after[channel])[mask > 128].mean() > 0.9
        if kind == "exr":
            assert np.array_equal(before["Z"], after["Z"]) and (after["R"][HIGHLIGHT] == 8).all()
            assert np.isfinite(after["R"]).all() and after["R"][mask > 128].min() > -0.01
    assert verify(tmp_path / "out" / name).credentials.state in ("valid", "trusted")


def test_what_is_made_looks_the_same_in_floats_as_in_integers(quick_model, plates, tmp_path):
    """Scene-linear EXR and display-referred PNG of one picture give the same face, as it is shown."""
    settings, shown = ConvertSettings(trust=TrustSettings(watermark=False), max_frames=1), []
    for kind in ("exr", "png"):
        convert(quick_model, plates(kind), tmp_path / kind, settings)
        with VideoReader(next((tmp_path / kind).glob("*.[ep][xn][rg]"))) as reader:
            shown.append(next(iter(reader)).image[50:].astype(int))
    difference = np.abs(shown[0] - shown[1])
    assert difference.mean() < 0.3, difference.mean()
    assert np.quantile(difference, 0.999) <= 3, np.quantile(difference, [0.99, 0.999])


@pytest.mark.slow
def test_a_sequence_through_the_command_line(quick_model, plates, tmp_path, here):
    clip, model = plates("exr"), str(quick_model)
    said = " ".join(here("convert", model, clip, "--frames-to", tmp_path / "out", "--dry-run").out.split())
    assert "a folder of EXR files, man.1001.exr to man.1003.exr" in said
    assert "in frames.json, which lists every picture" in said and "reel A001" not in said
    made = json.loads(here("convert", model, clip, "--frames-to", tmp_path / "out", "--json").out)
    assert made["frames"] == COUNT
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        *("frames.c2pa", "frames.json"), *(f"man.{number}.exr" for number in range(1001, 1001 + COUNT))
    ]  # fmt: skip
    whole = verify(tmp_path / "out")
    assert (whole.verdict, whole.credentials.output_id) == ("made-by-effigie", made["output_id"])
    assert whole.watermark is not None and whole.watermark.id == made["output_id"]
    one = verify(tmp_path / "out" / "man.1002.exr")
    assert (one.verdict, one.credentials.output_id) == ("made-by-effigie", made["output_id"])
    (tmp_path / "out" / "man.1002.exr").write_bytes((clip.parent / "man.1002.exr").read_bytes())
    changed = verify(tmp_path / "out")
    assert changed.verdict == "broken" and any("man.1002.exr is changed" in p for p in changed.credentials.problems)
    # A folder of clips: the sequence is one of them, by its name.
    pattern = str(clip.parent / "man.*.exr")
    assert here("convert", model, pattern, "-o", f"{tmp_path / 'clips'}/", "--sequence-rate", "30").code == 0
    assert probe(tmp_path / "clips" / "man.mp4").rate == 30


def test_a_sequence_rate_reaches_the_output(quick_model, plates, tmp_path):
    settings = ConvertSettings(footage=FootageSettings(sequence_rate="23.976"), max_frames=2)
    report = convert(quick_model, plates("png"), tmp_path / "out.mov", settings)
    assert probe(tmp_path / "out.mov").rate == Fraction(24000, 1001)
    assert not any("frame rate" in note for note in report.notes)
