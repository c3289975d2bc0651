"""Tests of bad input to training and conversion, and of interruptions: one line, the exit code, no torn file."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal

import pytest

from effigie.cli.console import INTERRUPT
from effigie.errors import ModelError
from effigie.faceset import FaceSet
from effigie.swap import SwapSettings, load_swap, train

QUICK = ("--batch", 2, "--precision", "fp32")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def litter(folder):
    """Temporary files anywhere below a folder."""
    return [path for path in folder.rglob("*") if ".partial" in path.name]


@pytest.fixture
def copy(quick_model, tmp_path):
    """A copy of the model that may be damaged."""
    shutil.copytree(quick_model, tmp_path / "model")
    return tmp_path / "model"


def steps_of(model):
    return json.loads((model / "training" / "state.json").read_text())["step"]


@contextlib.contextmanager
def full_disk(size):
    """A limit on file size stands in for it: the same calls fail in the same places."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def signalled(monkeypatch):
    """signalled(verb, number) -> what the verb reports of its stage of that name; the signal comes at the first."""

    def prepare(verb, number):
        told = []

        def report(progress):
            if progress.stage == verb:
                told.append(progress)
                os.kill(os.getpid(), number)

        monkeypatch.setattr(f"effigie.cli.{verb}.progress_display", lambda: contextlib.nullcontext(report))
        return told

    yield prepare
    INTERRUPT._event.clear()  # a process is asked to stop once; this one goes on


# --- conversion: bad clips ---


@pytest.mark.parametrize("content", [b"", b"just some words\n" * 99], ids=["empty", "text"])
def test_no_clip(here, quick_model, tmp_path, content):
    (tmp_path / "in.mp4").write_bytes(content)
    ended = here("convert", quick_model, "in.mp4", "-o", "out.mp4")
    assert ended.code == 1
    assert "in.mp4" in ended.line()
    assert names(tmp_path) == ["in.mp4"]


def test_no_such_clip(here, quick_model, tmp_path):
    ended = here("convert", quick_model, "in.mp4", "-o", "out.mp4")
    assert ended.code == 1
    assert "in.mp4" in ended.line()
    assert names(tmp_path) == []


def test_a_clip_cut_short(here, quick_model, man, tmp_path):
    data = man.read_bytes()
    (tmp_path / "in.mp4").write_bytes(data[: len(data) // 2])
    ended = here("convert", quick_model, "in.mp4", "-o", "out.mp4", "--frames", 3)
    if ended.code == 0:  # its index stood at the beginning
        assert "3 of 3 frames swapped" in ended.out
        assert names(tmp_path) == ["in.mp4", "out.mp4"]
    else:
        assert ended.code == 1
        assert "in.mp4" in ended.line()
        assert names(tmp_path) == ["in.mp4"]


def test_a_clip_without_a_face(here, quick_model, sample, tmp_path):
    ended = here("convert", quick_model, sample("sample_no_face"), "-o", "out.mp4", "--masks", "masks", "--frames", 20)
    assert ended.code == 1
    assert "shows no face" in ended.line()
    assert names(tmp_path) == []


def test_a_clip_of_somebody_else(here, quick_model, woman, tmp_path):
    ended = here("convert", quick_model, woman, "-o", "out.mp4", "--frames", 12)
    assert ended.code == 1
    assert "--person" in ended.line()
    assert names(tmp_path) == []


def test_the_output_is_the_input(here, quick_model, man, tmp_path):
    shutil.copy(man, tmp_path / "in.mp4")
    for arguments in ((), ("--force",)):
        ended = here("convert", quick_model, "in.mp4", "-o", "in.mp4", *arguments)
        assert ended.code == 2
        assert "in.mp4" in ended.line()
    assert (tmp_path / "in.mp4").read_bytes() == man.read_bytes()


@pytest.mark.parametrize("option", ["--frames-to", "--masks"])
def test_what_exists_is_replaced_only_when_asked(here, quick_model, man, tmp_path, option):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"mine")
    rest = () if option == "--frames-to" else ("-o", "out.mp4")
    for arguments in ((), ("--force",)):  # a folder of other things: not even then
        ended = here("convert", quick_model, man, option, "photos", *rest, *arguments)
        assert ended.code == 2
        assert "photos" in ended.line()
    assert names(tmp_path) == ["photos"]
    assert names(tmp_path / "photos") == ["holiday.jpg"]


def test_force_replaces(here, quick_model, man, tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"old")
    assert here("convert", quick_model, man, "-o", "out.mp4").code == 2
    assert (tmp_path / "out.mp4").read_bytes() == b"old"
    assert here("convert", quick_model, man, "-o", "out.mp4", "--force", "--frames", 1).code == 0
    assert (tmp_path / "out.mp4").stat().st_size > 1000
    assert names(tmp_path) == ["out.mp4", "out.mp4.notice.txt"]


# --- conversion: bad models ---


def _newer(model):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"version": 99}))


