"""Tests of layers: over the footage, in another program, they are the output; and they can be traced as it can."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import effigie
from effigie.errors import EffigieError, UsageError
from effigie.faces.analyzer import Face
from effigie.faces.mesh import Pose
from effigie.media import EncodeSettings, VideoReader, probe
from effigie.media.layers import writer as layer_writer
from effigie.media.layers.picture import read_whole
from effigie.media.output import place
from effigie.media.pictures.exr import write_exr
from effigie.media.pixel_shape import PixelGrid
from effigie.provenance import TrustSettings, plan_signed_output
from effigie.provenance.batch import list_files
from effigie.swap import ConvertSettings, convert, convert_clips
from effigie.swap.editing.shot_settings import ShotSettings
from effigie.swap.inference.people.track import describe_face
from effigie.swap.inference.swapper import SwappedFace

OpenEXR = pytest.importorskip("OpenEXR")
COUNT = 4
LOSSLESS = EncodeSettings(codec="ffv1")
LANDMARKS = 478


def run(model, clip, folder, name="out.mkv", **options):
    settings = ConvertSettings(encode=LOSSLESS, max_frames=COUNT, layers=folder / "layers", **options)
    if name == "frames":
        settings = replace(settings, encode=EncodeSettings(codec="png"))
    return convert(model, clip, folder / name, settings)


def read_layers(folder):
    return [OpenEXR.File(str(path)).channels()["RGBA"].pixels for path in sorted(folder.glob("*.exr"))]


def read_tracks(folder):
    return [json.loads(line) for line in (folder / "tracking.jsonl").read_text("utf-8").splitlines()]


def pictures(clip):
    """(H, W, 3) float R'G'B' in the footage's transfer, of each frame."""
    with VideoReader(clip, stop=COUNT, native=True) as reader:
        return [read_whole(frame.native) for frame in reader]


def compose(layer, footage):
    layer = layer.astype(np.float64)
    return layer[..., :3] + (1 - layer[..., 3:]) * footage


@pytest.mark.parametrize(
    "kind", ["8-bit", "PQ", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("HLG", "alpha", "RGB", "grey"))]
)
def test_layers_over_the_footage_are_the_output(quick_model, footage, tmp_path, kind):
    clip = footage(kind)
    report = run(quick_model, clip, tmp_path)
    layers = read_layers(tmp_path / "layers")
    assert report.swapped == len(layers) == COUNT
    code_value = 1 / (255 if kind == "8-bit" else 1023)
    for before, after, layer in zip(pictures(clip), pictures(tmp_path / "out.mkv"), layers, strict=True):
        assert np.abs(compose(layer, before) - after).max() < 0.02 * code_value
        # The matte is that of a face, whole in its middle; the mark lies outside of it too.
        alpha = layer[..., 3]
        assert alpha.min() == 0 and alpha.max() > 0.99 and 0.01 < (alpha > 0.5).mean() < 0.5
        assert np.abs(layer[..., :3][alpha == 0]).max() > 0


def test_frames_of_png_are_layers_too(quick_model, footage, tmp_path):
    """What lies in the PNG files, of RGB footage."""
    clip = footage("8-bit RGB")
    run(quick_model, clip, tmp_path, "frames")
    made = [cv2.imread(str(path))[..., ::-1] / 255 for path in sorted((tmp_path / "frames").glob("*.png"))]
    for before, after, layer in zip(pictures(clip), made, read_layers(tmp_path / "layers"), strict=True):
        assert np.abs(compose(layer, before) - after).max() < 0.02 / 255


def compose_by_ffmpeg(clip, layers):
    """Frames of RGB footage under the layers, read and composed by FFmpeg alone: (H, W, 3) in 0..1."""
    composed = []
    with av.open(str(clip)) as container, av.open(str(layers / "%06d.exr"), format="image2") as pictures:
        for frame, layer in zip(container.decode(video=0), pictures.decode(video=0), strict=True):
            graph = av.filter.Graph()
            size = {"width": frame.width, "height": frame.height, "time_base": frame.time_base}
            footage = graph.add_buffer(format="gbrpf32le", **size)
            over = graph.add_buffer(format=layer.format.name, **size)
            split, alpha = graph.add("split"), graph.add("extractplanes", "a")
            planes = "map0s=0:map0p=0:map1s=0:map1p=0:map2s=0:map2p=0:format=gbrpf32le"
            matte, color = graph.add("mergeplanes", planes), graph.add("extractplanes", "r+g+b")
            joined = graph.add("mergeplanes", "map0s=1:map0p=0:map1s=2:map1p=0:map2s=0:map2p=0:format=gbrpf32le")
            kept, total = graph.add("blend", "all_expr=A*(1-B)"), graph.add("blend", "all_expr=A+B")
            sink = graph.add("buffersink")
            over.link_to(split)
            split.link_to(alpha, 0, 0)
            split.link_to(color, 1, 0)
            alpha.link_to(matte)
            for number in range(3):
                color.link_to(joined, number, number)
            footage.link_to(kept, 0, 0)
            matte.link_to(kept, 0, 1)
            kept.link_to(total, 0, 0)
            joined.link_to(total, 0, 1)
            total.link_to(sink)
            graph.configure()
            plain = frame.reformat(format="gbrpf32le")
            plain.pts = layer.pts = 0
            plain.time_base = layer.time_base = frame.time_base
            footage.push(plain)
            over.push(layer)
            footage.push(None)
            over.push(None)
            composed.append(graph.pull().to_ndarray())
    return composed


@pytest.mark.parametrize("kind", ["8-bit RGB", "RGB"])
def test_another_program_makes_the_same_picture_of_them(quick_model, footage, tmp_path, kind):
    """FFmpeg reads the EXR files and the footage, and lays the ones over the other: within one code value."""
    clip = footage(kind)
    run(quick_model, clip, tmp_path)
    composed = compose_by_ffmpeg(clip, tmp_path / "layers")
    with av.open(str(tmp_path / "out.mkv")) as container:
        made = [frame.reformat(format="gbrpf32le").to_ndarray() for frame in container.decode(video=0)]
    assert len(composed) == len(made) == COUNT
    code_value = 1 / (1023 if kind == "RGB" else 255)
    assert max(np.abs(one - other).max() for one, other in zip(composed, made, strict=True)) <= code_value


def test_tracking_data_say_where_the_face_is(quick_model, footage, tmp_path):
    """In frames that were left as they are there is none, and their layers are empty; numbers have no holes."""
    clip, skipped = footage("8-bit"), 1
    trust, shots = TrustSettings(watermark=False), (ShotSettings(skipped, skipped, skip=True),)
    run(quick_model, clip, tmp_path, trust=trust, shots=shots)
    names = sorted(path.name for path in (tmp_path / "layers").glob("*.exr"))
    assert names == [f"{number:06d}.exr" for number in range(COUNT)]
    layers, lines = read_layers(tmp_path / "layers"), read_tracks(tmp_path / "layers")
    with VideoReader(clip, stop=COUNT) as reader:
        times = [float(frame.time) for frame in reader]
    assert [line["frame"] for line in lines] == list(range(COUNT))
    assert [line["time"] for line in lines] == pytest.approx(times, abs=1e-6)
    for number, (layer, line) in enumerate(zip(layers, lines, strict=True)):
        if number == skipped:
            assert not line["faces"] and not layer.any()
            continue
        (face,) = line["faces"]
        assert face["model"] == quick_model.name and face["opacity"] == 1 and abs(face["yaw"]) < 20
        landmarks = np.array(face["landmarks"])
        assert landmarks.shape == (LANDMARKS, 3)
        # The matte lies where the landmarks are, and the matrix takes both into the square that the face was made in.
        rows, columns = np.nonzero(layer[..., 3] > 0.5)
        size = np.ptp(landmarks[:, 0])
        assert np.abs(landmarks[:, 0].mean() - columns.mean()) < 0.1 * size
        assert np.abs(landmarks[:, 1].mean() - rows.mean()) < 0.15 * size
        placed = landmarks[:, :2] @ np.array(face["matrix"])[:, :2].T + np.array(face["matrix"])[:, 2]
        assert placed.min() > 0 and placed.max() < face["side"]
        assert np.ptp(placed[:, 0]) > 0.4 * face["side"]


def test_places_are_in_pixels_of_the_layer():
    """Of a file whose pixels are twice as wide as high."""
    grid = PixelGrid((100, 80), (200, 80))
    landmarks = np.zeros((LANDMARKS, 3), np.float32)
    landmarks[0] = (99.5, 40, 10)  # the border of two shown pixels, the middle of the file's 50th
    pose = Pose(np.diag([1.0, -1, -1]), 1.0, np.zeros(3))
    face = Face(3, landmarks, np.zeros(52), 1.0, pose, np.zeros(4))
    matrix = np.array([[2, 0, -100], [0, 2, -20]], float)
    swapped = SwappedFace(np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32), matrix, 0.5)
    told = describe_face("model", face, swapped, grid, field=1)
    assert told["landmarks"][0] == [49.5, 40, 5]
    assert (told["track"], told["field"], told["opacity"], told["side"]) == (3, 1, 0.5, 64)
    assert np.array(told["matrix"]) @ (49.5, 40, 1) == pytest.approx(matrix @ (99.5, 40, 1))


def test_layers_are_signed_as_a_whole(quick_model, footage, tmp_path):
    report, folder = run(quick_model, footage("8-bit"), tmp_path), tmp_path / "layers"
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".exr") == [
        *("layers.c2pa", "layers.json", "notice.txt", "tracking.jsonl")
    ]
    for path in (folder, folder / "layers.json", folder / "000002.exr"):
        found = effigie.verify(path)
        assert found.verdict == "made-by-effigie" and found.credentials.output_id == report.output_id
        assert found.ledger is not None and found.ledger.entry.output_id == report.output_id
    assert OpenEXR.File(str(folder / "000000.exr")).header()["effigie/output"] == report.output_id
    assert list(list_files([tmp_path])) == [folder / "layers.json", tmp_path / "out.mkv"]
    shutil.copy(folder / "000000.exr", folder / "000001.exr")
    (folder / "000003.exr").unlink()
    shutil.copy(folder / "000000.exr", folder / "000009.exr")
    found = effigie.verify(folder)
    assert found.verdict == "broken"
    problems = "\n".join(found.credentials.problems)
    for words in ("000001.exr is changed", "000003.exr is missing", "000009.exr is not in"):
        assert words in problems
    assert effigie.verify(folder / "000001.exr").verdict == "broken"
    assert effigie.verify(folder / "000002.exr").verdict == "made-by-effigie"


def test_what_stands_against_layers_is_said_before_the_first_frame(man, tmp_path, monkeypatch):
    def plan(folder):
        return plan_signed_output(man, tmp_path / "out.mkv", layers=tmp_path / folder)

    planned = plan("layers")
    info = probe(man)
    assert f"{info.width}x{info.height}" in next(line for line in planned.lines if line.startswith("layers: "))
    assert planned.bytes_needed > planned.layers.bytes_needed > info.width * info.height * info.frames
    assert not (tmp_path / "layers").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "000000.exr").touch()
    plan("other")
    (tmp_path / "other" / "notes.txt").touch()
    (tmp_path / "file").touch()
    for name, words in {
        "other": r"holds more than layers \(notes.txt\): choose another name",
        "file": "is a file, and layers are written into a folder",
        "one.exr": "drop its suffix",
        "out.mkv": "lie in each other",
        "out.mkv/layers": "lie in each other",
    }.items():
        with pytest.raises(UsageError, match=words):
            plan(name)
    usage, room = shutil.disk_usage("/").__class__, planned.layers.bytes_needed // 5
    with monkeypatch.context() as patch:
        patch.setattr(place.shutil, "disk_usage", lambda path: usage(1 << 40, 1 << 40, room))
        with pytest.raises(EffigieError, match=r"layers will take about .* free some space"):
            plan("layers")
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(UsageError, match=r"pip install 'effigie\[film\]'"):
        plan("layers")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_leaves_neither_layers_nor_output(quick_model, footage, tmp_path, monkeypatch):
    def fill(path, *arguments):
        if path.name == "000001.exr":
            path.symlink_to("/dev/full")
        write_exr(path, *arguments)

    monkeypatch.setattr(layer_writer, "write_exr", fill)
    clip = footage("8-bit")
    with pytest.raises(EffigieError, match=r"disk full while writing .*layers: free some space"):
        run(quick_model, clip, tmp_path)
    assert not list(tmp_path.iterdir())


def test_layers_are_of_one_clip(tmp_path, man):
    with pytest.raises(UsageError, match="layers are for one clip"):
        convert_clips(tmp_path / "model", [man, man], tmp_path / "out", ConvertSettings(layers=tmp_path / "layers"))
    with pytest.raises(UsageError, match="name two folders"):
        ConvertSettings(layers=tmp_path / "one", masks=tmp_path / "one")
