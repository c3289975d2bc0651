"""Tests of conversion through the real command line, and of what it must not change."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from effigie.media import EncodeSettings, VideoReader, VideoWriter
from effigie.swap import ConvertSettings, SwapSettings, convert, train
from effigie.swap.checkpoint import load_swap

PNG = EncodeSettings(codec="png")


def frames_of(path, stop=None):
    with VideoReader(path, stop=stop) as reader:
        return [(frame.time, frame.image) for frame in reader]


def packets(path):
    """Sound as it lies in the file: time and bytes of every packet."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.pts is not None]


def pictures(folder):
    return [cv2.imread(str(path))[..., ::-1] for path in sorted(folder.iterdir())]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def swapped(model, man, run_once, tmp_path_factory):
    """The man's clip with the woman's face, through the command line."""
    folder = tmp_path_factory.mktemp("golden")
    ended = run_once("convert", model, man, "-o", "out.mp4", "--masks", "masks", "--json", cwd=folder)
    assert ended.code == 0, ended.err
    return folder, json.loads(ended.out)


def test_training_says_what_it_did(model_made):
    assert "2 steps" in model_made.ended.out
    assert "held-out error" in model_made.ended.out
    kept = names(model_made.path)
    assert {"config.json", "swap.safetensors", "people.safetensors", "bank", "manifest.json"} <= set(kept)
    assert {"curve.png", "curve.csv", "preview.png"} <= set(kept)
    assert not [name for name in kept if name.startswith(".")]
    manifest = json.loads((model_made.path / "manifest.json").read_text())
    assert manifest["trained_on"]["source"]["faces"] == 24
    assert manifest["trained_on"]["target"]["faces"] == 24
    assert manifest["steps"] == 2


def test_nothing_but_the_outputs_is_left(swapped):
    folder, report = swapped
    assert names(folder) == ["masks", "out.mp4", "out.mp4.notice.txt"]
    assert (report["frames"], report["swapped"]) == (72, 72)
    assert all("the source never opens it so" in note for note in report["notes"])
    assert {"decode", "landmarks", "warp", "network", "compose", "encode"} <= set(report["stages"])


def test_same_frames_same_times_same_sound(swapped, man):
    folder, _ = swapped
    before, after = frames_of(man), frames_of(folder / "out.mp4")
    assert len(after) == 72
    assert [time for time, _ in after] == [time for time, _ in before]
    assert packets(folder / "out.mp4") == packets(man)
    assert after[0][1].shape == before[0][1].shape


def test_the_face_changes_and_nothing_else(swapped, man, tmp_path):
    """Outside the mask only the encoder's own error is left: that of the input encoded alike."""
    folder, _ = swapped
    with VideoReader(man, native=True) as reader, VideoWriter(tmp_path / "again.mp4", reader.info) as writer:
        for frame in reader:
            writer.write(frame.native, frame.time, frame.duration)
    inside, outside = [], []
    masks = pictures(folder / "masks")
    assert len(masks) == 72
    for (_, made), (_, plain), mask in zip(
        frames_of(folder / "out.mp4"), frames_of(tmp_path / "again.mp4"), masks, strict=True
    ):
        assert 0.02 < (mask[..., 0] > 127).mean() < 0.2
        difference = np.abs(made.astype(float) - plain).mean(2)
        # Motion vectors and chroma carry a little of the face a few pixels out of its mask.
        near = cv2.dilate(mask[..., 0], np.ones((17, 17))) > 0
        inside.append(difference[mask[..., 0] > 200].mean())
        outside.append((difference[~near] ** 2).mean())
    assert np.mean(inside) > 6
    assert 10 * np.log10(255**2 / np.mean(outside)) > 40