def _of_another_kind(model):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"kind": "heads"}))


def _cut(name):
    def do(model):
        data = (model / name).read_bytes()
        (model / name).write_bytes(data[: len(data) // 2])

    return do


def _gone(*names):
    def do(model):
        for path in (model / name for name in names):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return do


BROKEN = {
    "newer": (_newer, "newer"),
    "another kind": (_of_another_kind, "not one of kind swap"),
    "no config": (_gone("config.json"), "not a model"),
    "torn config": (_cut("config.json"), "damaged"),
    "torn weights": (_cut("swap.safetensors"), "damaged"),
    "no weights": (_gone("swap.safetensors", "training"), "not trained yet"),
    "torn people": (_cut("people.safetensors"), "damaged"),
    "no people": (_gone("people.safetensors"), "damaged"),
    "no bank": (_gone("bank"), "damaged"),
    "torn bank": (_cut("bank/part-bank.parquet"), "damaged"),
    "empty bank": (_gone("bank/part-bank.parquet"), "damaged"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_model_that_cannot_be_used(here, copy, man, tmp_path, what):
    damage, words = BROKEN[what]
    damage(copy)
    ended = here("convert", copy, man, "-o", "out.mp4")
    assert ended.code == 1
    assert words in ended.line()
    assert str(copy) in ended.line()
    assert names(tmp_path) == ["model"]


def test_weights_of_another_network(copy):
    config = json.loads((copy / "config.json").read_text())
    config["preset"]["width"] = 32
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="damaged") as caught:
        load_swap(copy)
    assert "\n" not in str(caught.value)


# --- training: bad input ---


def test_a_folder_of_other_things_is_not_trained_into(here, few_faces, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"mine")
    (tmp_path / "file").write_bytes(b"mine")
    sets = ("--source", few_faces[0], "--target", few_faces[1])
    for place in ("photos", "file"):
        ended = here("train", *sets, "-o", place, "--steps", 1)
        assert ended.code == 2
        assert place in ended.line()
    assert names(tmp_path / "photos") == ["holiday.jpg"]
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_another_preset_needs_another_folder(here, few_faces, copy, narrow):
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    ended = here(
        "train", "--source", few_faces[0], "--target", few_faces[1], "-o", copy, "--prior", "none", "--steps", 9
    )
    assert ended.code == 1
    assert "another preset or prior" in ended.line()
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


def test_a_newer_model_is_not_trained_on(here, few_faces, copy, narrow):
    _newer(copy)
    ended = here("train", "--source", few_faces[0], "--target", few_faces[1], "-o", copy, "--steps", 9)
    assert ended.code == 1
    assert "newer" in ended.line()


@pytest.mark.parametrize("role", ["source", "target"])
def test_face_sets_that_cannot_be_used(here, few_faces, tmp_path, role):
    """Missing, empty, and of two people: each error names the set; no model is begun."""
    sets = dict(zip(("source", "target"), few_faces, strict=True))
    bad = {"missing": None, "empty": None, "mixed": None}
    FaceSet.create(tmp_path / "empty", {"crop_size": 256})
    shutil.copytree(few_faces[0], tmp_path / "mixed")
    other = FaceSet.open(few_faces[1])
    with FaceSet.open(tmp_path / "mixed").writer(next(iter(other.sources.values()))) as writer:
        writer.write(other.records())
    for name in bad:
        chosen = sets | {role: tmp_path / name}
        ended = here("train", "--source", chosen["source"], "--target", chosen["target"], "-o", "m", "--steps", 1)
        assert ended.code == 1
        assert name in ended.line()
        if name == "mixed":
            assert "2 people" in ended.line()
            assert f"--{role}-person" in ended.line()
    assert not (tmp_path / "m").exists()


def test_training_goes_on_where_it_stopped(few_faces, tmp_path, narrow):
    """Two steps, then three in all: one more; the same again: none."""
    seen = []
    for total in (2, 3, 3):
        settings = SwapSettings(steps=total, batch=2, precision="fp32")
        report = train(*few_faces, tmp_path / "m", settings, callback=lambda step: seen.append(step.step))
        assert report.steps == total
    assert seen == [1, 2, 3]
    assert steps_of(tmp_path / "m") == 3
    assert litter(tmp_path) == []


def test_a_bank_that_was_never_finished_is_made_again(few_faces, copy, narrow):
    """A kill between the bank's index and its frames leaves an empty face set."""
    _gone("bank")(copy)
    FaceSet.create(copy / "bank", {"crop_size": 256})
    train(*few_faces, copy, SwapSettings(steps=3, batch=2, precision="fp32"))
    assert len(load_swap(copy).bank.geometries) > 0


# --- both: broken off ---


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_conversion_broken_off(start, quick_model, man, tmp_path, number):
    command = start("convert", quick_model, man, "-o", "out.mp4", "--masks", "masks")
    command.wait_for("convert:")
    command.process.send_signal(number)
    ended = command.end()
    assert command.nobody_left(120)
    visible = [name for name in names(tmp_path) if not name.startswith(".")]
    assert visible == []
    if number == signal.SIGKILL:
        assert ended.code == -signal.SIGKILL
    else:
        assert ended.code == 130
        assert "stopped" in ended.line()
        assert names(tmp_path) == []


def test_conversion_is_killed_politely(here, signalled, quick_model, man, tmp_path):
    told = signalled("convert", signal.SIGTERM)
    ended = here("convert", quick_model, man, "-o", "out.mp4", "--masks", "masks")
    assert len(told) == 1
    assert ended.code == 130
    assert "stopped" in ended.line()
    assert names(tmp_path) == []


def test_the_disk_is_full_while_converting(here, quick_model, man, tmp_path):
    with full_disk(60_000):
        ended = here("convert", quick_model, man, "-o", "out.mp4")
    assert ended.code == 1
    assert "out.mp4" in ended.line()
    assert names(tmp_path) == []


def test_training_broken_off_politely(here, signalled, few_faces, tmp_path, narrow):
    """Between two steps: what was learned is kept, and the same call goes on from there."""
    sets = ("--source", few_faces[0], "--target", few_faces[1])
    told = signalled("train", signal.SIGINT)
    ended = here("train", *sets, "-o", "m", "--steps", 5000, *QUICK)
    assert ended.code == 130
    assert "stopped" in ended.line()
    assert litter(tmp_path) == []
    done = steps_of(tmp_path / "m")
    assert [report.done for report in told] == [done]
    assert done >= 1
    seen = []
    settings = SwapSettings(steps=done + 1, batch=2, precision="fp32")
    train(*few_faces, tmp_path / "m", settings, callback=lambda step: seen.append(step.step))
    assert seen == [done + 1]


def test_training_killed(start, few_faces, tmp_path):
    """Before the first checkpoint: what there is converts by geometry, and a rerun simply begins and clears up."""
    sets = ("--source", few_faces[0], "--target", few_faces[1])
    command = start("train", *sets, "-o", "m", "--steps", 5000, *QUICK)
    command.wait_for("train:")
    command.process.kill()
    assert command.end().code == -signal.SIGKILL
    assert command.nobody_left(120)
    assert load_swap(tmp_path / "m").network is None
    report = train(*few_faces, tmp_path / "m", SwapSettings(steps=1, batch=2, precision="fp32"))
    assert report.steps == 1
    assert load_swap(tmp_path / "m").network is not None


@pytest.mark.parametrize(
    "limit", [pytest.param(50_000, id="at the bank"), pytest.param(2_000_000, id="at the checkpoint")]
)
def test_the_disk_is_full_while_training(here, few_faces, tmp_path, narrow, limit):
    sets = ("--source", few_faces[0], "--target", few_faces[1])
    with full_disk(limit):
        ended = here("train", *sets, "-o", "m", "--steps", 2, *QUICK)
    assert ended.code == 1
    assert "m" in ended.line()
    assert (tmp_path / "m" / "training").exists() == (limit > 50_000)
    assert litter(tmp_path) == []
    if limit > 50_000:
        assert load_swap(tmp_path / "m").network is None  # its frames are there
    else:
        with pytest.raises(ModelError):
            load_swap(tmp_path / "m")
    report = train(*few_faces, tmp_path / "m", SwapSettings(steps=2, batch=2, precision="fp32"))
    assert report.steps == 2
    assert load_swap(tmp_path / "m").bank.geometries
