"""Tests of converting a list of clips: traced like single ones, equal for every engine, refused without consent."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import effigie
from effigie import JobSettings
from effigie.errors import UsageError
from effigie.media import VideoReader
from effigie.provenance import TrustSettings
from effigie.swap import ConvertSettings

PLAIN = ConvertSettings(max_frames=3, trust=TrustSettings(watermark=False))


@pytest.fixture(scope="module")
def footage(man, cut, tmp_path_factory):
    """Two stretches of the man, of one file name, and one that is no clip."""
    folder = tmp_path_factory.mktemp("footage")
    for number in range(2):
        (folder / str(number)).mkdir()
        cut(man, folder / str(number) / "talk.mp4", 10 * number, 10 * number + 6)
    (folder / "broken.mp4").write_bytes(man.read_bytes()[:5000])
    return folder


@pytest.fixture(scope="module")
def converted(quick_model, footage, tmp_path_factory):
    """The outputs of a job of two workers, without the mark, which differs in every output."""
    output = tmp_path_factory.mktemp("job") / "out"
    report = effigie.convert_clips(
        quick_model, [footage / "0", footage / "1"], output, PLAIN, JobSettings(workers=2, container="frames")
    )
    assert (report.completed, report.frames, report.failed) == (2, 6, {})
    return output


def pictures(folder):
    shown = {}
    for clip in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        with VideoReader(clip) as reader:
            shown[clip.name] = np.stack([frame.image for frame in reader])
    return shown


@pytest.fixture(scope="module")
def singles(quick_model, footage, tmp_path_factory):
    """Of each stretch, what single conversions make, in either precision: a job measures which of them is faster."""
    completed = []
    for number in range(2):
        completed.append([])
        for precision in ("fp32", "bf16"):
            folder = tmp_path_factory.mktemp(f"single-{number}-{precision}")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("effigie.training.device._fixed_precision", precision)
                effigie.convert(quick_model, footage / str(number) / "talk.mp4", folder / "out", PLAIN)
            completed[-1].append(pictures(folder)["out"])
    return completed


def alike(one, other):
    """Whether pictures are the same but for the order in which threads, more here than there, have summed."""
    assert one.shape == other.shape
    difference = np.abs(one.astype(int) - other)
    return difference.max() <= 2 and (difference > 0).mean() < 0.01


def same(folder, singles):
    """Whether a job made what single conversions do, of both clips in one precision."""
    shown = list(pictures(folder).values())
    assert len(shown) == len(singles) == 2
    return any(
        all(any(alike(picture, single[number]) for picture in shown) for single in singles) for number in range(2)
    )


def test_on_the_command_line(here, quick_model, footage, tmp_path):
    arguments = ("convert", quick_model, footage, "-o", "out", "--frames", 4, "--workers", 2)
    ended = here(*arguments)
    assert ended.code == 1
    assert "broken.mp4" in ended.line()
    assert "2 clips made (8 frames" in ended.out
    assert "1 failed" in ended.out
    outputs = sorted((tmp_path / "out").glob("*.mp4"))
    assert len(outputs) == 2
    for output in outputs:
        assert output.name.startswith("talk-")
        assert output.with_name(f"{output.name}.notice.txt").is_file()
        assert effigie.verify(output).verdict == "made-by-effigie"
    again = here(*arguments, "--retries", 0, "--json")
    said = json.loads(again.out)
    assert (said["made"], said["there"], len(said["failed"])) == (0, 2, 1)


def test_two_workers_make_what_single_conversions_do(converted, singles):
    assert same(converted, singles)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: effigie[ray]")
def test_ray_makes_the_same(quick_model, footage, tmp_path, singles):
    job = JobSettings(workers=2, engine="ray", container="frames")
    report = effigie.convert_clips(quick_model, [footage / "0", footage / "1"], tmp_path / "ray", PLAIN, job)
    assert (report.completed, report.failed) == (2, {})
    assert same(tmp_path / "ray", singles)


def test_without_consent_nothing_is_begun(here, quick_model, footage, tmp_path, monkeypatch):
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))
    bare = shutil.copytree(quick_model, tmp_path / "model")
    shutil.rmtree(bare / "consents")
    ended = here("convert", bare, footage, "-o", "out")
    assert ended.code == 3
    assert not (tmp_path / "out").exists()


def test_a_changed_model_is_another(quick_model, footage, converted, tmp_path):
    changed = shutil.copytree(quick_model, tmp_path / "model")
    manifest = json.loads((changed / "manifest.json").read_text())
    (changed / "manifest.json").write_text(json.dumps({**manifest, "note": "trained on"}))
    out = shutil.copytree(converted, tmp_path / "out")
    job = JobSettings(workers=1, container="frames")
    assert effigie.convert_clips(quick_model, footage / "0", out, PLAIN, job).skipped == 1
    assert effigie.convert_clips(changed, footage / "0", out, PLAIN, job).completed == 1


def test_what_is_for_one_clip_alone(here, quick_model, footage):
    with pytest.raises(UsageError, match="one clip"):
        effigie.convert_clips(quick_model, footage, "out", ConvertSettings(masks=Path("masks")))
    assert here("convert", quick_model, footage, "-o", "out.mp4").code == 2
    assert here("convert", quick_model, footage, "-o", "out", "--container", "avi").code == 2
    assert here("convert", quick_model, footage, "-o", "out", "--engine", "slurm").code == 2


def test_to_and_from_an_address(here, quick_model, man, tmp_path):
    import fsspec

    fsspec.filesystem("memory").put_file(str(man), "/in/man.mp4")
    ended = here("convert", quick_model, "memory://in/man.mp4", "-o", "memory://out/swapped.mp4", "--frames", 3)
    assert ended.code == 0, ended.err
    assert "memory://out/swapped.mp4" in ended.out
    fsspec.filesystem("memory").get_file("/out/swapped.mp4", str(tmp_path / "swapped.mp4"))
    with VideoReader(tmp_path / "swapped.mp4") as reader:
        assert sum(1 for _ in reader) == 3
    assert here("convert", quick_model, "memory://in/man.mp4", "-o", "memory://out/swapped.mp4").code == 2