def test_who_comes_late(quick_model, sample, tmp_path, here):
    """A clip of uneven frame times: 12 frames of sky, then the man; the sky passes through."""
    clip = tmp_path / "enters.mp4"
    encode = EncodeSettings(crf=8, keep_audio=False)
    with VideoReader(sample("sample_man_enters"), 84, 104) as reader, VideoWriter(clip, reader.info, encode) as writer:
        for frame in reader:
            writer.write(frame.image, frame.time, frame.duration)
    ended = here("convert", quick_model, clip, "-o", "out.mp4", "--frames", 18, "--masks", "masks", "--json")
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    assert (report["frames"], report["swapped"]) == (18, 6)
    before, after = frames_of(clip, 18), frames_of(tmp_path / "out.mp4")
    assert [time for time, _ in after] == [time for time, _ in before]
    assert len({after - before for before, after in itertools.pairwise(time for time, _ in before)}) > 2
    for index, mask in enumerate(pictures(tmp_path / "masks")):
        assert (mask > 0).any() == (index >= 12)
    quiet = [np.abs(a.astype(int) - b).mean() for (_, a), (_, b) in zip(before[:12], after, strict=False)]
    assert max(quiet) < 3


def test_a_face_that_comes_and_goes(quick_model, man, tmp_path):
    """Nobody for some frames in the middle, at uneven times; the swap begins anew without a ghost."""
    people = [image for _, image in frames_of(man, 14)]
    nobody = np.full_like(people[0], 90)
    shown = [*people[:7], *[nobody] * 4, *people[7:]]
    times = [Fraction(index * index + 20 * index, 1000) for index in range(len(shown))]
    with VideoReader(man) as reader, VideoWriter(tmp_path / "in.mp4", reader.info) as writer:
        for time, image in zip(times, shown, strict=True):
            writer.write(image, time)
    settings = ConvertSettings(masks=tmp_path / "masks")
    report = convert(quick_model, tmp_path / "in.mp4", tmp_path / "out.mp4", settings)
    assert (report.frames, report.swapped) == (18, 14)
    assert [t for t, _ in frames_of(tmp_path / "out.mp4")] == [t for t, _ in frames_of(tmp_path / "in.mp4")]
    touched = [bool((mask > 0).any()) for mask in pictures(tmp_path / "masks")]
    assert touched == [True] * 7 + [False] * 4 + [True] * 7


def test_the_classic_autoencoder_stands_on_its_own(few_faces, man, tmp_path, narrow):
    """`--prior none`: trained, saved, loaded, converted."""
    train(*few_faces, tmp_path / "model", SwapSettings(prior="none", steps=2, batch=2, bank=8))
    loaded = load_swap(tmp_path / "model")
    assert not loaded.prior
    report = convert(tmp_path / "model", man, tmp_path / "out", ConvertSettings(encode=PNG, max_frames=3))
    assert (report.frames, report.swapped) == (3, 3)
    for (_, before), after in zip(frames_of(man, 3), pictures(tmp_path / "out"), strict=True):
        assert (np.abs(before.astype(int) - after).max(2) > 10).mean() > 0.01


def test_a_still_is_a_clip_of_one_frame(quick_model, portrait, tmp_path, here):
    cv2.imwrite(str(tmp_path / "in.png"), portrait[..., ::-1])
    ended = here("convert", quick_model, "in.png", "-o", "out.png")
    assert ended.code == 0, ended.err
    assert "1 of 1 frame swapped" in ended.out
    made = cv2.imread(str(tmp_path / "out.png"))[..., ::-1]
    assert made.shape == portrait.shape
    assert (made != portrait).any()


def test_the_python_way_tells_progress_and_stops(quick_model, man, tmp_path):
    from effigie.errors import CancelledError
    from effigie.progress import CancelToken

    cancel, seen = CancelToken(), []

    def progress(report):
        seen.append(report)
        if report.stage == "convert" and report.done == 3:
            cancel.set()

    with pytest.raises(CancelledError):
        convert(quick_model, man, tmp_path / "out.mp4", progress=progress, cancel=cancel)
    assert names(tmp_path) == []
    steps = [report for report in seen if report.stage == "convert"]
    assert [report.done for report in steps] == [1, 2, 3]
    assert {report.total for report in steps} == {72}
