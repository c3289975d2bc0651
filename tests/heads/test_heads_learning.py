"""Tests of training talking heads: identities, samples, meta-learning, tuning, and the files."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from effigie.errors import FaceSetError, ModelError, RefusedError, UsageError
from effigie.extraction import ExtractSettings, extract
from effigie.heads import MetaSettings, TuneSettings, load_heads, load_person, meta_train, tune
from effigie.heads.finetune.reference_set import ReferenceSet
from effigie.heads.finetune.task import TuneTask, split_shots
from effigie.heads.inference.portrait import read_portraits
from effigie.heads.meta_learning.dataset import ExampleSampler, choose_shots
from effigie.heads.meta_learning.hflip import hflip_shot, mirror_landmark_indices
from effigie.heads.meta_learning.identity_dataset import IdentityDataset
from effigie.heads.meta_learning.motion_bank import MotionBank, resolve_crossings
from effigie.heads.meta_learning.random_crops import compute_crop_boxes, crop_and_resize, sample_crop_boxes
from effigie.heads.person_checkpoint import crop_shot
from effigie.media import VideoReader
from effigie.training import train
from effigie.training.export import load_ema_weights

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def films(man, woman, tmp_path_factory):
    """The man and the woman, filmed, in crops of 128 px."""
    folder = tmp_path_factory.mktemp("people") / "films.faces"
    extract([man, woman], folder, ExtractSettings(size=128, frame_interval=3, workers=1))
    return folder


@pytest.fixture(scope="module")
def stills(sample, tmp_path_factory):
    """Five friends in one photograph."""
    folder = tmp_path_factory.mktemp("people")
    (folder / "pictures").mkdir()
    shutil.copy(sample("sample_group"), folder / "pictures")
    extract([folder / "pictures"], folder / "stills.faces", ExtractSettings(size=128, stills=True, workers=1))
    return folder / "stills.faces"


@pytest.fixture(scope="module")
def gallery(films, stills):
    return IdentityDataset([films, stills])


@pytest.fixture(scope="module")
def driver(man, cut, tmp_path_factory):
    """The man, for four frames."""
    return cut(man, tmp_path_factory.mktemp("driver") / "man.mp4", 12, 16)


QUICK = MetaSettings(preset="pico", steps=3, batch=4, content="none")


@pytest.fixture(scope="module")
def heads(films, stills, tmp_path_factory):
    """A hardly trained model."""
    output = tmp_path_factory.mktemp("heads") / "heads"
    return meta_train([films, stills], output, QUICK).output


def test_people_of_films_and_of_stills(gallery):
    is_video = [identity for identity in gallery.identities if identity.is_video]
    assert len(is_video) == 2
    assert all(len(set(identity.clips)) == 1 for identity in is_video)
    assert sum(len(identity) == 1 for identity in gallery.identities) == 5


def test_sets_with_crops_of_different_sizes_are_refused(films, man_faces):
    with pytest.raises(FaceSetError, match="--size"):
        IdentityDataset([films, man_faces])


def test_shots_are_never_the_wanted_frame_nor_next_to_it(gallery):
    identity = next(identity for identity in gallery.identities if identity.is_video)
    random = np.random.default_rng(0)
    for wanted in range(len(identity)):
        shots = choose_shots(identity, wanted, 3, random)
        distance = np.abs(shots - wanted)
        assert (distance > 0).all()
        assert (distance >= min(12, max(wanted, len(identity) - 1 - wanted))).all()


def test_a_mirror_image_of_a_mirror_image_is_the_picture(gallery):
    shot = gallery.shot(gallery.identities[0], 0)
    again = hflip_shot(hflip_shot(shot))
    assert (again.picture == shot.picture).all()
    assert np.abs(again.geometry.landmarks - shot.geometry.landmarks).max() < 1e-3
    assert (again.blendshapes == shot.blendshapes).all()
    assert (np.sort(mirror_landmark_indices()) == np.arange(478)).all()
    # The mirrored face's left eye is where its right eye was: landmarks still say left and right of the picture.
    assert hflip_shot(shot).geometry.landmarks[33, 0] < hflip_shot(shot).geometry.landmarks[263, 0]


def test_an_example_of_a_still_is_the_still_made_from_a_bent_one(gallery):
    motions = MotionBank.from_dataset(gallery)
    maker = ExampleSampler(gallery, 64, 2, motions)
    number = next(i for i, identity in enumerate(gallery.identities) if len(identity) == 1)
    example = maker.sample(number, np.random.default_rng(1))
    assert example.shots.shape == (2, 64, 64, 3)
    assert example.prior.shape == (64, 64, 4)
    # The prior is nearly the picture already: the network has only the rest to learn.
    assert np.abs(example.prior[..., :3].astype(float) - example.picture).mean() < 14
    # ... and the same randomness gives the same example.
    again = maker.sample(number, np.random.default_rng(1))
    assert (again.picture == example.picture).all()
    assert (again.prior == example.prior).all()


def test_bent_lips_and_lids_never_pass_through_each_other(gallery):
    motions = MotionBank.from_dataset(gallery)
    random = np.random.default_rng(0)
    still = gallery.geometry(gallery.identities[-1], 0)
    for _ in range(20):
        bent, shown = motions.transfer_motion(still, np.zeros(52, np.float32), random)
        assert bent.unposed[13, 1] >= bent.unposed[14, 1] - 1e-6
        assert 0 <= shown.min() <= shown.max() <= 1
    crossed = still.unposed.copy()
    crossed[13], crossed[14] = still.unposed[14], still.unposed[13] - [0, 1, 0]
    assert resolve_crossings(crossed)[13, 1] >= resolve_crossings(crossed)[14, 1]


def test_fewer_motions_are_still_pairs_of_one_actor(gallery):
    few = MotionBank.from_dataset(gallery).subsample(8)
    assert 2 <= len(few.actors) <= 8
    assert all((few.actors == actor).sum() >= 2 for actor in np.unique(few.actors))


def test_a_shot_bent_to_itself_is_itself(gallery):
    shot = gallery.shot(gallery.identities[0], 0)
    album = ReferenceSet([shot], 128)
    prior = album.render(album.find_nearest(shot.geometry, shot.blendshapes), shot.geometry.landmarks)
    assert np.abs(prior.picture - shot.picture).mean() < 1.5
    assert prior.visibility.mean() > 0.95


def test_a_look_at_the_mouth_shows_the_mouth(gallery):
    shot = gallery.shot(gallery.identities[0], 0)
    looks = torch.from_numpy(compute_crop_boxes(shot.geometry.landmarks, 128))[None]
    marked = torch.zeros(1, 1, 128, 128)
    x, y = shot.geometry.landmarks[[13, 14], :2].mean(0).round().astype(int)
    marked[0, 0, y - 2 : y + 3, x - 2 : x + 3] = 1
    seen = crop_and_resize(marked, looks[:, 1])[0, 0]
    assert seen[44:84, 44:84].sum() > 0.9 * seen.sum() > 0
    assert torch.equal(crop_and_resize(marked, looks[:, 0]), marked)
    assert sample_crop_boxes(looks.expand(6, -1, -1)).shape == (6, 3)


def test_meta_learning_leaves_a_model_without_its_people(heads):
    model = load_heads(heads)
    assert model.preset.name == "pico"
    assert model.motions is not None
    stored = load_file(heads / "discriminator.safetensors")
    assert stored
    assert not any("table" in name for name in stored)
    manifest = json.loads((heads / "manifest.json").read_text())
    assert manifest["steps"] == 3
    assert manifest["people"] == [6, 1]


def test_meta_learning_goes_on_where_it_stopped(heads, films, stills, tmp_path):
    copy = shutil.copytree(heads, tmp_path / "heads")
    report = meta_train([films, stills], copy, replace(QUICK, steps=4))
    assert report.steps == 4


def test_meta_learning_refuses_what_does_not_fit(heads, films, stills, tmp_path):
    with pytest.raises(ModelError, match="another preset"):
        meta_train([films, stills], heads, MetaSettings(preset="nano", steps=5))
    with pytest.raises(FaceSetError, match="only 2 people"):
        meta_train([films], tmp_path / "few", QUICK)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="not a model"):
        meta_train([films, stills], tmp_path / "full", QUICK)
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["config.json", "generator.safetensors", "motions.safetensors"])
def test_a_damaged_model_is_named(heads, tmp_path, name):
    copy = shutil.copytree(heads, tmp_path / "heads")
    (copy / name).write_bytes((copy / name).read_bytes()[:-9])
    with pytest.raises(ModelError, match=name):
        load_heads(copy)


def test_a_model_of_another_version_or_kind_is_refused(heads, model, tmp_path):
    copy = shutil.copytree(heads, tmp_path / "heads")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"version": 99}))
    with pytest.raises(ModelError, match="newer effigie"):
        load_heads(copy)
    (copy / "config.json").write_text(json.dumps(config | {"kind": "swap"}))
    with pytest.raises(ModelError, match="swap"):
        load_heads(copy)
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_heads(tmp_path)


SETTINGS = TuneSettings(shots=5, steps=3, batch=2, content="none")


@pytest.fixture(scope="module")
def person(heads, woman, woman_consent, tmp_path_factory):
    """A hardly tuned model of the woman."""
    output = tmp_path_factory.mktemp("person") / "woman"
    return tune(heads, woman, output, SETTINGS, consent=woman_consent)


def test_tuning_leaves_a_person(person):
    model = load_person(person.output)
    assert person.shots == len(model.shots) == 5
    assert person.steps == 3
    assert model.psi.shape == (1, model.generator.count)
    assert model.permit.use == "animate"
    assert not (person.output / "training").exists()


def test_tuning_asks_the_gate_first(heads, man, woman_consent, tmp_path):
    with pytest.raises(RefusedError, match="effigie consent new"):
        tune(heads, man, tmp_path / "man", SETTINGS, consent=woman_consent)
    assert not (tmp_path / "man").exists()


def test_a_person_is_not_overwritten(person, heads, woman, woman_consent):
    with pytest.raises(UsageError, match="tuned already"):
        tune(heads, woman, person.output, SETTINGS, consent=woman_consent)


def test_a_tuned_person_moves(person, driver, here):
    ended = here("animate", person.output, "--driver", driver, "-o", "out.mp4", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["frames"] == 4
    assert json.loads(here("verify", "out.mp4", "--json").out)["verdict"] == "made-by-effigie"


def test_a_person_without_records_is_refused(person, driver, here, tmp_path):
    copy = shutil.copytree(person.output, tmp_path / "copy")
    shutil.rmtree(copy / "consents")
    ended = here("animate", copy, "--driver", driver, "-o", "out.mp4")
    assert ended.code == 3
    assert not (tmp_path / "out.mp4").exists()


def test_a_portrait_painted_by_a_network_differs_from_geometry_in_the_face_alone(
    heads, woman, woman_consent, driver, here, tmp_path
):
    with VideoReader(woman, stop=1) as reader:
        image = next(iter(reader)).image
    cv2.imwrite(str(tmp_path / "portrait.png"), image[..., ::-1])
    common = ("portrait.png", "--driver", driver, "--frames", 3, "--codec", "png", "--label", "off")
    frames = {}
    for name, options in (("network", ("--heads", heads)), ("geometry", ("--renderer", "geometry"))):
        ended = here("animate", *common, *options, "-o", name, "--consent", woman_consent)
        assert ended.code == 0, ended.err
        with VideoReader(tmp_path / name) as reader:
            frames[name] = [frame.image.astype(int) for frame in reader][-1]
    different = np.abs(frames["network"] - frames["geometry"]).max(-1)
    assert different.max() > 20
    assert (different[:, :60] < 16).all()  # two marks differ, faces do not reach here


def test_shots_to_watch_are_kept_out_of_tuning(gallery):
    shots = [gallery.shot(gallery.identities[0], index) for index in range(8)]
    learned, kept = split_shots(shots)
    assert len(learned) == 6
    assert len(kept) == 2
    assert split_shots(shots[:3]) == (shots[:3], [])


def test_over_tuning_is_noticed_and_the_best_kept(heads, woman, tmp_path):
    """An over-tuned generator scores worse than before, and is not kept."""
    shots = [crop_shot(portrait, 128) for portrait in read_portraits(woman, max_portraits=4)]
    task = TuneTask(load_heads(heads), shots, 2)
    settings = replace(TuneSettings().training(4), steps=1, evaluate_every_steps=1, learning_rate=10.0, ema_decay=0.0)
    result = train(task, tmp_path, settings)
    before, after = (point.values for point in result.curve if point.error is not None)
    assert before["held_out_error"] == pytest.approx(1, abs=0.05)
    assert after["held_out_error"] > 1.02
    assert result.best is not None and result.best.step == 0
    fresh = TuneTask(load_heads(heads), shots, 2).tuned.state_dict()
    assert all(torch.allclose(load_ema_weights(tmp_path)["tuned"][name], value) for name, value in fresh.items())
