"""Tests of the auxiliary losses: swapped pictures, identity, adversary, and their shares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from effigie.errors import UsageError
from effigie.nn.images import to_float
from effigie.nn.recognizer import EMBEDDING_SIZE
from effigie.prior.frame_bank import compute_features
from effigie.swap.auxiliary_losses import AuxiliaryLosses, IdentityLoss
from effigie.swap.config import SwapSettings
from effigie.swap.dataset import CrossIdentityDataset, SwapDataset
from effigie.swap.network import SwapNet
from effigie.swap.person_frames import load_person_frames
from effigie.swap.presets import SwapLossWeights
from effigie.swap.task import SwapTask
from effigie.swap.trainer import build_bank
from effigie.training.data.collate import collate
from effigie.training.data.sample_key import make_sample_keys

SIZE = 64


@pytest.fixture(scope="module")
def datasets(few_faces):
    footages = {
        role: load_person_frames(str(path), role, None, 0.1)
        for role, path in zip(("source", "target"), few_faces, strict=True)
    }
    made = {}
    for role, footage in footages.items():
        other = footages["target" if role == "source" else "source"]
        bank, rows = build_bank(footage, 8)
        found = compute_features(footage.geometries, footage.faces["blendshapes"], footage.person)
        shape_offset = other.person.shape - footage.person.shape
        made[role] = SwapDataset(footage, bank, rows, found, shape_offset, SIZE, True)
    return made


@pytest.fixture(scope="module")
def identity_loss(datasets):
    return IdentityLoss(datasets["source"])


def network():
    torch.manual_seed(0)
    return SwapNet(width=8, depth=1, stem=4, prior=True)


def task(datasets, shares, identity_loss=None, perceptual_loss=None):
    return SwapTask(network(), datasets, 4, auxiliary_losses=AuxiliaryLosses(shares, identity_loss, perceptual_loss))


def as_tensors(batch):
    return {name: {part: torch.from_numpy(value) for part, value in arrays.items()} for name, arrays in batch.items()}


def test_a_swapped_moment_is_the_targets_with_the_sources_prior(datasets):
    dataset = CrossIdentityDataset.from_datasets(datasets["source"], datasets["target"])
    row = int(datasets["target"].footage.training[0])
    moment = dataset.make_sample(row, None)
    placement = datasets["target"].placement()
    assert np.array_equal(moment.picture, datasets["target"].place_crop(row, placement))
    inside = (moment.share[..., 0] > 250) & (moment.prior[..., 3] > 250)
    assert inside.mean() > 0.15
    assert np.abs(moment.prior[inside, :3].astype(float) - moment.picture[inside]).mean() > 10
    random = np.random.default_rng(0)
    assert not np.array_equal(dataset.make_sample(row, random).picture, moment.picture)


def test_the_source_is_like_the_source_and_the_target_is_not(datasets, identity_loss):
    dataset = CrossIdentityDataset.from_datasets(datasets["source"], datasets["target"])
    moment = dataset.make_sample(int(datasets["target"].footage.training[0]), None)
    chip = torch.from_numpy(moment.chip)[None]
    assert identity_loss.target_embedding.shape == (EMBEDDING_SIZE,)

    def distance(picture):
        return float(identity_loss(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255, chip))

    swapped = np.where(moment.share > 127, moment.prior[..., :3], moment.picture)
    assert distance(swapped) < 0.5 * distance(moment.picture)


@pytest.mark.parametrize(
    ("shares", "names"),
    [
        (SwapLossWeights(), set()),
        (SwapLossWeights(identity=0.5, start_step=0), {"identity"}),
        (SwapLossWeights(adversary=0.3, start_step=0), {"catch", "fool"}),
        (SwapLossWeights(perceptual=0.3, start_step=0), {"perceptual"}),
    ],
    ids=["none", "identity", "adversary", "perceptual"],
)
def test_each_teacher_adds_its_terms(datasets, identity_loss, shares, names):
    one = task(datasets, shares, identity_loss, lambda made, real: (made - real).square().mean())
    batch = as_tensors(one.batch(make_sample_keys(0, 0, 0, range(one.parts))))
    assert ("swap" in batch) == bool(shares.identity)
    terms = one.losses(batch, 1)
    assert set(terms) == {"dssim", "l1"} | names
    assert all(torch.isfinite(term) for term in terms.values())
    torch.stack([term.float() for term in terms.values()]).sum().backward()
    for name, trained in one.networks().items():
        assert any(p.grad is not None and p.grad.abs().max() > 0 for p in trained.parameters()), name


def test_teachers_wait_until_restoring_has_settled(datasets, identity_loss):
    shares = SwapLossWeights(identity=0.5, start_step=10)
    one = task(datasets, shares, identity_loss)
    batch = as_tensors(one.batch(make_sample_keys(0, 0, 0, range(one.parts))))
    assert "identity" not in one.losses(batch, 10)
    early, late = (one.losses(batch, step)["identity"] for step in (12, 40))
    assert early.item() == pytest.approx(0.2 * late.item(), rel=1e-3)
    assert shares.ramp(0) == 0
    assert shares.ramp(15) == 0.5
    assert shares.ramp(1000) == 1


def test_learning_likeness_brings_the_swap_nearer_to_the_source(datasets, identity_loss):
    """Tiny overfit: the same few moments again and again, likeness alone."""
    dataset = CrossIdentityDataset.from_datasets(datasets["source"], datasets["target"])
    rows = datasets["target"].footage.training[:2]
    moments = [dataset.make_sample(int(row), None) for row in rows]
    picture, share = (to_float(torch.from_numpy(array)) for array in collate(moments, ("picture", "share")).values())
    chips = torch.from_numpy(np.stack([m.chip for m in moments]))
    made = nn.Parameter(torch.full_like(picture, 0.5))
    optimizer = torch.optim.Adam([made], lr=0.02)
    found = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = identity_loss(share * made + (1 - share) * picture, chips)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert found[-1] < 0.5 * found[0]


@pytest.mark.parametrize("wrong", [{"identity": -0.1}, {"adversary": 5.0}, {"perceptual": float("nan")}], ids=str)
def test_shares_out_of_range(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        SwapSettings(**wrong)


def test_shares_are_the_presets_but_for_what_is_chosen():
    assert SwapSettings(preset="base").shares.adversary > 0
    assert SwapSettings(preset="base", adversary=0).shares.adversary == 0
    assert SwapSettings(preset="base", adversary=0).shares.perceptual > 0
    assert SwapSettings(identity=0.25).shares.identity == 0.25
