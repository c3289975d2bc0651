"""Tests of trainings that are stopped or still running: their folders are models."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from benchmarks.fixtures.small import SmallMaterial, isolated_home
from benchmarks.rows.stops import stop_training
from safetensors.torch import load_file, save_file

from effigie.errors import CancelledError, ModelError
from effigie.heads import TuneSettings, tune
from effigie.heads.person_checkpoint import load_person
from effigie.progress import CancelToken
from effigie.swap import SwapSettings, load_swap, train
from effigie.swap.presets import PRESETS
from effigie.training.export import load_ema_weights

SETTINGS = SwapSettings(steps=5, batch=2, bank=12, precision="fp32")


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """Gives the smallest preset few channels, for training in this process."""
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], width=8, depth=1))


def stop_after(step):
    """A cancel token, and a callback that sets it after so many steps."""
    cancel = CancelToken()
    if step == 0:
        cancel.set()
    return {"cancel": cancel, "callback": lambda report: cancel.set() if report.step >= step else None}


def weights_of(model):
    return {name: tensor.half() for name, tensor in model.network.state_dict().items()}


def is_same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.study
def test_models_of_trainings_stopped_at_random_moments_convert(few_faces, woman_consent, man, tmp_path):
    """The benchmark's row, twice; it does twenty."""
    with isolated_home(tmp_path / "home"):
        things = SmallMaterial((man, man), few_faces, woman_consent, man, tmp_path)
        for number in range(2):
            stop = stop_training(things, tmp_path / "model", number)
            assert not (stop.during or stop.fault), stop


def test_stopped_before_the_first_step_it_swaps_by_geometry(few_faces, woman_consent, tmp_path):
    told = []
    with pytest.raises(CancelledError, match="before the first step"):
        train(
            *few_faces,
            tmp_path / "m",
            SETTINGS,
            consent=woman_consent,
            progress=told.append,
            cancel=stop_after(0)["cancel"],
        )
    assert any("stop again" in report.note for report in told)
    assert load_swap(tmp_path / "m").network is None
    without_prior = replace(SETTINGS, prior="none")
    with pytest.raises(CancelledError):
        train(*few_faces, tmp_path / "n", without_prior, consent=woman_consent, cancel=stop_after(0)["cancel"])
    assert load_swap(tmp_path / "n").network is None
    assert load_swap(tmp_path / "n").prior


def test_a_stop_is_the_end_of_a_training(few_faces, woman_consent, tmp_path):
    """Weights and manifest are written; and what a kill leaves, without both, has the same weights."""
    folder = tmp_path / "m"
    with pytest.raises(CancelledError, match="stopped after step 2"):
        train(*few_faces, folder, SETTINGS, consent=woman_consent, **stop_after(2))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["steps"], manifest["weights_sha256"] != "") == (2, True)
    stopped = load_swap(folder)
    exported = load_file(folder / "swap.safetensors")
    assert is_same(weights_of(stopped), exported)
    assert stopped.notes == ()

    killed = shutil.copytree(folder, tmp_path / "killed")
    (killed / "swap.safetensors").unlink()
    (killed / "manifest.json").unlink()
    before = sorted((path, path.stat().st_mtime_ns) for path in killed.rglob("*"))
    model = load_swap(killed)
    assert is_same(weights_of(model), exported)
    assert "step 2" in model.notes[0]
    assert sorted((path, path.stat().st_mtime_ns) for path in killed.rglob("*")) == before  # read alone

    # Trained on from there and killed again: the weights exported earlier are not the newest.
    with pytest.raises(CancelledError, match="stopped after step 4"):
        train(*few_faces, folder, SETTINGS, consent=woman_consent, **stop_after(4))
    (folder / "training" / "best.safetensors").unlink()  # of step 2, which was evaluated when it went on
    newer = {name: tensor.half() for name, tensor in load_ema_weights(folder)["swap"].items()}
    assert not is_same(newer, exported)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    save_file(exported, folder / "swap.safetensors")
    assert is_same(weights_of(load_swap(folder)), newer)
    assert train(*few_faces, folder, SETTINGS, consent=woman_consent).steps == 5


def test_a_model_is_read_while_it_is_trained(few_faces, woman_consent, tmp_path):
    """Before every step its folder holds a model, whole, of one moment."""
    folder, seen = tmp_path / "m", []

    def look(report):
        seen.append(load_swap(folder).network is not None)

    train(*few_faces, folder, replace(SETTINGS, steps=3), consent=woman_consent, callback=look)
    assert seen == [False, False, False]  # no checkpoint for a minute
    train(*few_faces, folder, SETTINGS, consent=woman_consent, callback=look)
    assert seen[3:] == [True, True]


def test_a_model_without_any_source_frames_is_told(few_faces, woman_consent, tmp_path):
    with pytest.raises(CancelledError):
        train(*few_faces, tmp_path / "m", SETTINGS, consent=woman_consent, cancel=stop_after(0)["cancel"])
    shutil.rmtree(tmp_path / "m" / "bank")
    with pytest.raises(ModelError, match="not trained yet"):
        load_swap(tmp_path / "m")


def test_a_stopped_tuning_can_be_animated(woman, cut, woman_consent, tmp_path):
    clip = cut(woman, tmp_path / "woman.mp4", 0, 8)
    settings = TuneSettings(shots=1, steps=4, batch=2, content="none", precision="fp32")
    folder = tmp_path / "woman"
    with pytest.raises(CancelledError, match="before the first step"):
        tune(None, clip, folder, settings, consent=woman_consent, cancel=stop_after(0)["cancel"])
    untuned = load_person(folder)
    assert untuned.manifest_sha256 is None
    with pytest.raises(CancelledError, match="stopped after step 2"):
        tune(None, clip, folder, settings, consent=woman_consent, **stop_after(2))
    person = load_person(folder)
    exported = load_file(folder / "generator.safetensors")
    assert is_same({name: tensor.half() for name, tensor in person.generator.state_dict().items()}, exported)
    report = tune(None, clip, folder, settings, consent=woman_consent)
    assert report.steps == 4
    assert load_person(folder).manifest_sha256 is not None
