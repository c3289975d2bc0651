"""Tests of pretraining: samples with a known answer, a network of nobody, and training that starts from it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from effigie.errors import FaceSetError, ModelError, UsageError
from effigie.extraction import ExtractSettings, extract
from effigie.swap import PretrainSettings, SwapSettings, pretrain, train
from effigie.swap.checkpoint import build_network
from effigie.swap.dataset import MIN_FRAME_GAP
from effigie.swap.presets import get_preset
from effigie.swap.pretraining.checkpoint import build_pretrained_network, start_from_pretrained
from effigie.swap.pretraining.dataset import PeopleDataset, change_complexion
from effigie.swap.pretraining.task import PretrainingTask
from effigie.swap.pretraining.trainer import split_people

pytestmark = pytest.mark.slow

SIZE = 64


@pytest.fixture(scope="module")
def films(man, woman, tmp_path_factory):
    """The man and the woman, filmed, in crops of 128 px."""
    folder = tmp_path_factory.mktemp("people") / "films.faces"
    extract([man, woman], folder, ExtractSettings(size=128, frame_interval=3, workers=1))
    return folder


@pytest.fixture(scope="module")
def people(films):
    return PeopleDataset.load([films], SIZE)


def test_samples_show_one_geometry_and_disguise_the_input(people):
    assert len(people.people) == 2 and people.filmed == [0, 1]
    random = np.random.default_rng(0)
    for person in (0, 1):
        sample = people.make_sample(person, random)
        assert sample.input.shape == sample.picture.shape == (SIZE, SIZE, 3)
        assert sample.prior.shape == (SIZE, SIZE, 4) and sample.mask.shape == sample.weight.shape == (SIZE, SIZE, 1)
        face = sample.mask[..., 0] > 127
        seen = face & (sample.prior[..., 3] > 127)
        assert seen.sum() > 0.9 * face.sum()
        picture, prior, disguised = (
            array[..., :3].astype(float)[seen] for array in (sample.picture, sample.prior, sample.input)
        )
        # The prior is nearly the answer, of the same person in the same place; the input is somebody else's.
        assert np.abs(picture - prior).mean() < 0.7 * np.abs(picture - disguised).mean()


def test_a_prior_never_holds_the_frame_itself(people):
    for dataset in people.people:
        clips, frames = dataset.footage.faces["clip"], dataset.footage.faces["frame"]
        for row in dataset.footage.training[::7]:
            chosen = dataset.bank_rows[dataset.distant_frames(int(row))]
            near = (clips[chosen] == clips[row]) & (np.abs(frames[chosen] - frames[row]) < MIN_FRAME_GAP)
            assert len(chosen) and not near.any()


def test_complexions_differ_and_stay_pictures():
    gray = np.full((SIZE, SIZE, 3), 120, np.uint8)
    random = np.random.default_rng(1)
    tones = np.stack([change_complexion(gray, random).mean((0, 1)) for _ in range(40)])
    assert tones.std(0).min() > 10
    hue = tones - tones.mean(1, keepdims=True)
    assert hue.std(0).min() > 3


def test_it_learns_the_people_it_sees(people):
    torch.manual_seed(0)
    preset = replace(get_preset("tiny"), size=SIZE, width=16, depth=1)
    network = build_pretrained_network(preset)
    task = PretrainingTask(network, people, [0], [1], 4)
    random = np.random.default_rng(0)
    fixed = [people.make_sample(0, random) for _ in range(4)]
    batch = {
        name: torch.from_numpy(np.stack([getattr(one, name) for one in fixed]))
        for name in ("input", "picture", "prior", "mask", "weight")
    }
    optimizer = torch.optim.Adam(task.parameter_groups(), 2e-3)
    first = None
    for step in range(60):
        loss = torch.stack(list(task.losses(batch, step).values())).sum()
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.6 * first
    figures = task.evaluate(task.networks())
    assert {"error", "error_skin", "error_features", "error_prior"} <= set(figures)
    assert task.preview(task.networks()).shape == (4 * SIZE, 4 * SIZE, 3)


@pytest.fixture(scope="module")
def pretrained(films, tmp_path_factory):
    """What was pretrained by two steps."""
    folder = tmp_path_factory.mktemp("pretrained") / "start"
    return pretrain([films, films, films], folder, PretrainSettings(steps=2, batch=2))


def test_training_starts_from_what_was_pretrained(films, pretrained):
    report, start = pretrained, pretrained.output
    assert report.people == (5, 1) and report.steps == 2
    manifest = json.loads((start / "manifest.json").read_text())
    assert manifest["people"] == [5, 1] and len(manifest["trained_on"]) == 3
    preset = get_preset("tiny")
    network = build_network(preset, True)
    start_from_pretrained(network, preset, start)
    picture, prior = torch.rand(1, 3, 128, 128), torch.rand(1, 4, 128, 128)
    with torch.inference_mode():
        one, other = network(picture, prior, "source"), network(picture, prior, "target")
    assert torch.equal(one.picture, other.picture)
    with pytest.raises(ModelError, match="another preset"):
        start_from_pretrained(build_network(get_preset("base"), True), get_preset("base"), start)
    with pytest.raises(ModelError, match="another preset"):
        pretrain([films, films, films], start, PretrainSettings(steps=2, batch=2, preset="base"))


def test_training_begins_with_a_start(pretrained, few_faces, woman_consent, tmp_path):
    settings = SwapSettings(steps=1, batch=2, start=pretrained.output)
    assert train(*few_faces, tmp_path / "model", settings).steps == 1
    with pytest.raises(ModelError, match="another preset"):
        train(*few_faces, tmp_path / "other", replace(settings, preset="base"))
    with pytest.raises(UsageError, match="prior"):
        replace(settings, prior="none")


def test_too_few_people_and_bad_settings_are_refused(people, films, tmp_path):
    with pytest.raises(FaceSetError, match="only 2 people"):
        split_people(people, 0.05, 0)
    with pytest.raises(FaceSetError):
        pretrain([films], tmp_path / "few")
    for wrong in ({"minutes": 0}, {"steps": 0}, {"batch": 0}, {"held_out": 0.9}, {"precision": "int8"}):
        with pytest.raises(UsageError):
            PretrainSettings(**wrong)
